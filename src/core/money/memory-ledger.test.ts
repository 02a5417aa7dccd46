import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { newCall } from '../../storage/sample-rows.fixture.ts';
import { newTurn } from '../../storage/sample-turns.fixture.ts';
import { openTemporaryStorage } from '../completions/bench.fixture.ts';
import type { OwnerKey } from '../identity/caller.ts';
import { monthOf } from '../statistics/calendar.ts';
import { amountOf, nothing, plus, shareOf, type Amount, type Limit } from './amount.ts';
import { keptIn } from './books.ts';
import type { Ledger, Reservation } from './ledger.ts';
import { createMemoryLedger } from './memory-ledger.ts';

const limits: Limit[] = [
  { budget: { tokens: 400 }, cnyPerUsd: 7 },
  { budget: { amountNano: 400, currency: 'USD' }, cnyPerUsd: 7 },
  { budget: { amountNano: 1_500, currency: 'CNY' }, cnyPerUsd: 7 },
];
const outcomes = ['success', 'failure', 'cancelled', 'cache_hit'] as const;

/** A call: how much it is thought to take, how much it does, and what becomes of it. */
const call = fc.record({
  owner: fc.constantFrom('user:1', 'key:1'),
  /** Nothing was set aside where the caller had no budget when it began. */
  isLimited: fc.boolean(),
  estimate: fc.nat(100),
  tokens: fc.nat(100),
  currency: fc.constantFrom('USD' as const, 'CNY' as const),
  outcome: fc.constantFrom(...outcomes),
  isRecorded: fc.boolean(),
  /** Turns of the event loop before it begins, and before it ends. */
  before: fc.nat(3),
  lasts: fc.nat(3),
  at: fc.constantFrom('2026-09-30', '2026-10-01'),
});
type Call = typeof call extends fc.Arbitrary<infer Value> ? Value : never;

const turns = async (count: number) => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate);
};

it('a ledger equals the books, whatever comes at once, and never lets more through than fits', async (t) => {
  const storage = await openTemporaryStorage(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 25 }),
      fc.constantFrom(...limits),
      async (calls, limit) => {
        const ownerIn = (
          (prefix) => (owner: string) =>
            `${prefix}:${owner}` as OwnerKey
        )(`run${run++}`);
        const runtime = { now: () => Date.parse('2026-10-01') };
        const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
        const ledger = createMemoryLedger({ apiCalls: storage.apiCalls, dayOf, runtime });
        const { apiCalls } = keptIn(storage, ledger);
        await Promise.all(calls.map((made) => make(ledger, apiCalls, limit, ownerIn, made)));
        for (const owner of ['user:1', 'key:1'].map(ownerIn)) {
          const { month, spent, reserved } = await ledger.standing(owner);
          assert.deepEqual([month, reserved], ['2026-10', nothing]);
          assert.deepEqual(spent, await booked(storage.apiCalls, owner), 'what is spent');
        }
      },
    ),
    { numRuns: 60 },
  );
});

async function make(
  ledger: Ledger,
  apiCalls: ReturnType<typeof keptIn>['apiCalls'],
  limit: Limit,
  ownerIn: (owner: string) => OwnerKey,
  { owner: name, isLimited, estimate, tokens, currency, outcome, isRecorded, before, lasts, at }: Call,
): Promise<void> {
  const owner = ownerIn(name);
  await turns(before);
  let reservation: Reservation | undefined;
  if (isLimited) {
    const amount = amountOf(estimate, { nano: estimate, currency });
    const made = await ledger.reserve(owner, limit, amount);
    if (!('reservation' in made)) {
      const { spent, reserved } = made.standing;
      const share = shareOf(plus(plus(spent, reserved), amount), limit);
      assert.ok(share > sizeIn(limit), 'it is refused only where it does not fit');
      return;
    }
    reservation = made.reservation;
  }
  await turns(lasts);
  if (!isRecorded) return reservation?.release();
  const row = newCall({
    owner,
    day: at,
    outcome,
    promptTokens: tokens,
    completionTokens: 0,
    costNano: tokens,
    currency,
  });
  await apiCalls.record({ ...row, ...(reservation && { reservation }) });
  // Cached answers end no reservation, for they have none.
  if (outcome === 'cache_hit') reservation?.release();
}

function sizeIn({ budget }: Limit): number {
  return 'tokens' in budget ? budget.tokens : budget.amountNano;
}

/** Added up from the single calls, of October. */
async function booked(apiCalls: Parameters<typeof keptIn>[0]['apiCalls'], owner: string): Promise<Amount> {
  const rows = await apiCalls.list({ owner, limit: 1_000 });
  return rows
    .filter(({ day, outcome }) => monthOf(day) === '2026-10' && outcome !== 'cache_hit')
    .map(({ promptTokens, costNano: nano, currency }) =>
      amountOf(promptTokens, { nano, currency: currency as 'USD' }),
    )
    .reduce(plus, nothing);
}

