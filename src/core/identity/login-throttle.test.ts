import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createMemoryLimits } from '../limits/memory-limits.ts';
import { createLoginThrottle } from './login-throttle.ts';

const minuteMs = 60_000;
const right = () => Promise.resolve(true);
const wrong = () => Promise.resolve(false);

function createTested(t: TestContext) {
  t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2026, 0, 1) });
  const { guard } = createLoginThrottle({ limits: createMemoryLimits() });
  const fail = async (times: number, subject = 'a') => {
    for (let i = 0; i < times; i++) assert.equal(await guard(subject, wrong), false);
  };
  return { guard, fail };
}

describe('failed logins', () => {
  it('are stopped after ten in a quarter of an hour, the right password too, and no hash is made', async (t) => {
    const { guard, fail } = createTested(t);
    await fail(10);
    t.mock.timers.tick(5 * minuteMs);
    const never = () => assert.fail('the attempt was made');
    await assert.rejects(guard('a', never), {
      code: 'rate_limited',
      retryAfterMs: 10 * minuteMs,
      message: 'Too many failed logins for this account. Try again in 10 min.',
    });
    await fail(1, 'b');
    t.mock.timers.tick(10 * minuteMs);
    assert.equal(await guard('a', right), true);
  });

  it('are forgotten with a success', async (t) => {
    const { guard, fail } = createTested(t);
    await fail(9);
    assert.equal(await guard('a', right), true);
    await fail(10);
    await assert.rejects(guard('a', right), { code: 'rate_limited' });
  });

  it('count one after the other, though they come at once', async (t) => {
    const { guard } = createTested(t);
    let attempts = 0;
    const attempt = () => (attempts++, wrong());
    const all = await Promise.allSettled(Array.from({ length: 50 }, () => guard('a', attempt)));
    assert.equal(attempts, 10);
    assert.equal(all.filter(({ status }) => status === 'rejected').length, 40);
  });

  it('are not what many right logins at once are', async (t) => {
    const { guard } = createTested(t);
    const all = await Promise.all(Array.from({ length: 50 }, () => guard('a', right)));
    assert.ok(all.every(Boolean));
  });

  it('are ten also where several nodes try at once', async (t) => {
    t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2026, 0, 1) });
    const limits = createMemoryLimits();
    const nodes = Array.from({ length: 5 }, () => createLoginThrottle({ limits }));
    let attempts = 0;
    const answer = Promise.withResolvers<boolean>();
    const all = Promise.allSettled(
      Array.from({ length: 60 }, (_, n) => nodes[n % 5]!.guard('a', () => (attempts++, answer.promise))),
    );
    answer.resolve(false);
    assert.equal((await all).filter(({ status }) => status === 'fulfilled').length, 10);
    assert.equal(attempts, 10);
    await assert.rejects(nodes[0]!.guard('a', right), { code: 'rate_limited' });
  });

  it('are forgotten on all nodes with a success on one', async (t) => {
    t.mock.timers.enable({ apis: ['Date', 'setTimeout'], now: Date.UTC(2026, 0, 1) });
    const limits = createMemoryLimits();
    const [here, there] = [createLoginThrottle({ limits }), createLoginThrottle({ limits })];
    for (let guesses = 0; guesses < 9; guesses++) await there.guard('a', wrong);
    assert.equal(await here.guard('a', right), true);
    for (let guesses = 0; guesses < 10; guesses++) await there.guard('a', wrong);
    await assert.rejects(here.guard('a', right), { code: 'rate_limited' });
  });

  it('are not what an attempt is that broke', async (t) => {
    const { guard } = createTested(t);
    for (let i = 0; i < 20; i++) {
      await assert.rejects(
        guard('a', () => Promise.reject(new Error('the disk is full'))),
        /full/,
      );
    }
    assert.equal(await guard('a', right), true);
  });
});
