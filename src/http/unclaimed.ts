import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ParleyError } from '../core/errors.ts';
import { prefersEnglish } from './accept-language.ts';
import { requestError } from './request-errors.ts';

type Render<T> = (thrown: T, request: FastifyRequest, reply: FastifyReply) => FastifyReply;

/**
 * Answers addresses that no contract knows, in the shapes of contracts/README, "Where two documents claim the same
 * address", 4: under `/api/v1` one that satisfies all its contracts, elsewhere under `/api` studio's, and `renderElsewhere`.
 */
export function answerUnclaimed(app: FastifyInstance, renderElsewhere: Render<ParleyError>): void {
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request);
    const asked = `${request.method} ${path.slice(0, 200)}`;
    const text = `There is nothing at ${asked}.`;
    if (isUnder(path, '/api/v1')) {
      const error = { code: 'NOT_FOUND', message: text, details: null };
      return reply.code(404).send({ success: false, detail: text, error });
    }
    if (isUnder(path, '/api')) return refuse(request, reply, 404, text, `接口不存在：${asked}`);
    return renderElsewhere(new ParleyError('not_found', text), request, reply);
  });
}

/** Answers addresses that are none, such as `/%ff`, by the same rule where studio's are, and else by `renderElsewhere`. */
export function answerUnreadableAddresses(renderElsewhere: Render<unknown>): Render<unknown> {
  return (thrown, request, reply) => {
    const { code, message } = requestError(thrown);
    const path = pathOf(request);
    if (code !== 'invalid_request' || !isUnder(path, '/api') || isUnder(path, '/api/v1')) {
      return renderElsewhere(thrown, request, reply);
    }
    return refuse(request, reply, 400, message, '请求地址不是有效的 URL');
  };
}

/** In studio's shape. */
function refuse(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  code: number,
  english: string,
  chinese: string,
): FastifyReply {
  const message = prefersEnglish(headers['accept-language']) ? english : chinese;
  return reply.code(code).send({ code, message, data: null });
}

function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] ?? '/';
}

function isUnder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}
