import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ParleyError } from '../core/errors.ts';
import { prefersEnglish } from './accept-language.ts';

type Render = (error: ParleyError, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/**
 * Answers addresses that no contract knows, in the shapes of contracts/README, "Where two documents claim the same
 * address", 4: under `/api/v1` one that satisfies all its contracts, elsewhere under `/api` studio's, and `renderElsewhere`.
 */
export function answerUnclaimed(app: FastifyInstance, renderElsewhere: Render): void {
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0] ?? '/';
    const text = `There is nothing at ${request.method} ${path.slice(0, 200)}.`;
    if (isUnder(path, '/api/v1')) {
      const error = { code: 'NOT_FOUND', message: text, details: null };
      return reply.code(404).send({ success: false, detail: text, error });
    }
    if (isUnder(path, '/api')) {
      const english = prefersEnglish(request.headers['accept-language']);
      const message = english ? text : `接口不存在：${request.method} ${path.slice(0, 200)}`;
      return reply.code(404).send({ code: 404, message, data: null });
    }
    return renderElsewhere(new ParleyError('not_found', text), request, reply);
  });
}

function isUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
