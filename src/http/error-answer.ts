import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ErrorCode, ParleyError } from '../core/errors.ts';
import { requestError } from './request-errors.ts';

/** How a contract says that something failed. */
export interface ErrorShape {
  /** The HTTP status of a code. */
  statusOf: (code: ErrorCode) => number;
  /** The body of the answer. */
  present: (error: ParleyError) => object;
}

/** Answers a failed request in a contract's shape, with `Retry-After` where a pause is known; logs what is our own fault. */
export function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { statusOf, present }: ErrorShape,
): FastifyReply {
  const error = requestError(thrown);
  const status = statusOf(error.code);
  if (status >= 500 && error.code !== 'maintenance')
    request.log.error({ reqId: request.id, err: error, facts: error.internal }, 'a request failed');
  if (error.retryAfterMs !== undefined)
    reply.header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(present(error));
}
