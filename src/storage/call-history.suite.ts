import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { NewApiCall, OwnerUsageFilter } from './api-calls.ts';
import type { Page } from './conversations.ts';
import { usageRanges } from './owner-usage.ts';
import { newCall } from './sample-rows.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

type Prepare = (test: TestContext) => StorageUnderTest;
type Open = (test: TestContext) => Promise<Storage>;

/** What every kind of storage must do where somebody asks for their calls; `prepare` as for `storageSuite`. */
export function callHistorySuite(kind: string, prepare: Prepare): void {
  const open: Open = async (test) => {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  };

  describe(`${kind}: somebody’s calls`, () => {
    pageTests(open);
    agreementTests(prepare);
  });
  describe('the ranges that cover some days', rangeTests);
}

const all = { skip: 0, limit: 100 };
const mine = { owner: 'user:1' };
const call = (requestId: string, changes: Partial<NewApiCall> = {}) =>
  newCall({ owner: 'user:1', userId: 1, apiKeyId: null, requestId, ...changes });

function pageTests(open: Open): void {
  it('are all columns as they were recorded, newest first, and those of nobody else', async (test) => {
    const { apiCalls } = await open(test);
    const [first, second] = [call('a'), call('b', { conversationId: 4, messageId: 5, estimated: true })];
    for (const one of [first, newCall({ owner: 'user:11' }), newCall({ userId: 1 }), second]) {
      await apiCalls.record(one);
    }
    const { calls, ...sums } = await apiCalls.page(mine, all);
    assert.deepEqual(calls, [
      { id: 4, ...second },
      { id: 1, ...first },
    ]);
    const costs = [{ currency: 'USD', nano: 84_000 }];
    assert.deepEqual(sums, { total: 2, promptTokens: 240, completionTokens: 80, costs });
    const nothing = { calls: [], total: 0, promptTokens: 0, completionTokens: 0, costs: [] };
    assert.deepEqual(await apiCalls.page({ owner: 'user:2' }, all), nothing);
  });

  it('are found by the model that answered, whatever was asked for', async (test) => {
    const { apiCalls } = await open(test);
    await apiCalls.record(call('a', { requestedModel: 'qwen-plus', model: 'parley-local' }));
    await apiCalls.record(call('b', { requestedModel: 'qwen-plus', model: 'qwen-plus' }));
    const found = async (model: string) => {
      const { calls, total } = await apiCalls.page({ ...mine, model }, all);
      return [total, calls.map(({ requestId }) => requestId).join('')];
    };
    assert.deepEqual(await found('qwen-plus'), [1, 'b']);
    assert.deepEqual(await found('parley-local'), [1, 'a']);
    assert.deepEqual(await found('qwen-pluss'), [0, '']);
    assert.deepEqual(await found('QWEN-PLUS'), [0, '']);
  });

  it('past the end are none, with the sums all the same', async (test) => {
    const { apiCalls } = await open(test);
    for (const id of ['a', 'b', 'c']) await apiCalls.record(call(id));
    for (const skip of [3, 4, 1e9]) {
      const { calls, total } = await apiCalls.page(mine, { skip, limit: 10 });
      assert.deepEqual([calls, total], [[], 3]);
    }
  });

  it('cost what they cost in each currency, of which those that took nothing are left out', async (test) => {
    const { apiCalls } = await open(test);
    await apiCalls.record(call('a', { currency: 'USD', costNano: 0, outcome: 'cache_hit' }));
    await apiCalls.record(call('b', { currency: 'CNY', costNano: 7 }));
    await apiCalls.record(call('c', { currency: 'CNY', costNano: 8, day: '2025-01-31' }));
    await apiCalls.record(call('d', { currency: 'EUR', costNano: 1 }));
    const { costs, total } = await apiCalls.page(mine, all);
    assert.deepEqual(
      [total, costs],
      [
        4,
        [
          { currency: 'CNY', nano: 15 },
          { currency: 'EUR', nano: 1 },
        ],
      ],
    );
  });

  it('recorded late stay in their day', async (test) => {
    const { apiCalls } = await open(test);
    await apiCalls.record(call('new', { day: '2026-10-01' }));
    await apiCalls.record(call('late', { day: '2026-09-30' }));
    for (const [filter, expected] of [
      [{}, 'new late'],
      [{ fromDay: '2026-10-01' }, 'new'],
      [{ toDay: '2026-09-30' }, 'late'],
    ] as const) {
      const { calls, total } = await apiCalls.page({ ...mine, ...filter }, all);
      assert.equal(calls.map(({ requestId }) => requestId).join(' '), expected);
      assert.equal(total, calls.length);
    }
  });
}

