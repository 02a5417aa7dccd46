import { createSigner, createVerifier } from 'fast-jwt';
import { LRUCache } from 'lru-cache';
import { ParleyError } from '../errors.ts';
import type { Runtime } from '../runtime.ts';

/** What an access token says. */
export interface AccessClaims {
  userId: number;
  loginId: number;
  /** The contract whose login issued it. */
  contract: string;
}

/** Access tokens: JWTs, HS256 over the secret's text. */
export interface AccessTokens {
  /** How long a token is good for, milliseconds. */
  readonly lifetimeMs: number;
  /** Good for `lifetimeMs`, but not beyond `until`. */
  issue(claims: AccessClaims, until?: number): string;
  /** Whether the login still stands is not looked at. Throws `token_expired` and `token_invalid`. */
  read(token: string): AccessClaims;
}

export interface AccessTokenParts {
  /** At least 16 characters. */
  secret: string;
  lifetimeMs: number;
  runtime: Pick<Runtime, 'now'>;
}

export function createAccessTokens({ secret, lifetimeMs, runtime }: AccessTokenParts): AccessTokens {
  const sign = createSigner({ algorithm: 'HS256', key: secret });
  // Expiry is judged here, by the runtime's clock.
  const verify = createVerifier({ algorithms: ['HS256'], key: secret, ignoreExpiration: true });
  // A client shows its token with every request; that it is ours does not change.
  const verified = new LRUCache<string, VerifiedClaims>({ max: mostVerified });
  const verifiedClaimsOf = (token: string): VerifiedClaims => {
    const known = verified.get(token);
    if (known !== undefined) return known;
    const claims = claimsOf(verify, token);
    verified.set(token, claims);
    return claims;
  };

  return {
    lifetimeMs,
    issue({ userId, loginId, contract }, until = Number.POSITIVE_INFINITY) {
      const now = runtime.now();
      return sign({
        sub: String(userId),
        sid: loginId,
        con: contract,
        iat: Math.floor(now / 1000),
        exp: Math.floor(Math.min(now + lifetimeMs, until) / 1000),
      });
    },
    read(token) {
      const { expiresAt, ...claims } = verifiedClaimsOf(token);
      if (expiresAt <= runtime.now()) throw expiredToken();
      return claims;
    },
  };
}

interface VerifiedClaims extends AccessClaims {
  expiresAt: number;
}

const mostVerified = 10_000;

function claimsOf(verify: (token: string) => unknown, token: string): VerifiedClaims {
  const claims = payloadOf(verify, token);
  const userId = Number(claims['sub']);
  const { sid, con, exp } = claims;
  if (!isId(userId) || !isId(sid) || typeof con !== 'string' || typeof exp !== 'number') throw invalidToken();
  return { userId, loginId: sid, contract: con, expiresAt: exp * 1000 };
}

function payloadOf(verify: (token: string) => unknown, token: string): Record<string, unknown> {
  try {
    const claims = verify(token);
    if (typeof claims === 'object' && claims !== null) return claims as Record<string, unknown>;
  } catch (cause) {
    throw invalidToken(cause);
  }
  throw invalidToken();
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** The refusal of a token that is not, or no longer, good for anything. */
export function invalidToken(cause?: unknown): ParleyError {
  return new ParleyError('token_invalid', 'The token is not valid. Log in again.', { cause });
}

/** The refusal of a token whose time is over. */
export function expiredToken(): ParleyError {
  return new ParleyError('token_expired', 'The token has expired. Log in again.');
}
