import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { NewReservation, StoredAmount } from './reservations.ts';
import { changeOf, find, newConversation } from './sample-handoff.fixture.ts';
import { newCall } from './sample-rows.fixture.ts';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

const owner = 'key:7';
const month = '2026-09';
const nothing: StoredAmount = { tokens: 0, USD: 0, CNY: 0 };
const tokens = (count: number): StoredAmount => ({ ...nothing, tokens: count });
const ofTokens = (count: number) => ({ budget: { tokens: count }, cnyPerUsd: 7 });
const ofMoney = (amountNano: number, currency: 'USD' | 'CNY', cnyPerUsd = 7) => ({
  budget: { amountNano, currency },
  cnyPerUsd,
});

/** A hundred of a budget of a thousand tokens, held from 1000 to 2000, unless `changes` say otherwise. */
const wanted = (changes: Partial<NewReservation> = {}): NewReservation => ({
  owner,
  month,
  limit: ofTokens(1_000),
  estimate: tokens(100),
  node: 'one',
  heldUntil: 2_000,
  now: 1_000,
  ...changes,
});
/** A call of the owner that took so many tokens and billionths. */
const taking = (count: number, costNano = 0, currency = 'USD') =>
  newCall({ promptTokens: count, completionTokens: 0, costNano, currency });

