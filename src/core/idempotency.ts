import type { Claim, IdempotencyKeys } from '../storage/idempotency-keys.ts';
import { ParleyError } from './errors.ts';
import type { Runtime } from './runtime.ts';

/** A client's promise that it sends one write, however often it sends it. */
export interface Idempotency {
  /** The client's own name for the write. */
  key: string;
  /** Tells what is asked apart: a repeat has the same. */
  fingerprint: string;
}

/** Lets a write that comes more than once happen once. Owners are written `user:42`; the keys of two never meet. */
export interface IdempotentWrites {
  /**
   * Runs `write` with the claim that it must store in its own unit, or `again` with the result of the earlier one. Throws
   * `invalid_request` where the key was used for something else.
   */
  once<T>(
    owner: string,
    idempotency: Idempotency | undefined,
    result: unknown,
    write: (claim: Claim | undefined) => Promise<T>,
    again: (result: unknown) => Promise<T>,
  ): Promise<T>;
  /** The claim of an earlier write under the key. Throws as `once` does. */
  find(owner: string, idempotency: Idempotency): Promise<Claim | undefined>;
  /** What a write stores to be found by its repeats. */
  claimOf(owner: string, idempotency: Idempotency, result: unknown): Claim;
  /** Whether a write was refused because another under the same key was quicker; nothing of it was stored. */
  isTaken(thrown: unknown): boolean;
  /** Forgets the keys whose time is over. */
  removeExpired(): Promise<void>;
}

/** How long a repeat is recognised. */
const lifetimeMs = 24 * 60 * 60 * 1000;

export function createIdempotency(parts: {
  keys: IdempotencyKeys;
  runtime: Pick<Runtime, 'now'>;
}): IdempotentWrites {
  const { keys, runtime } = parts;

  const find: IdempotentWrites['find'] = async (owner, { key, fingerprint }) => {
    const claim = await keys.find(owner, key, runtime.now());
    if (claim === undefined || claim.fingerprint === fingerprint) return claim;
    throw new ParleyError(
      'invalid_request',
      'Idempotency-Key: this key was used for another request. Send a new key with each new request, and the same only to repeat one.',
      { field: 'Idempotency-Key' },
    );
  };
  const claimOf: IdempotentWrites['claimOf'] = (owner, { key, fingerprint }, result) => ({
    owner,
    key,
    fingerprint,
    result,
    expiresAt: runtime.now() + lifetimeMs,
  });
  const removeExpired = async () => {
    while ((await keys.removeExpired(runtime.now())) > 0);
  };

  return {
    find,
    claimOf,
    isTaken,
    removeExpired,
    async once(owner, idempotency, result, write, again) {
      if (idempotency === undefined) return write(undefined);
      const earlier = await find(owner, idempotency);
      if (earlier !== undefined) return again(earlier.result);
      const claimed = () => write(claimOf(owner, idempotency, result));
      try {
        return await claimed();
      } catch (thrown) {
        if (!isTaken(thrown)) throw thrown;
      }
      const quicker = await find(owner, idempotency);
      if (quicker !== undefined) return again(quicker.result);
      // What stands in the way is a claim that has expired and was not removed yet.
      await removeExpired();
      return claimed();
    },
  };
}

/** Storage's errors are recognised by what they say: core imports only its types. */
function isTaken(thrown: unknown): boolean {
  const { name, code, constraint } = (thrown ?? {}) as Record<'name' | 'code' | 'constraint', unknown>;
  if (name !== 'StorageError' || code !== 'conflict' || typeof constraint !== 'string') return false;
  return constraint.includes('idempotency_keys.');
}
