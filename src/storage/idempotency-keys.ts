import type { Database, Statement } from './database.ts';
import type { Queries } from './dialect.ts';

/** A key under which a client sends a write, so that the write happens once however often it is sent. */
export interface Claim {
  /** Whose key it is: `user:42`. Keys of two owners never meet. */
  owner: string;
  key: string;
  /** Tells requests apart: another one under the same key has another fingerprint. */
  fingerprint: string;
  /** JSON that leads a repeat to what the write has made. */
  result: unknown;
  /** Milliseconds since the epoch. */
  expiresAt: number;
}

/** Keys of writes that were done. A write stores its claim in its own unit, so that there is never one without the other. */
export interface IdempotencyKeys {
  /** The claim under this key, unless it has expired at `now`. */
  find(owner: string, key: string, now: number): Promise<Claim | undefined>;
  /** Stores a claim alone; rejects as a unit with the claim does (`isTakenClaim`). */
  put(claim: Claim): Promise<void>;
  /** Forgets what expired before `at`, some thousand at a time; resolves to how many. */
  removeExpired(at: number): Promise<number>;
}
