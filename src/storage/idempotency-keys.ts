import { sql } from 'kysely';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { StorageError } from './storage-error.ts';

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
  /** Stores a claim alone; rejects as a unit with the claim does (`isTakenClaim`). One that has expired at `now` is replaced. */
  put(claim: Claim, now: number): Promise<void>;
  /** Forgets what expired before `at`, some thousand at a time; resolves to how many. */
  removeExpired(at: number): Promise<number>;
}

/** Whether a unit was rolled back because its claim's key is taken; nothing of it was stored. */
export function isTakenClaim(error: unknown): boolean {
  return (
    error instanceof StorageError &&
    error.code === 'conflict' &&
    error.constraint?.includes('idempotency_keys.') === true
  );
}

/** Rows that one `removeExpired` forgets at most. */
const forgottenAtOnce = 5000;

/** Keys kept in `database`. */
export function createIdempotencyKeys(database: Database, queries: Queries): IdempotencyKeys {
  const claiming = compileClaim(queries);
  const byKey = compileQuery(
    queries
      .selectFrom('idempotency_keys')
      .select(['owner', 'key', 'fingerprint', 'result', 'expires_at as expiresAt'])
      .where('owner', '=', '')
      .where('key', '=', '')
      .where('expires_at', '>', 0),
  );
  const removeExpired = compileStatement(
    queries
      .deleteFrom('idempotency_keys')
      .where(
        sql<boolean>`(owner, key) in (select owner, key from idempotency_keys where expires_at < ${0} order by expires_at limit ${0})`,
      ),
  );
  return {
    async find(owner, key, now) {
      const [row] = await database.read(withValues(byKey, [owner, key, now]));
      return row && { ...row, result: JSON.parse(row.result) as unknown };
    },
    async put(claim, now) {
      await database.write(claiming(claim, now));
    },
    async removeExpired(at) {
      const [result] = await database.write([withValues(removeExpired, [at, forgottenAtOnce])]);
      return result?.changes ?? 0;
    },
  };
}

/** The statements with which a unit stores its claim; none without a claim. */
export function compileClaim(queries: Queries): (claim: Claim | undefined, now: number) => Statement[] {
  const removeOld = compileStatement(
    queries
      .deleteFrom('idempotency_keys')
      .where('owner', '=', '')
      .where('key', '=', '')
      .where('expires_at', '<=', 0),
  );
  const insert = compileStatement(
    queries
      .insertInto('idempotency_keys')
      .values({ owner: '', key: '', fingerprint: '', result: '', expires_at: 0 }),
  );
  return (claim, now) => {
    if (claim === undefined) return [];
    const { owner, key, fingerprint, result, expiresAt } = claim;
    return [
      withValues(removeOld, [owner, key, now]),
      withValues(insert, [owner, key, fingerprint, JSON.stringify(result ?? null), expiresAt]),
    ];
  };
}
