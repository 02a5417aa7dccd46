import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { newCall } from '../../storage/sample-rows.fixture.ts';
import { openPostgresStorage } from '../../storage/postgres-storage.ts';
import { temporarySchema, withoutPostgres } from '../../storage/real-postgres.fixture.ts';
import type { Storage } from '../../storage/storage.ts';
import { openTemporaryStorage } from '../completions/bench.fixture.ts';
import type { OwnerKey } from '../identity/caller.ts';
import { createRecordedLog } from '../log.fixture.ts';
import { createFakeRuntime, type FakeRuntime } from '../runtime.fixture.ts';
import { monthOf } from '../statistics/calendar.ts';
import { amountOf, nothing, plus, shareOf, type Amount, type Limit } from './amount.ts';
import { sizeOf } from './budget.ts';
import { createLedger, type Ledger, type Reservation } from './ledger.ts';

const limits: Limit[] = [
  { budget: { tokens: 400 }, cnyPerUsd: 7 },
  { budget: { amountNano: 400, currency: 'USD' }, cnyPerUsd: 7 },
  { budget: { amountNano: 1_500, currency: 'CNY' }, cnyPerUsd: 7.1 },
];
const outcomes = ['success', 'failure', 'cancelled', 'cache_hit'] as const;
const owner = 'user:9' as OwnerKey;
const ofTokens = (tokens: number): Limit => ({ budget: { tokens }, cnyPerUsd: 7 });

