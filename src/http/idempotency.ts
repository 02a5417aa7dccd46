import { hash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { invalidField, ParleyError } from '../core/errors.ts';
import type { Idempotency } from '../core/idempotency.ts';

const field = 'Idempotency-Key';

/**
 * The client's `Idempotency-Key`, quoted (RFC 8941) or bare, with a fingerprint of what is asked; undefined where it sent
 * none. To be called once the request is validated. Throws `invalid_request`.
 */
export function idempotencyOf(
  request: Pick<FastifyRequest, 'headers' | 'method' | 'routeOptions' | 'params' | 'query' | 'body'>,
): Idempotency | undefined {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return undefined;
  const key = typeof header === 'string' ? header.replace(/^"(.*)"$/u, '$1') : '';
  if (!/^[\x21-\x7e]{1,255}$/u.test(key)) throw invalidField(field, { kind: 'key' });
  const { method, routeOptions, params, query, body } = request;
  return { key, fingerprint: fingerprintOf([method, routeOptions.url, params, query, body], 'body') };
}

/**
 * The same of a socket's frame, by the frame's own `id`: a text, or a whole number. The keys of frames and of requests never
 * meet. Undefined where the frame has no id; throws `invalid_request`.
 */
export function frameIdempotencyOf(path: string, frame: object, id: unknown): Idempotency | undefined {
  if (id === undefined || id === null) return undefined;
  const isName = typeof id === 'string' ? id !== '' && id.length <= 255 : Number.isSafeInteger(id);
  if (!isName) throw invalidField('id', { kind: 'frame_id' });
  const { id: _id, ...asked } = frame as { id?: unknown };
  return { key: `frame ${id as string | number}`, fingerprint: fingerprintOf([path, asked], 'frame') };
}

/** Equal for two askings whose objects differ only in the order of their keys. */
function fingerprintOf(asked: unknown[], what: string): string {
  return hash('sha256', canonicalJson(asked, what), 'hex');
}

function canonicalJson(value: unknown, what: string): string {
  try {
    return JSON.stringify(value, sorted);
  } catch (cause) {
    // What came as JSON fails here only by its depth.
    if (!(cause instanceof RangeError)) throw cause;
    throw new ParleyError('invalid_request', `${what}: is nested too deeply`, { field: what, cause });
  }
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries);
}
