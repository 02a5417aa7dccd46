import type { NewApiCall } from '../../storage/api-calls.ts';
import type { OwnerKey } from '../identity/caller.ts';
import type { Amount, Limit } from './amount.ts';

/** What an owner has spent this month and what is set aside for calls on their way. */
export interface Standing {
  /** `YYYY-MM`. */
  month: string;
  spent: Amount;
  reserved: Amount;
}

/** What is set aside for one call. */
export interface Reservation {
  /** Gives it back; once is enough. */
  release(): void;
}

/** A call's row on its way into the books, with what was set aside for it. */
export interface BookedCall extends NewApiCall {
  reservation?: Reservation;
}

/**
 * Who has spent how much this month. What is spent is what the books say; each row that reaches them must pass through `writing`, so that
 * the ledger knows it without asking again.
 */
export interface Ledger {
  /** Sets `estimate` aside if the limit has room for it beside all that is spent and set aside; what takes nothing always fits. Else says how things stand. */
  reserve(
    owner: OwnerKey,
    limit: Limit,
    estimate: Amount,
  ): Promise<{ reservation: Reservation } | { standing: Standing }>;
  standing(owner: OwnerKey): Promise<Standing>;
  /**
   * To be called as a row is handed to the store, and what it returns when the store has answered. A row that is stored ends its reservation;
   * of one that is not, whoever gives it up does.
   */
  writing(call: BookedCall): (stored: boolean) => void;
}