/** What every kind of storage must do with reservations; `prepare` as in `storageSuite`. */
export function reservationsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: setting something aside`, () => reserveTests(openOne));
  describe(`${kind}: what is set aside`, () => lifeTests(openOne, prepare));
  describe(`${kind}: a call’s row ends its reservation`, () => rowTests(openOne));
}

type OpenOne = (test: TestContext) => Promise<Storage>;

async function made({ reservations }: Storage, changes: Partial<NewReservation> = {}): Promise<number> {
  const outcome = await reservations.reserve(wanted(changes));
  assert.ok('id' in outcome, 'there is room for it');
  return outcome.id;
}

async function reservedTokens({ reservations }: Storage, now = 1_000): Promise<number> {
  return (await reservations.standing(owner, month, now)).reserved.tokens;
}

function reserveTests(openOne: OpenOne): void {
  it('is done while there is room for it; else one hears how things stand', async (test) => {
    const storage = await openOne(test);
    await storage.apiCalls.record(taking(850, 5));
    await made(storage);
    const refused = await storage.reservations.reserve(wanted({ estimate: tokens(51) }));
    const standing = { spent: { tokens: 850, USD: 5, CNY: 0 }, reserved: tokens(100) };
    assert.deepEqual(refused, { standing });
    await made(storage, { estimate: tokens(50) });
    assert.deepEqual(await storage.reservations.standing(owner, month, 1_000), {
      spent: standing.spent,
      reserved: tokens(150),
    });
  });

  it('counts what its owner has spent in its month, and not what came from the cache', async (test) => {
    const storage = await openOne(test);
    for (const changes of [
      { day: '2026-08-31' },
      { day: '2026-10-01' },
      { owner: 'key:8' },
      { outcome: 'cache_hit' as const },
    ]) {
      await storage.apiCalls.record({ ...taking(1_000), ...changes });
    }
    for (const outcome of ['success', 'failure', 'cancelled'] as const) {
      await storage.apiCalls.record({ ...taking(300), outcome, model: outcome });
    }
    const { spent } = await storage.reservations.standing(owner, month, 1_000);
    assert.deepEqual(spent, tokens(900));
    await made(storage);
    assert.ok('standing' in (await storage.reservations.reserve(wanted({ estimate: tokens(1) }))));
  });

  it('always is where it takes nothing of the budget', async (test) => {
    const storage = await openOne(test);
    await storage.apiCalls.record(taking(5_000, 5_000));
    await made(storage, { estimate: { tokens: 0, USD: 7, CNY: 7 } });
    for (const currency of ['USD', 'CNY'] as const) {
      const limit = ofMoney(0, currency);
      await made(storage, { limit, estimate: tokens(2e18) });
      await made(storage, { limit, estimate: nothing });
      const cost = { tokens: 0, USD: 0, CNY: 1 };
      assert.ok('standing' in (await storage.reservations.reserve(wanted({ limit, estimate: cost }))));
    }
  });

  it('happens exactly where it fits, whatever the amounts and the rate', async (test) => {
    const storage = await openOne(test);
    const amountOf = (most: fc.Arbitrary<number>) =>
      fc.tuple(most, most, most).map(([count, USD, CNY]) => ({ tokens: count, USD, CNY }));
    const [amount, large] = [amountOf(fc.nat(50)), amountOf(fc.maxSafeNat().map((nat) => nat % 1e14))];
    const rate = fc.oneof(
      fc.constantFrom(7, 7.1, 7.25, 0.1, 3, 1),
      fc.double({ min: 0.01, max: 1000, noNaN: true }),
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.tuple(amount, amount, amount), fc.tuple(large, large, large)),
        fc.constantFrom('tokens' as const, 'USD' as const, 'CNY' as const),
        rate,
        fc.constantFrom(-1, 0, 1),
        async ([spent, held, estimate], unit, cnyPerUsd, beside) => {
          const whose = `key:${run++}`;
          const call = { owner: whose, completionTokens: 0 };
          await Promise.all([
            storage.apiCalls.record(newCall({ ...call, promptTokens: spent.tokens, costNano: spent.USD })),
            storage.apiCalls.record(
              newCall({ ...call, promptTokens: 0, costNano: spent.CNY, currency: 'CNY' }),
            ),
            made(storage, { owner: whose, limit: ofTokens(1e15), estimate: held }),
          ]);
          const share = shareOf(unit, cnyPerUsd, spent, held, estimate);
          const size = Math.max(0, share + beside);
          const limit = unit === 'tokens' ? ofTokens(size) : ofMoney(size, unit, cnyPerUsd);
          const outcome = await storage.reservations.reserve(wanted({ owner: whose, limit, estimate }));
          const fits = share <= size || shareOf(unit, cnyPerUsd, estimate) === 0;
          assert.equal('id' in outcome, fits);
          if (!('id' in outcome)) assert.deepEqual(outcome.standing, { spent, reserved: held });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is done for as many that come at once as there is room for', async (test) => {
    const storage = await openOne(test);
    await storage.apiCalls.record(taking(400));
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        storage.reservations.reserve(wanted({ node: `node ${index % 2}` })),
      ),
    );
    const ids = outcomes.flatMap((outcome) => ('id' in outcome ? [outcome.id] : []));
    assert.equal(new Set(ids).size, 6);
    for (const outcome of outcomes) {
      if ('standing' in outcome) assert.deepEqual(outcome.standing.reserved, tokens(600));
    }
  });
}

/** As core adds up and converts. */
function shareOf(unit: string, cnyPerUsd: number, ...amounts: StoredAmount[]): number {
  const sum = (name: keyof StoredAmount) => amounts.reduce((all, amount) => all + amount[name], 0);
  if (unit === 'tokens') return sum('tokens');
  return unit === 'USD'
    ? sum('USD') + Math.ceil(sum('CNY') / cnyPerUsd)
    : sum('CNY') + Math.ceil(sum('USD') * cnyPerUsd);
}

function lifeTests(openOne: OpenOne, prepare: (test: TestContext) => StorageUnderTest): void {
  it('comes back once it is released, and once only', async (test) => {
    const storage = await openOne(test);
    const first = await made(storage);
    await made(storage);
    await storage.reservations.release(first);
    await storage.reservations.release(first);
    assert.equal(await reservedTokens(storage), 100);
    assert.notEqual(await made(storage), first, 'no id is given twice');
  });

  it('is void when its time is over, unless its node has renewed it', async (test) => {
    const storage = await openOne(test);
    await made(storage, { node: 'one' });
    await made(storage, { node: 'two', estimate: tokens(200) });
    assert.equal(await storage.reservations.renew('one', 3_000), 1);
    assert.equal(await storage.reservations.renew('three', 3_000), 0);
    assert.equal(await reservedTokens(storage, 1_999), 300);
    assert.equal(await reservedTokens(storage, 2_000), 100);
    await made(storage, { now: 2_000, heldUntil: 2_500, limit: ofTokens(200) });
  });

  it('is removed where it is void, and never what is not', async (test) => {
    const storage = await openOne(test);
    await made(storage, { heldUntil: 2_000 });
    await made(storage, { heldUntil: 2_001 });
    await storage.reservations.removeVoid(2_000);
    assert.equal(await reservedTokens(storage), 100);
    assert.equal(await storage.reservations.renew('one', 3_000), 1);
  });

  it('outlives the process', async (test) => {
    const { open } = prepare(test);
    const storage = await open();
    const first = await made(storage);
    await storage.close();
    const next = await open();
    test.after(() => next.close());
    assert.equal(await reservedTokens(next), 100);
    assert.notEqual(await made(next), first);
  });
}

function rowTests(openOne: OpenOne): void {
  it('alone', async (test) => {
    const storage = await openOne(test);
    const reservationId = await made(storage);
    await made(storage);
    await storage.apiCalls.record({ ...taking(80), reservationId });
    const { spent, reserved } = await storage.reservations.standing(owner, month, 1_000);
    assert.deepEqual([spent.tokens, reserved.tokens], [80, 100]);
    const [call] = await storage.apiCalls.list({ limit: 1 });
    assert.ok(call !== undefined && !('reservationId' in call));
  });

  it('among others, with or without one, in one unit', async (test) => {
    const storage = await openOne(test);
    const ids = await Promise.all(Array.from({ length: 10 }, () => made(storage)));
    const recorded = [...ids.slice(0, 7), null, undefined].map((reservationId, index) =>
      storage.apiCalls.record({ ...taking(10), reservationId }, { patient: index < 3 }),
    );
    let isDone = false;
    const all = Promise.all(recorded).finally(() => (isDone = true));
    // Read while they are written: a row and its reservation never count both, and never neither.
    do {
      await new Promise(setImmediate);
      const { spent, reserved } = await storage.reservations.standing(owner, month, 1_000);
      const ended = 10 - reserved.tokens / 100;
      assert.ok(spent.tokens >= ended * 10 && spent.tokens <= ended * 10 + 20, `${spent.tokens} of ${ended}`);
    } while (!isDone);
    await all;
    assert.equal(await reservedTokens(storage), 300);
  });

  it('with the end of a turn', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    const call = { ...taking(80), reservationId: await made(storage) };
    assert.equal(await storage.turns.end(endOf(turn, { call, fence: 2 })), false);
    assert.equal(await reservedTokens(storage), 100, 'nothing was stored');
    assert.equal(await storage.turns.end(endOf(turn, { call })), true);
    assert.equal(await reservedTokens(storage), 0);
  });

  it('with a turn that is made again', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    const call = { ...taking(80), reservationId: await made(storage) };
    const { id, userId, channel } = turn;
    const left = { id, userId, channel, fence: 1, node: '', leaseUntil: 0, call };
    assert.equal(await storage.turns.requeue({ ...left, fence: 2 }), false);
    assert.equal(await reservedTokens(storage), 100, 'nothing was stored');
    assert.equal(await storage.turns.requeue(left), true);
    assert.equal(await reservedTokens(storage), 0);
  });

  it('with the answers that end where a person takes over', async (test) => {
    const storage = await openOne(test);
    const begun = await newConversation(storage);
    await storage.conversations.begin(begun);
    const { id } = begun;
    const turn = await newTurn(storage, { conversation: { kind: 'existing', id }, userId: null });
    await storage.turns.begin(turn);
    const call = { ...taking(80), reservationId: await made(storage) };
    const change = changeOf(await find(storage, id), { ends: [endOf(turn, { call, state: 'cancelled' })] });
    assert.equal(await storage.ownership.change({ ...change, fence: 99 }), false);
    assert.equal(await reservedTokens(storage), 100, 'nothing was stored');
    assert.equal(await storage.ownership.change(change), true);
    assert.equal(await reservedTokens(storage), 0);
  });
}
