import { ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import type { Account } from './account.ts';

/** `IdempotentWrites.once` for a new account: sent twice at once, the second may meet the first one's account before its key. */
export async function madeOnce(
  idempotency: Pick<IdempotentWrites, 'once' | 'find'>,
  owner: string,
  sent: Idempotency,
  make: (claim: Parameters<Parameters<IdempotentWrites['once']>[3]>[0]) => Promise<Account>,
  again: (result: unknown) => Promise<Account>,
): Promise<Account> {
  try {
    return await idempotency.once(owner, sent, null, make, again);
  } catch (thrown) {
    const taken = thrown instanceof ParleyError && thrown.code === 'already_taken';
    const quicker = taken ? await idempotency.find(owner, sent) : undefined;
    if (quicker === undefined) throw thrown;
    return again(quicker.result);
  }
}
