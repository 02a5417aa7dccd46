import type { FastifyReply } from 'fastify';
import { ParleyError } from '../core/errors.ts';
import type { Caller } from '../core/identity/caller.ts';
import type { Allowance, Limit, Limits } from '../core/limits/limits.ts';

const minuteMs = 60_000;

/** The limit that holds for a caller: the key's own where it has one, else the door's, for those whom it counts. */
export function limitFor(caller: Caller, doorLimit: Limit): { limit: Limit; subject: string } {
  if (caller.kind === 'key' && caller.requestsPerMinute !== null) {
    const limit = { name: 'key', points: caller.requestsPerMinute, burst: 0, windowMs: minuteMs };
    return { limit, subject: String(caller.keyId) };
  }
  return { limit: doorLimit, subject: subjectOf(caller, doorLimit) };
}

function subjectOf(caller: Caller, { per = 'address' }: Limit): string {
  if (caller.kind === 'user' && per !== 'address') return `user:${caller.userId}`;
  return caller.kind === 'key' && per === 'caller' ? `key:${caller.keyId}` : caller.ip;
}

/** Takes one of the caller's allowance and announces it in the reply's headers; throws `rate_limited` when it is used up. */
export async function takeAllowance(
  limits: Limits,
  caller: Caller,
  doorLimit: Limit,
  reply: FastifyReply,
  now: number,
): Promise<void> {
  const { limit, subject } = limitFor(caller, doorLimit);
  const allowance = await limits.take(limit, subject);
  announce(reply, allowance, now);
  if (!allowance.allowed) throw rateLimited(allowance);
}

/** The same for a message on a socket, which has no headers to announce in. */
export async function takeSocketAllowance(limits: Limits, caller: Caller, doorLimit: Limit): Promise<void> {
  const { limit, subject } = limitFor(caller, doorLimit);
  const allowance = await limits.take(limit, subject);
  if (!allowance.allowed) throw rateLimited(allowance);
}

/** The refusal of one who used up an allowance. */
export function rateLimited({ limit, resetMs }: Pick<Allowance, 'limit' | 'resetMs'>): ParleyError {
  const seconds = Math.max(1, Math.ceil(resetMs / 1000));
  return new ParleyError(
    'rate_limited',
    `Too many requests: ${limit} a minute are allowed. Try again in ${seconds} s.`,
    {
      retryable: true,
      retryAfterMs: resetMs,
    },
  );
}

function announce(reply: FastifyReply, { limit, remaining, resetMs }: Allowance, now: number): void {
  reply.header('x-ratelimit-limit', limit);
  reply.header('x-ratelimit-remaining', remaining);
  reply.header('x-ratelimit-reset', resetTime(now + resetMs));
}

let lastSecond = 0;
let lastText = '';

/** ISO 8601 to the second, as the gateway's document shows it; one window ends for many requests, so the text is kept. */
function resetTime(at: number): string {
  const second = Math.ceil(at / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
  }
  return lastText;
}