const days = [
  '2025-12-31',
  '2026-01-01',
  '2026-01-15',
  '2026-01-31',
  '2026-02-01',
  '2026-02-28',
  '2026-03-31',
] as const;
const anyCall = fc.record({
  owner: fc.constantFrom('user:1', 'user:1', 'user:2'),
  day: fc.constantFrom(...days),
  model: fc.constantFrom('qwen-plus', 'gpt-4o'),
  currency: fc.constantFrom('CNY', 'USD'),
  contract: fc.constantFrom('studio', 'gateway'),
  outcome: fc.constantFrom('success', 'failure', 'cancelled', 'cache_hit'),
  promptTokens: fc.nat(9),
  completionTokens: fc.nat(9),
  costNano: fc.nat(9),
});
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const anyPage = fc.record({
  model: maybe(fc.constantFrom('qwen-plus', 'gpt-4o', 'other')),
  fromDay: maybe(fc.constantFrom(...days, '2025-06-15', '2026-01-02')),
  toDay: maybe(fc.constantFrom(...days, '2026-01-30', '2026-12-31')),
  skip: fc.nat(45),
  limit: fc.integer({ min: 1, max: 12 }),
});

function agreementTests(prepare: Prepare): void {
  it('agree with a plain list, whatever is asked', { timeout: 120_000 }, async (test) => {
    const calls = fc.array(anyCall, { maxLength: 50 });
    const pages = fc.array(anyPage, { minLength: 10, maxLength: 30 });
    const property = fc.asyncProperty(calls, pages, async (recorded, asked) => {
      const storage = await prepare(test).open();
      try {
        const rows = recorded.map((changes, at) => call(`r${at}`, changes));
        // Some at once, so that they share their sums.
        for (const some of [rows.slice(0, 20), rows.slice(20, 40), rows.slice(40)]) {
          await Promise.all(some.map((row) => storage.apiCalls.record(row)));
        }
        for (const one of asked) await comparePage(storage, one);
      } finally {
        await storage.close();
      }
    });
    await fc.assert(property, { numRuns: 25 });
  });
}

async function comparePage(
  { apiCalls }: Storage,
  { skip, limit, ...filter }: Omit<OwnerUsageFilter, 'owner'> & Page,
): Promise<void> {
  const matching = (await apiCalls.list({ limit: 100 })).filter((one) => isWanted(one, filter));
  const { calls, ...sums } = await apiCalls.page({ ...mine, ...filter }, { skip, limit });
  assert.deepEqual(calls, matching.slice(skip, skip + limit));
  assert.deepEqual(sums, sumsOf(matching));
}

function isWanted({ owner, model, day }: NewApiCall, filter: Omit<OwnerUsageFilter, 'owner'>): boolean {
  const { fromDay = '', toDay = '~' } = filter;
  const isOfModel = filter.model === undefined || filter.model === model;
  return owner === 'user:1' && isOfModel && day >= fromDay && day <= toDay;
}

function sumsOf(calls: readonly NewApiCall[]) {
  const sum = (of: (one: NewApiCall) => number) => calls.reduce((total, one) => total + of(one), 0);
  const costs = ['CNY', 'USD'].map((currency) => ({
    currency,
    nano: sum((one) => (one.currency === currency ? one.costNano : 0)),
  }));
  return {
    total: calls.length,
    promptTokens: sum((one) => one.promptTokens),
    completionTokens: sum((one) => one.completionTokens),
    costs: costs.filter(({ nano }) => nano > 0),
  };
}

function rangeTests(): void {
  const covered: [string, string | undefined, string | undefined, string[]][] = [
    ['everything', undefined, undefined, ['0000-01 9999-12']],
    ['nothing', '2026-02-01', '2026-01-31', []],
    ['a month', '2024-02-01', '2024-02-29', ['2024-02 2024-02']],
    ['a month but its last day', '2024-02-01', '2024-02-28', ['2024-02-01 2024-02-28']],
    ['one day', '2026-01-31', '2026-01-31', ['2026-01-31 2026-01-31']],
    ['two months', '2026-11-01', '2026-12-31', ['2026-11 2026-12']],
    ['two ends', '2026-01-31', '2026-02-01', ['2026-02-01 2026-02-01', '2026-01-31 2026-01-31']],
    [
      'months with both ends',
      '2025-12-15',
      '2026-02-27',
      ['2026-02-01 2026-02-27', '2026-01 2026-01', '2025-12-15 2025-12-31'],
    ],
    ['all from a day on', '2026-09-02', undefined, ['2026-10 9999-12', '2026-09-02 2026-09-30']],
    ['all up to a day', undefined, '2026-01-30', ['2026-01-01 2026-01-30', '0000-01 2025-12']],
  ];
  for (const [what, from, to, expected] of covered) {
    it(`are few: ${what}`, () => {
      assert.deepEqual(
        usageRanges(from, to).map((range) => `${range.from} ${range.to}`),
        expected,
      );
    });
  }

  it('are never of more days than two months have', () => {
    const day = fc
      .date({ min: new Date('1990-01-01'), max: new Date('2060-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString().slice(0, 10));
    fc.assert(
      fc.property(day, day, (one, other) => {
        const [from, to] = one < other ? [one, other] : [other, one];
        const dayRanges = usageRanges(from, to).filter(({ span }) => span === 'day');
        for (const range of dayRanges) assert.equal(range.from.slice(0, 7), range.to.slice(0, 7));
        assert.ok(dayRanges.length <= 2);
      }),
    );
  });
}