it('reservations and what is spent never exceed the limit where calls take no more than was set aside', async (t) => {
  const storage = await openTemporaryStorage(t);
  const ledger = createMemoryLedger({
    apiCalls: storage.apiCalls,
    dayOf: () => '2026-10-01',
    runtime: { now: () => 0 },
  });
  const { apiCalls } = keptIn(storage, ledger);
  const limit: Limit = { budget: { tokens: 1_000 }, cnyPerUsd: 7 };
  const owner = 'user:9' as OwnerKey;
  let through = 0;
  const watch = async () => {
    const { spent, reserved } = await ledger.standing(owner);
    assert.ok(spent.tokens + reserved.tokens <= 1_000, `${spent.tokens} and ${reserved.tokens}`);
  };
  await Promise.all(
    Array.from({ length: 300 }, async (_, index) => {
      await turns(index % 7);
      const made = await ledger.reserve(owner, limit, amountOf(20, null));
      await watch();
      if (!('reservation' in made)) return;
      through++;
      await turns(index % 5);
      const row = newCall({ owner, day: '2026-10-01', promptTokens: 15, completionTokens: 5 });
      await apiCalls.record({ ...row, reservation: made.reservation } as typeof row);
      await watch();
    }),
  );
  assert.equal(through, 50);
  assert.equal((await ledger.standing(owner)).spent.tokens, 1_000);
});

it('a row that is on its way when the books are read is counted once', async (t) => {
  const storage = await openTemporaryStorage(t);
  const ledger = createMemoryLedger({
    apiCalls: storage.apiCalls,
    dayOf: () => '2026-10-01',
    runtime: { now: () => 0 },
  });
  const { apiCalls } = keptIn(storage, ledger);
  const owner = 'user:9' as OwnerKey;
  const row = newCall({ owner, day: '2026-10-01', promptTokens: 1, completionTokens: 0 });
  const rows = Array.from({ length: 200 }, async (_, index) => {
    await turns(index % 20);
    const recording = apiCalls.record(row);
    if (index === 40) assert.ok((await ledger.standing(owner)).spent.tokens > 0);
    await recording;
  });
  await Promise.all(rows);
  assert.equal((await ledger.standing(owner)).spent.tokens, 200);
});

it('a row that is stored while the books are being read is not lost', async (t) => {
  const storage = await openTemporaryStorage(t);
  const reading = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const slow: Pick<typeof storage.apiCalls, 'totals'> = {
    async totals(filter, by) {
      const read = await storage.apiCalls.totals(filter, by);
      reading.resolve();
      await going.promise;
      return read;
    },
  };
  const ledger = createMemoryLedger({
    apiCalls: slow,
    dayOf: () => '2026-10-01',
    runtime: { now: () => 0 },
  });
  const { apiCalls } = keptIn(storage, ledger);
  const owner = 'user:9' as OwnerKey;
  const standing = ledger.standing(owner);
  await reading.promise;
  await apiCalls.record(newCall({ owner, day: '2026-10-01', promptTokens: 1, completionTokens: 0 }));
  going.resolve();
  assert.equal((await standing).spent.tokens, 1);
});

it('a call that was cut off counts, and what was set aside for it comes back, where its answer is made again', async (t) => {
  const stored = await openTemporaryStorage(t);
  const dayOf = () => '2026-10-01';
  const ledger = createMemoryLedger({ apiCalls: stored.apiCalls, dayOf, runtime: { now: () => 0 } });
  const { turns: rows } = keptIn(stored, ledger);
  const limit: Limit = { budget: { tokens: 100 }, cnyPerUsd: 7 };
  const owner = 'user:7' as OwnerKey;
  const turn = await newTurn(stored);
  await rows.begin(turn);
  const made = await ledger.reserve(owner, limit, amountOf(50, null));
  assert.ok('reservation' in made);
  const row = newCall({ owner, day: '2026-10-01', promptTokens: 30, completionTokens: 0 });
  const call = { ...row, reservation: made.reservation };
  const { id, userId, channel } = turn;
  const left = { id, userId, channel, fence: 1, node: '', leaseUntil: 0, call };
  assert.equal(await rows.requeue({ ...left, fence: 2 }), false);
  assert.deepEqual([(await ledger.standing(owner)).reserved.tokens], [50], 'nothing was stored');
  assert.equal(await rows.requeue(left), true);
  const { spent, reserved } = await ledger.standing(owner);
  assert.deepEqual([spent.tokens, reserved.tokens], [30, 0]);
});

it('a reservation that is released twice is given back once', async (t) => {
  const { apiCalls } = await openTemporaryStorage(t);
  const ledger = createMemoryLedger({ apiCalls, dayOf: () => '2026-10-01', runtime: { now: () => 0 } });
  const limit: Limit = { budget: { tokens: 10 }, cnyPerUsd: 7 };
  const owner = 'user:9' as OwnerKey;
  const [first] = await Promise.all([1, 2].map(() => ledger.reserve(owner, limit, amountOf(5, null))));
  assert.ok(first !== undefined && 'reservation' in first);
  first.reservation.release();
  first.reservation.release();
  assert.equal((await ledger.standing(owner)).reserved.tokens, 5);
});
