import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { ParleyError } from '../core/errors.ts';

/** Reads `application/json` strictly: UTF-8 (RFC 8259, 8.1), no prototype keys, an empty body refused where one is wanted. */
export function acceptJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (!isUtf8(body as Buffer)) return done(badBody('The request body is not valid UTF-8.'));
    if (body.length === 0) {
      // Many clients send the content type with every request, also where there is nothing to send.
      if (mayBeMissing(request.routeOptions.schema?.body)) return done(null, undefined);
      return done(badBody('The request body is empty; send JSON.'));
    }
    void parse(request, body.toString('utf8'), (error, value) => {
      if (error) done(badBody(`The request body is not valid JSON: ${error.message}`));
      else done(null, value);
    });
  });
}

function mayBeMissing(schema: unknown): boolean {
  const { type } = (schema ?? { type: ['null'] }) as { type?: unknown };
  return Array.isArray(type) && type.includes('null');
}

function badBody(message: string): ParleyError {
  return new ParleyError('invalid_request', message, { field: 'body', issue: { kind: 'json' } });
}
