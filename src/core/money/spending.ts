import { LRUCache } from 'lru-cache';
import type { ApiCalls, NewApiCall } from '../../storage/api-calls.ts';
import { currencies } from '../completions/prices.ts';
import type { OwnerKey } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';
import { monthOf, type DayOf } from '../statistics/calendar.ts';
import { amountOf, nothing, plus, type Amount } from './amount.ts';

export interface SpendingParts {
  apiCalls: Pick<ApiCalls, 'totals'>;
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now'>;
}

/** What an owner has spent in a month. */
export interface Spent {
  month: string;
  spent: Amount;
}

/** What owners have spent this month: the books, read once and from then on added to by each row that this process makes. */
export interface Spending {
  of(owner: OwnerKey): Promise<Spent>;
  /** A row of the owner is handed to the store. */
  began(owner: string): void;
  /** The store has answered. */
  ended(call: NewApiCall, stored: boolean): void;
}

/** Owners whose spending is remembered; that of others is read again. */
const mostOwners = 50_000;

/** Rows of one owner that the store has not answered for. */
interface Underway {
  rows: number;
  /** Whether one came while the books are being read: nobody knows whether it was among what was read. */
  disturbed: boolean;
  /** For who waits until there are none; null where nobody does. */
  idle: PromiseWithResolvers<void> | null;
}

export function createSpending(parts: SpendingParts): Spending {
  const { dayOf, runtime } = parts;
  const known = new LRUCache<OwnerKey, Spent>({ max: mostOwners });
  const underway = new Map<string, Underway>();
  const loading = new Map<OwnerKey, Promise<void>>();
  const thisMonth = () => monthOf(dayOf(runtime.now()));

  async function load(owner: OwnerKey): Promise<void> {
    for (;;) {
      const month = thisMonth();
      const spent = await undisturbed(underway, owner, () => readSpent(parts, owner, month));
      if (spent !== undefined) return void known.set(owner, { month, spent });
    }
  }

  /** Once for all who wait for it. */
  function loaded(owner: OwnerKey): Promise<void> {
    const begun = loading.get(owner) ?? load(owner).finally(() => loading.delete(owner));
    loading.set(owner, begun);
    return begun;
  }

  return {
    async of(owner) {
      for (;;) {
        const entry = known.get(owner);
        if (entry?.month === thisMonth()) return entry;
        await loaded(owner);
      }
    },
    began(owner) {
      let rows = underway.get(owner);
      if (rows === undefined) underway.set(owner, (rows = newUnderway()));
      rows.rows++;
      rows.disturbed = true;
    },
    ended(call, stored) {
      const rows = underway.get(call.owner);
      if (rows !== undefined && --rows.rows === 0) {
        underway.delete(call.owner);
        rows.idle?.resolve();
      }
      if (stored) enter(known, call);
    },
  };
}

function newUnderway(): Underway {
  return { rows: 0, disturbed: false, idle: null };
}

/**
 * What `read` finds while no row of the owner is on its way into the books: what they say then is neither too little nor added once more later.
 * Undefined where a row came between.
 */
async function undisturbed<T>(
  underway: Map<string, Underway>,
  owner: OwnerKey,
  read: () => Promise<T>,
): Promise<T | undefined> {
  for (let rows = underway.get(owner); rows !== undefined; rows = underway.get(owner)) {
    rows.idle ??= Promise.withResolvers();
    await rows.idle.promise;
  }
  const watch = newUnderway();
  underway.set(owner, watch);
  try {
    const found = await read();
    return wasDisturbed(watch) ? undefined : found;
  } finally {
    if (watch.rows === 0 && underway.get(owner) === watch) underway.delete(owner);
  }
}

/** Asked of a function, for it may have become so meanwhile. */
function wasDisturbed({ disturbed }: Underway): boolean {
  return disturbed;
}

function enter(known: LRUCache<OwnerKey, Spent>, call: NewApiCall): void {
  const owner = call.owner as OwnerKey;
  const entry = known.peek(owner);
  if (entry?.month === monthOf(call.day)) entry.spent = plus(entry.spent, takenBy(call));
}

async function readSpent({ apiCalls }: SpendingParts, owner: OwnerKey, month: string): Promise<Amount> {
  const days = { fromDay: `${month}-01`, toDay: `${month}-31` };
  const totals = await apiCalls.totals({ owner, ...days }, ['outcome']);
  const paid = totals.filter(({ outcome }) => outcome !== 'cache_hit');
  return paid.map(takenBy).reduce(plus, nothing);
}

type Taken = Pick<NewApiCall, 'promptTokens' | 'completionTokens' | 'costNano' | 'currency'>;

function takenBy({ promptTokens, completionTokens, costNano, currency: name }: Taken): Amount {
  const currency = currencies.find((known) => known === name);
  const cost = currency === undefined ? null : { nano: Math.round(costNano), currency };
  return amountOf(promptTokens + completionTokens, cost);
}
