import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Limit } from './limits.ts';
import { createMemoryLimits, createNoLimits } from './memory-limits.ts';

const limit: Limit = { name: 'door', points: 3, burst: 2, windowMs: 60_000 };

/** Takes so many in turn. */
async function takeAll(
  limits: ReturnType<typeof createMemoryLimits>,
  times: number,
  of = limit,
  subject = 'a',
) {
  const taken = [];
  for (let i = 0; i < times; i++) taken.push(await limits.take(of, subject));
  return taken;
}

function createTested(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2026, 0, 1) });
  return createMemoryLimits();
}

describe('limits in memory', () => {
  it('allow the announced number and the burst, and announce never less than nothing', async (t) => {
    const taken = await takeAll(createTested(t), 7);
    assert.deepEqual(
      taken.map(({ allowed, remaining }) => [allowed, remaining]),
      [
        [true, 2],
        [true, 1],
        [true, 0],
        [true, 0],
        [true, 0],
        [false, 0],
        [false, 0],
      ],
    );
    for (const allowance of taken) assert.equal(allowance.limit, 3);
  });

  it('begin anew when the window ends, which refusals do not put off', async (t) => {
    const limits = createTested(t);
    const [first] = await takeAll(limits, 5);
    assert.equal(first?.resetMs, 60_000);
    t.mock.timers.tick(59_000);
    const [refused] = await takeAll(limits, 1);
    assert.deepEqual([refused?.allowed, refused?.resetMs], [false, 1_000]);
    t.mock.timers.tick(1_000);
    const [again] = await takeAll(limits, 1);
    assert.deepEqual(again, { allowed: true, limit: 3, remaining: 2, resetMs: 60_000 });
  });

  it('count each subject, each name and each setting by itself', async (t) => {
    const limits = createTested(t);
    await takeAll(limits, 6);
    for (const [other, subject] of [
      [limit, 'b'],
      [{ ...limit, name: 'window' }, 'a'],
      [{ ...limit, points: 4 }, 'a'],
      [{ ...limit, name: 'door:a' }, 'a'],
    ] as const) {
      assert.equal((await limits.take(other, subject)).allowed, true);
    }
    assert.equal((await limits.take({ ...limit }, 'a')).allowed, false, 'equal limits are one');
  });

  it('do not share counts between two processes’ worth of limits', async (t) => {
    await takeAll(createTested(t), 6);
    assert.equal((await createMemoryLimits().take(limit, 'a')).allowed, true);
  });

  it('may allow nothing', async (t) => {
    const [taken] = await takeAll(createTested(t), 1, { ...limit, points: 0, burst: 0 });
    assert.deepEqual([taken?.allowed, taken?.remaining], [false, 0]);
  });
});

describe('looking', () => {
  it('takes nothing, and says whether one could be taken', async (t) => {
    const limits = createTested(t);
    const untouched = { allowed: true, limit: 3, remaining: 3, resetMs: 60_000 };
    assert.deepEqual([await limits.look(limit, 'a'), await limits.look(limit, 'a')], [untouched, untouched]);
    await takeAll(limits, 4);
    t.mock.timers.tick(1_000);
    const inBurst = await limits.look(limit, 'a');
    assert.deepEqual([inBurst.allowed, inBurst.remaining, inBurst.resetMs], [true, 0, 59_000]);
    await takeAll(limits, 1);
    assert.equal((await limits.look(limit, 'a')).allowed, false);
    t.mock.timers.tick(59_000);
    assert.deepEqual(await limits.look(limit, 'a'), untouched);
  });
});

describe('clearing', () => {
  it('lets one subject begin anew', async (t) => {
    const limits = createTested(t);
    await takeAll(limits, 6);
    await takeAll(limits, 6, limit, 'b');
    await limits.clear(limit, 'a');
    assert.equal((await limits.take(limit, 'a')).remaining, 2);
    assert.equal((await limits.take(limit, 'b')).allowed, false);
  });
});

describe('no limits', () => {
  it('allow everything and announce the limit all the same', async () => {
    const taken = await takeAll(createNoLimits(), 50);
    for (const allowance of taken) {
      assert.deepEqual(allowance, { allowed: true, limit: 3, remaining: 3, resetMs: 60_000 });
    }
  });
});
