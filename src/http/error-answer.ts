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

/** What assistant.md calls a refusal of credentials. */
const credentialCodes: Partial<Record<ErrorCode, string>> = {
  unauthorized: 'AUTH003',
  token_expired: 'AUTH002',
  token_invalid: 'AUTH003',
};

/**
 * The shape of a contract at the address that assistant and companion both claim: without a valid token nobody knows whose
 * client asks, so the 401 satisfies both (contracts/README, "Where two documents claim the same address", 1).
 */
export function forEitherClient({ statusOf, present }: ErrorShape): ErrorShape {
  return {
    statusOf,
    present(error) {
      const code = credentialCodes[error.code];
      if (code === undefined) return present(error);
      const { message, field = '' } = error;
      return { detail: message, error: { code, message, details: field } };
    },
  };
}

/** What somebody wanted, or what the log has told before. */
const intended: ReadonlySet<ErrorCode> = new Set(['maintenance', 'interrupted']);

/** Answers a failed request in a contract's shape, with `Retry-After` where a pause is known; logs what is our own fault. */
export function answerError(
  thrown: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { statusOf, present }: ErrorShape,
): FastifyReply {
  const error = requestError(thrown);
  const status = statusOf(error.code);
  if (status >= 500 && !intended.has(error.code))
    request.log.error({ reqId: request.id, err: error, facts: error.internal }, 'a request failed');
  if (error.retryAfterMs !== undefined)
    reply.header('retry-after', Math.max(1, Math.ceil(error.retryAfterMs / 1000)));
  return reply
    .code(status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(present(error));
}
