import type { Reservations } from '../../storage/reservations.ts';
import type { OwnerKey } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import type { Runtime } from '../runtime.ts';
import { monthOf, type DayOf } from '../statistics/calendar.ts';
import { capped, type Amount, type Limit } from './amount.ts';

/** What an owner has spent this month and what is set aside for calls on their way, on all nodes. */
export interface Standing {
  /** `YYYY-MM`. */
  month: string;
  spent: Amount;
  reserved: Amount;
}

/** What is set aside for one call: ends with the call's row (`NewApiCall.reservationId`), or is released. */
export interface Reservation {
  id: number;
  /** Gives it back without being waited for; where the store cannot be told, it is again later. Once is enough. */
  release(): void;
}

/**
 * Who has spent how much this month, and what is set aside; both are in the store, which all nodes share. A node that is gone has set nothing
 * aside half a minute later.
 */
export interface Ledger {
  /** Sets `estimate` aside if the limit has room for it beside all that is spent and set aside; what takes nothing always fits. Else says how things stand. */
  reserve(
    owner: OwnerKey,
    limit: Limit,
    estimate: Amount,
  ): Promise<{ reservation: Reservation } | { standing: Standing }>;
  standing(owner: OwnerKey): Promise<Standing>;
  /** To be called every ten seconds: keeps what this node has set aside. Asks nothing of the store where nothing is. */
  tend(): Promise<void>;
}

export interface LedgerParts {
  rows: Reservations;
  /** Names this process. */
  node: string;
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now'>;
  log: Log;
}

/** What nobody has renewed for so long is void: two times of tending may fail. */
const heldMs = 30_000;

export function createLedger({ rows, node, dayOf, runtime, log }: LedgerParts): Ledger {
  /** Whether this node may hold any; at its start, a process before it may have left some. */
  let mayHold = true;
  /** What the store is being told of, or could not be. */
  const releasing = new Map<number, Promise<void>>();

  const release = (id: number) => {
    const told = rows.release(id).then(
      () => void releasing.delete(id),
      (err: unknown) => log.warn({ err }, 'what was set aside for a call could not be given back yet'),
    );
    releasing.set(id, told);
  };

  return {
    async reserve(owner, limit, estimate) {
      mayHold = true;
      const now = runtime.now();
      const month = monthOf(dayOf(now));
      const heldUntil = now + heldMs;
      const wanted = { owner, month, limit, estimate: capped(estimate), node, heldUntil, now };
      const made = await rows.reserve(wanted);
      if ('standing' in made) return { standing: { month, ...made.standing } };
      return { reservation: { id: made.id, release: () => release(made.id) } };
    },
    async standing(owner) {
      // What was given back here does not stand any more.
      await Promise.all(releasing.values());
      const now = runtime.now();
      const month = monthOf(dayOf(now));
      return { month, ...(await rows.standing(owner, month, now)) };
    },
    async tend() {
      for (const id of releasing.keys()) release(id);
      if (!mayHold) return;
      mayHold = false;
      const now = runtime.now();
      try {
        if ((await rows.renew(node, now + heldMs)) > 0) mayHold = true;
        await rows.removeVoid(now);
      } catch (thrown) {
        mayHold = true;
        throw thrown;
      }
    },
  };
}
