import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRuntime } from './runtime.ts';

describe('token', () => {
  const { token } = createRuntime();

  it('is URL-safe, and as long as its bytes want', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), (bytes) => {
        const text = token(bytes);
        assert.match(text, /^[A-Za-z0-9_-]+$/);
        assert.equal(Buffer.from(text, 'base64url').length, bytes);
      }),
    );
    assert.equal(token(16).length, 22);
  });

  it('does not repeat: 100,000 of each length, across blocks and runtimes', () => {
    const others = createRuntime();
    for (const bytes of [12, 13, 32]) {
      const seen = new Set<string>();
      for (let i = 0; i < 50_000; i++) seen.add(token(bytes)).add(others.token(bytes));
      assert.equal(seen.size, 100_000);
    }
  });

  it('uses every bit', () => {
    const ones = Array.from({ length: 16 * 8 }, () => 0);
    for (let i = 0; i < 2_000; i++) {
      for (const [at, byte] of Buffer.from(token(16), 'base64url').entries()) {
        for (let bit = 0; bit < 8; bit++) ones[at * 8 + bit]! += (byte >> bit) & 1;
      }
    }
    // Of 2,000 throws of a coin, 750 to 1,250 heads: eleven standard deviations.
    for (const count of ones) assert.ok(count > 750 && count < 1_250, String(count));
  });
});

describe('random', () => {
  it('is in [0, 1), spread evenly', () => {
    const { random } = createRuntime();
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let i = 0; i < 10_000; i++) {
      const value = random();
      assert.ok(value >= 0 && value < 1);
      tenths[Math.floor(value * 10)]!++;
    }
    // 1,000 expected; ten standard deviations either way.
    for (const count of tenths) assert.ok(count > 700 && count < 1_300, String(count));
  });
});

describe('the clocks', () => {
  it('are the wall’s and one that never goes back', () => {
    const { now, elapsed } = createRuntime();
    assert.ok(Math.abs(now() - Date.now()) < 1_000);
    const first = elapsed();
    assert.ok(elapsed() >= first);
  });
});

describe('sleep', () => {
  const { sleep } = createRuntime();

  it('lasts as long as it is told', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let awake = false;
    const sleeping = sleep(1_000).then(() => (awake = true));
    t.mock.timers.tick(999);
    await Promise.resolve();
    assert.equal(awake, false);
    t.mock.timers.tick(1);
    await sleeping;
  });

  it('ends with the signal’s reason when it aborts, and at once where it has', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const sleeping = sleep(60_000, stop.signal);
    stop.abort(reason);
    await assert.rejects(sleeping, (error) => error === reason);
    await assert.rejects(sleep(60_000, stop.signal), (error) => error === reason);
  });

  it('leaves nothing on the signal, however it ended', async () => {
    const { signal } = new AbortController();
    await sleep(0, signal);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});
