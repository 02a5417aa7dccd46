import type { Claim, IdempotencyKeys } from '../storage/idempotency-keys.ts';
import { invalidField, ParleyError } from './errors.ts';
import type { Runtime } from './runtime.ts';
import { storageFailureOf } from './storage-failure.ts';

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
  /** Stores the claim of a write that has no unit of its own. */
  store(claim: Claim): Promise<void>;
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

  const find = async (owner: string, { key, fingerprint }: Idempotency): Promise<Claim | undefined> => {
    const claim = await keys.find(owner, key, runtime.now());
    if (claim === undefined || claim.fingerprint === fingerprint) return claim;
    throw usedOtherwise();
  };
  const claimOf = (owner: string, { key, fingerprint }: Idempotency, result: unknown): Claim => ({
    owner,
    key,
    fingerprint,
    result,
    expiresAt: runtime.now() + lifetimeMs,
  });
  return {
    store: (claim) => keys.put(claim, runtime.now()),
    async removeExpired() {
      while ((await keys.removeExpired(runtime.now())) > 0);
    },
    async once(owner, idempotency, result, write, again) {
      if (idempotency === undefined) return write(undefined);
      const earlier = await find(owner, idempotency);
      if (earlier !== undefined) return again(earlier.result);
      try {
        return await write(claimOf(owner, idempotency, result));
      } catch (thrown) {
        const quicker = mayBeTwin(thrown) ? await find(owner, idempotency) : undefined;
        if (quicker === undefined) throw thrown;
        return again(quicker.result);
      }
    },
  };
}

export function usedOtherwise(): ParleyError {
  return invalidField('Idempotency-Key', { kind: 'key_reused' });
}

/** Whether the same write, sent twice at once, may be why this one fails: its key is taken, or what it would do is done. */
function mayBeTwin(thrown: unknown): boolean {
  return isTaken(thrown) || (thrown instanceof ParleyError && !thrown.retryable);
}

function isTaken(thrown: unknown): boolean {
  const { code, constraint = '' } = storageFailureOf(thrown) ?? {};
  return code === 'conflict' && constraint.includes('idempotency_keys.');
}
