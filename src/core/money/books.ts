import type { NewApiCall } from '../../storage/api-calls.ts';
import type { Reservation } from './ledger.ts';

/** A call's row on its way into the books, where it ends what was set aside for the call. */
export interface BookedCall extends NewApiCall {
  reservation?: Reservation;
}

/** Gives back what is set aside for a call whose row the store does not get from us. */
export function giveUpRow(call: BookedCall | null): void {
  call?.reservation?.release();
}
