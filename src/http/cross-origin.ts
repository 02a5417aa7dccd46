import fastifyCors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';

/**
 * Whether pages of `origin` may use this server from a browser; `host` is the request's own `Host`.
 *
 * Browsers send no credential of ours on their own, so where one is needed any page may ask. Where none is needed, only
 * pages of this machine may: otherwise every website that somebody visits could use the server behind their back.
 */
export type OriginPolicy = (origin: string | undefined, host: string | undefined) => boolean;

/** `setting` lists the allowed origins, `*` for all; null for what `OriginPolicy` describes. */
export function createOriginPolicy(setting: readonly string[] | null, open: boolean): OriginPolicy {
  const listed = new Set(setting);
  return (origin, host) => {
    if (origin === undefined) return true;
    const url = URL.parse(origin);
    if (url !== null && url.host === host) return true;
    if (setting !== null) return listed.has('*') || listed.has(origin);
    return !open || (url !== null && isLoopback(url.hostname));
  };
}

/** What pages of other origins may read beside the body. */
const exposedHeaders = [
  'X-Request-ID',
  'X-Process-Time',
  'X-Cache-Status',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'X-Feed-Cursor',
  'Idempotent-Replayed',
];

/** Answers browsers' cross-origin questions (Fetch standard, "CORS protocol"). */
export async function allowOrigins(app: FastifyInstance, allowed: OriginPolicy): Promise<void> {
  await app.register(fastifyCors, {
    delegator: (request, done) => {
      const { origin, host } = request.headers;
      const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];
      done(null, {
        origin: origin !== undefined && allowed(origin, host),
        methods,
        exposedHeaders,
        maxAge: 600,
      });
    },
  });
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/u.test(hostname);
}
