import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { anonymous, createBench } from './bench.fixture.ts';
import type { CallEnd, CallOrigin } from './meter.ts';

const models = [
  {
    id: 'fast',
    provider: 'acme',
    prices: [{ from: '2020-01-01', currency: 'CNY' as const, input: 2, output: 8 }],
  },
];
const origin: CallOrigin = {
  caller: anonymous,
  contract: 'gateway',
  endpoint: '/ask',
  requestId: 'req_1',
  requestedModel: 'fast-latest',
  streamed: true,
};

async function createTested(t: Parameters<typeof createBench>[0]) {
  const bench = await createBench(t, { models });
  const end = (changes: Partial<CallEnd> = {}): CallEnd => ({
    model: bench.catalogue.get('fast')!,
    outcome: 'success',
    errorCode: null,
    usage: { promptTokens: 1_000, completionTokens: 100, estimated: false },
    durationMs: 10.6,
    firstTokenMs: 4.4,
    attempts: 1,
    ...changes,
  });
  return { bench, end, meter: bench.completions.meter };
}

describe('the meter', () => {
  it('has the call in the books, with its cost, when it resolves; the daily sums too', async (t) => {
    const { bench, end, meter } = await createTested(t);
    await meter.settle(origin, end());
    const [row] = await bench.storage.apiCalls.list({ limit: 2 });
    // 1,000 × 2 and 100 × 8 yuan a million.
    const costNano = 2_000_000 + 800_000;
    assert.deepEqual(
      [row?.costNano, row?.currency, row?.durationMs, row?.firstTokenMs, row?.requestedModel, row?.owner],
      [costNano, 'CNY', 11, 4, 'fast-latest', 'anonymous'],
    );
    const totals = await bench.storage.apiCalls.totals({}, ['outcome']);
    assert.deepEqual(
      totals.map(({ outcome, calls, costNano: cost }) => [outcome, calls, cost]),
      [['success', 1, costNano]],
    );
    assert.deepEqual([bench.observed.settled.length, bench.observed.settled[0]?.costNano], [1, costNano]);
  });

  it('books a cache hit with its tokens and without a cost, soon', async (t) => {
    const { bench, end, meter } = await createTested(t);
    meter.note(origin, end({ outcome: 'cache_hit' }));
    const [row] = await bench.calls();
    assert.deepEqual([row?.outcome, row?.costNano, row?.promptTokens], ['cache_hit', 0, 1_000]);
  });

  it('says that a call could not be booked, to who waits for it, and to the log', async (t) => {
    const { bench, end, meter } = await createTested(t);
    await bench.storage.close();
    await assert.rejects(meter.settle(origin, end()), { code: 'storage_unavailable', retryable: true });
    meter.note(origin, end({ outcome: 'cache_hit' }));
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(
      bench.log.lines.map(({ level, facts }) => [level, (facts['call'] as { outcome: string }).outcome]),
      [
        ['error', 'success'],
        ['error', 'cache_hit'],
      ],
    );
  });
});
