import type { ApiCalls, NewApiCall } from '../../storage/api-calls.ts';
import type { Ownership } from '../../storage/ownership.ts';
import type { TurnEnd, Turns } from '../../storage/turns.ts';
import type { BookedCall, Ledger } from './ledger.ts';

/** The parts of the store that take rows of calls. */
export interface Books {
  apiCalls: ApiCalls;
  turns: Turns;
  ownership: Ownership;
}

/** The same parts, which tell the ledger of every row. */
export function keptIn<Store extends Books>(store: Store, ledger: Pick<Ledger, 'writing'>): Store {
  const { apiCalls, turns, ownership } = store;
  /** Of a unit that may be refused, `storing` says whether it is stored. */
  const told = async <Answer extends boolean | void>(
    calls: readonly NewApiCall[],
    storing: Promise<Answer>,
  ): Promise<Answer> => {
    const writings = calls.map((call) => ledger.writing(call));
    let stored = false;
    try {
      const answer = await storing;
      stored = answer !== false;
      return answer;
    } finally {
      for (const written of writings) written(stored);
    }
  };
  return {
    ...store,
    apiCalls: {
      ...apiCalls,
      record: (call, options) => told([call], apiCalls.record(call, options)),
    },
    turns: {
      ...turns,
      end: (end) => told(callsOf([end]), turns.end(end)),
      requeue: (turn) => told(callsOf([turn]), turns.requeue(turn)),
    },
    ownership: {
      ...ownership,
      change: (change, ...claimed) => told(callsOf(change.ends), ownership.change(change, ...claimed)),
    },
  };
}

function callsOf(ends: readonly Pick<TurnEnd, 'call'>[]): NewApiCall[] {
  return ends.flatMap(({ call }) => call ?? []);
}

/** Gives back what is set aside for a call whose row the store does not get from us. */
export function giveUpRow(call: BookedCall | null): void {
  call?.reservation?.release();
}
