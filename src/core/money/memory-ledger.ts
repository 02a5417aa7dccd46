import type { OwnerKey } from '../identity/caller.ts';
import { minus, nothing, plus, shareOf, type Amount } from './amount.ts';
import { sizeOf } from './budget.ts';
import type { Ledger, Reservation } from './ledger.ts';
import { createSpending, type SpendingParts } from './spending.ts';

/** The ledger of a single process, which makes every row of the books itself. */
export function createMemoryLedger(parts: SpendingParts): Ledger {
  const spending = createSpending(parts);
  const reserved = new Map<OwnerKey, Amount>();

  function setAside(owner: OwnerKey, amount: Amount): Reservation {
    reserved.set(owner, plus(reserved.get(owner) ?? nothing, amount));
    let held = true;
    return {
      release() {
        if (!held) return;
        held = false;
        const left = minus(reserved.get(owner) ?? nothing, amount);
        if (isNothing(left)) reserved.delete(owner);
        else reserved.set(owner, left);
      },
    };
  }

  return {
    async reserve(owner, limit, estimate) {
      const { month, spent } = await spending.of(owner);
      // From here on nothing is awaited: of two calls at once, the second sees what the first has set aside.
      const held = reserved.get(owner) ?? nothing;
      const share = shareOf(plus(plus(spent, held), estimate), limit);
      const fits = share <= sizeOf(limit.budget) || shareOf(estimate, limit) === 0;
      return fits
        ? { reservation: setAside(owner, estimate) }
        : { standing: { month, spent, reserved: held } };
    },
    async standing(owner) {
      const { month, spent } = await spending.of(owner);
      return { month, spent, reserved: reserved.get(owner) ?? nothing };
    },
    writing(call) {
      if (call.outcome === 'cache_hit') return costsNothing;
      spending.began(call.owner);
      return (stored) => {
        spending.ended(call, stored);
        if (stored) call.reservation?.release();
      };
    },
  };
}

function costsNothing(): void {}

function isNothing({ tokens, USD, CNY }: Amount): boolean {
  return tokens === 0 && USD === 0 && CNY === 0;
}
