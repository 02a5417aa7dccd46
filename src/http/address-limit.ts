import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import type { Limit, Limits } from '../core/limits/limits.ts';
import { rateLimited } from './rate-limit.ts';

/** What a limit per address needs. */
export interface AddressLimitParts {
  limits: Limits;
  clientAddress: (request: FastifyRequest['raw']) => string;
}

/**
 * A limit per address as a route's hook, whoever asks; routes with the same limit share its count. Throws `rate_limited`
 * before the body is read.
 */
export function limitAddress(
  { limits, clientAddress }: AddressLimitParts,
  limit: Limit,
): onRequestAsyncHookHandler {
  return async (request) => {
    const allowance = await limits.take(limit, clientAddress(request.raw));
    if (!allowance.allowed) throw rateLimited(allowance);
  };
}
