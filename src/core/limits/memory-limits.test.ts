import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitsSuite, takeAll } from './limits.suite.ts';
import { createMemoryLimits, createNoLimits } from './memory-limits.ts';

const limit = { name: 'door', points: 3, burst: 2, windowMs: 60_000 };

limitsSuite('memory', (t) => {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2026, 0, 1) });
  return Promise.resolve({
    limits: createMemoryLimits(),
    pass: (ms) => Promise.resolve(t.mock.timers.tick(ms)),
  });
});

describe('two processes’ worth of limits in memory', () => {
  it('do not share counts', async () => {
    await takeAll(createMemoryLimits(), 6);
    assert.equal((await createMemoryLimits().take(limit, 'a')).allowed, true);
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