/** A call: how much it is thought to take, how much it does, and what becomes of it. */
const call = fc.record({
  owner: fc.constantFrom('user:1', 'key:1'),
  /** Nothing was set aside where the caller had no budget when it began. */
  isLimited: fc.boolean(),
  /** The node that makes it. */
  node: fc.constantFrom(0, 1),
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

/** A ledger in October. */
function ledgerOf(
  rows: Storage['reservations'],
  node: string,
  runtime: FakeRuntime = createFakeRuntime(Date.UTC(2026, 9, 1)),
): Ledger {
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  return createLedger({ rows, node, dayOf, runtime, log: createRecordedLog() });
}

async function setAside(ledger: Ledger, tokens: number, limit = ofTokens(1_000)): Promise<Reservation> {
  const made = await ledger.reserve(owner, limit, amountOf(tokens, null));
  assert.ok('reservation' in made, 'there is room for it');
  return made.reservation;
}

const reservedIn = async (ledger: Ledger) => (await ledger.standing(owner)).reserved.tokens;

it('two ledgers equal the books, whatever comes at once, and never let more through than fits', async (t) => {
  const storage = await openTemporaryStorage(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 25 }),
      fc.constantFrom(...limits),
      async (calls, limit) => {
        const prefix = `run${run++}`;
        const ownerIn = (name: string) => `${prefix}:${name}` as OwnerKey;
        const ledgers = [ledgerOf(storage.reservations, 'one'), ledgerOf(storage.reservations, 'two')];
        await Promise.all(
          calls.map((each) => make(ledgers[each.node] as Ledger, storage, limit, ownerIn, each)),
        );
        // What one has just released, the other does not know before the store does.
        await storage.flush();
        for (const name of ['user:1', 'key:1']) {
          const booked = await bookedBy(storage, ownerIn(name));
          for (const ledger of ledgers) {
            const standing = await ledger.standing(ownerIn(name));
            assert.deepEqual(standing, { month: '2026-10', spent: booked, reserved: nothing });
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

async function make(
  ledger: Ledger,
  { apiCalls }: Storage,
  limit: Limit,
  ownerIn: (owner: string) => OwnerKey,
  { owner: name, isLimited, estimate, tokens, currency, outcome, isRecorded, before, lasts, at }: Call,
): Promise<void> {
  const of = ownerIn(name);
  await turns(before);
  let reservation: Reservation | undefined;
  if (isLimited) {
    const amount = amountOf(estimate, { nano: estimate, currency });
    const made = await ledger.reserve(of, limit, amount);
    if (!('reservation' in made)) {
      const { spent, reserved } = made.standing;
      const share = shareOf(plus(plus(spent, reserved), amount), limit);
      assert.ok(share > sizeOf(limit.budget), 'it is refused only where it does not fit');
      return;
    }
    reservation = made.reservation;
  }
  await turns(lasts);
  if (!isRecorded) return reservation?.release();
  const costNano = outcome === 'cache_hit' ? 0 : tokens;
  const row = newCall({
    owner: of,
    day: at,
    outcome,
    promptTokens: tokens,
    completionTokens: 0,
    costNano,
    currency,
  });
  await apiCalls.record({ ...row, reservationId: reservation?.id });
}

/** Added up from the single calls, of October. */
async function bookedBy({ apiCalls }: Storage, of: OwnerKey): Promise<Amount> {
  const rows = await apiCalls.list({ owner: of, limit: 1_000 });
  return rows
    .filter(({ day, outcome }) => monthOf(day) === '2026-10' && outcome !== 'cache_hit')
    .map(({ promptTokens, costNano: nano, currency }) =>
      amountOf(promptTokens, { nano, currency: currency as 'USD' }),
    )
    .reduce(plus, nothing);
}

const neverExceeded = async (ledgers: readonly Ledger[], stores: readonly Storage[]) => {
  const limit = ofTokens(1_000);
  let through = 0;
  const watch = async (ledger: Ledger) => {
    const { spent, reserved } = await ledger.standing(owner);
    assert.ok(spent.tokens + reserved.tokens <= 1_000, `${spent.tokens} and ${reserved.tokens}`);
  };
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      await turns(index % 7);
      const ledger = ledgers[index % 2] as Ledger;
      const made = await ledger.reserve(owner, limit, amountOf(20, null));
      await watch(ledger);
      if (!('reservation' in made)) return;
      through++;
      await turns(index % 5);
      const row = newCall({ owner, day: '2026-10-01', promptTokens: 15, completionTokens: 5 });
      await stores[index % 2]?.apiCalls.record({ ...row, reservationId: made.reservation.id });
      await watch(ledger);
    }),
  );
  assert.equal(through, 50);
  for (const ledger of ledgers) assert.equal((await ledger.standing(owner)).spent.tokens, 1_000);
};

it('two nodes at once never exceed the limit where calls take no more than was set aside', async (t) => {
  const storage = await openTemporaryStorage(t);
  const ledgers = ['one', 'two'].map((node) => ledgerOf(storage.reservations, node));
  await neverExceeded(ledgers, [storage, storage]);
});

it('two nodes on PostgreSQL do not either', { skip: withoutPostgres }, async (t) => {
  const url = await temporarySchema(t);
  const open = async () => {
    const storage = await openPostgresStorage({ url });
    t.after(() => storage.close());
    return storage;
  };
  const stores = [await open(), await open()];
  const ledgers = stores.map(({ reservations }, index) => ledgerOf(reservations, `node ${index}`));
  await neverExceeded(ledgers, stores);
});

/** Two nodes whose clocks go together. */
async function twoNodes(t: TestContext) {
  const { reservations, apiCalls } = await openTemporaryStorage(t);
  const runtime = createFakeRuntime(Date.UTC(2026, 9, 1));
  const [one, two] = ['one', 'two'].map((node) => ledgerOf(reservations, node, runtime)) as [Ledger, Ledger];
  return { reservations, apiCalls, runtime, one, two };
}

it('what a node has set aside lasts as long as it tends it, and ends soon after the node has', async (t) => {
  const { runtime, one, two } = await twoNodes(t);
  const limit = ofTokens(100);
  await setAside(one, 60, limit);
  await setAside(two, 40, limit);
  for (let tended = 0; tended < 2; tended++) {
    runtime.time += 10_000;
    assert.deepEqual(await two.reserve(owner, limit, amountOf(1, null)), {
      standing: { month: '2026-10', spent: nothing, reserved: amountOf(100, null) },
    });
    await two.tend();
  }
  runtime.time += 10_000;
  await setAside(two, 60, limit);
  assert.equal(await reservedIn(two), 100);
});

it('a node that holds nothing asks nothing of the store', async (t) => {
  const { reservations, apiCalls, runtime, one } = await twoNodes(t);
  const asked: string[] = [];
  const watched = {
    ...reservations,
    renew: (...args: [string, number]) => (asked.push('renew'), reservations.renew(...args)),
    removeVoid: (now: number) => (asked.push('removeVoid'), reservations.removeVoid(now)),
  };
  await setAside(one, 10);
  runtime.time += 30_000;
  const ledger = ledgerOf(watched, 'watched', runtime);
  await ledger.tend();
  assert.deepEqual(asked.splice(0), ['renew', 'removeVoid'], 'what others have left at its start');
  assert.equal(await reservations.renew('one', runtime.time + 1), 0);
  await ledger.tend();
  assert.deepEqual(asked, []);
  const { id } = await setAside(ledger, 10);
  await ledger.tend();
  assert.deepEqual(asked.splice(0), ['renew', 'removeVoid']);
  await apiCalls.record({ ...newCall({ owner, day: '2026-10-01' }), reservationId: id });
  for (let tended = 0; tended < 3; tended++) await ledger.tend();
  assert.deepEqual(asked, ['renew', 'removeVoid']);
});

it('tends what it holds also after the store could not be reached', async (t) => {
  const { reservations, runtime } = await twoNodes(t);
  let isAway = true;
  const renew: typeof reservations.renew = (...args) =>
    isAway ? Promise.reject(new Error('It is away.')) : reservations.renew(...args);
  const ledger = ledgerOf({ ...reservations, renew }, 'one', runtime);
  await setAside(ledger, 10);
  await assert.rejects(ledger.tend(), /away/);
  isAway = false;
  runtime.time += 29_999;
  await ledger.tend();
  runtime.time += 29_999;
  assert.equal(await reservedIn(ledger), 10);
});

it('what is released has come back for who asks next, once, and later where the store could not be told', async (t) => {
  const { reservations, runtime, two } = await twoNodes(t);
  let isAway = false;
  const release: typeof reservations.release = (id) =>
    isAway ? Promise.reject(new Error('It is away.')) : reservations.release(id);
  const ledger = ledgerOf({ ...reservations, release }, 'one', runtime);
  const [first, second] = [await setAside(ledger, 5), await setAside(ledger, 6)];
  first.release();
  first.release();
  assert.equal(await reservedIn(ledger), 6);
  isAway = true;
  second.release();
  assert.equal(await reservedIn(ledger), 6);
  isAway = false;
  await ledger.tend();
  assert.equal(await reservedIn(ledger), 0);
  assert.equal(await reservedIn(two), 0);
});

it('takes estimates beyond all measure, which fit where they take nothing of the budget', async (t) => {
  const { one } = await twoNodes(t);
  const limit: Limit = { budget: { amountNano: 1e15, currency: 'USD' }, cnyPerUsd: 1_000 };
  for (let made = 0; made < 20; made++) {
    assert.ok('reservation' in (await one.reserve(owner, limit, amountOf(Number.MAX_VALUE, null))));
  }
  const dear = amountOf(1, { nano: Number.MAX_VALUE, currency: 'CNY' });
  assert.ok('standing' in (await one.reserve(owner, limit, dear)));
});
