import type { IncomingMessage } from 'node:http';
import { credentialsOf } from './credentials.ts';

/**
 * The contract whose login a token says it comes from, unverified: good for choosing who answers, which then verifies the
 * token; undefined for whatever is no access token.
 */
export function issuerOf(bearer: string | undefined): string | undefined {
  if (bearer === undefined) return undefined;
  const [, payload, signature] = bearer.split('.', 3);
  if (payload === undefined || signature === undefined) return undefined;
  try {
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as unknown;
    const issuer = (claims as { con?: unknown } | null)?.con;
    return typeof issuer === 'string' ? issuer : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The route constraint `issuer`: of two routes with one address, `constraints: { issuer: 'companion' }` gets the requests
 * whose token says that the companion contract issued it, and the one without the constraint all others. Tokens are read
 * only where a route of the address wants it: what is derived of each request is the request itself.
 */
export const issuerConstraint = {
  name: 'issuer',
  storage<T>() {
    const routes = new Map<string, T>();
    return {
      get(asked: string | IncomingMessage): T | null {
        const issuer = typeof asked === 'string' ? asked : issuerOf(credentialsOf(asked.headers).bearer);
        return (issuer === undefined ? undefined : routes.get(issuer)) ?? null;
      },
      set: (issuer: string, route: T) => void routes.set(issuer, route),
    };
  },
  deriveConstraint: (request: IncomingMessage) => request,
  validate(issuer: unknown): asserts issuer is string {
    if (typeof issuer !== 'string') throw new TypeError('The constraint "issuer" is the name of a contract.');
  },
};
