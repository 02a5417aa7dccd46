import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { within } from '../../test/support/eventually.ts';
import { limitsSuite, takeAll } from '../core/limits/limits.suite.ts';
import { createMemoryLimits } from '../core/limits/memory-limits.ts';
import { createRedisLimits } from './limits.ts';
import { age, openProxy, openUp, ownPrefix, skipWithoutRedis } from './real-redis.fixture.ts';

const skip = skipWithoutRedis;
const limit = { name: 'door', points: 40, burst: 10, windowMs: 60_000 };

async function openLimits(t: TestContext, parts: { prefix: string; url?: string }) {
  const { redis } = await openUp(t, parts);
  return { redis, limits: createRedisLimits({ redis, fallback: createMemoryLimits() }) };
}

limitsSuite(
  'Redis',
  async (t) => {
    const prefix = ownPrefix(t);
    const { limits } = await openLimits(t, { prefix });
    return { limits, pass: (ms) => age(prefix, ms) };
  },
  { skip },
);

describe('limits of two nodes that share a Redis', { skip }, () => {
  it('are one, exactly, where many take at once', async (t) => {
    const prefix = ownPrefix(t);
    const [one, other] = [await openLimits(t, { prefix }), await openLimits(t, { prefix })];
    const taken = await Promise.all(
      Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? one : other).limits.take(limit, 'a')),
    );
    assert.equal(taken.filter(({ allowed }) => allowed).length, 50);
    assert.equal((await other.limits.look(limit, 'a')).allowed, false);
    await one.limits.clear(limit, 'a');
    assert.equal((await other.limits.look(limit, 'a')).remaining, 40);
  });

  it('are two under two prefixes', async (t) => {
    const [one, other] = [
      await openLimits(t, { prefix: ownPrefix(t) }),
      await openLimits(t, { prefix: ownPrefix(t) }),
    ];
    await takeAll(one.limits, 50, limit);
    assert.equal((await other.limits.take(limit, 'a')).remaining, 39);
  });

  it('leave nothing behind', async (t) => {
    const prefix = ownPrefix(t);
    const { redis, limits } = await openLimits(t, { prefix });
    await limits.take({ ...limit, windowMs: 5_000 }, 'a');
    const [key] = await redis.run((client) => client.keys(`${prefix}limit:*`));
    const leftMs = await redis.run((client) => client.pttl(key!));
    assert.ok(leftMs > 4_000 && leftMs <= 5_000, `${leftMs} ms`);
  });
});

describe('limits while Redis is away', { skip }, () => {
  it('are each node’s own, and Redis’s again when it is back', async (t) => {
    const prefix = ownPrefix(t);
    const proxy = await openProxy(t);
    const cut = await openLimits(t, { prefix, url: proxy.url });
    const joined = await openLimits(t, { prefix });
    await takeAll(cut.limits, 10, limit);
    await proxy.cut();
    const own = await within(500, takeAll(cut.limits, 51, limit));
    assert.deepEqual(
      [own[0]?.remaining, own.filter(({ allowed }) => allowed).length],
      [39, 50],
      'it begins with nothing taken',
    );
    assert.equal((await cut.limits.look(limit, 'a')).allowed, false);
    await cut.limits.clear(limit, 'a');
    assert.equal((await cut.limits.look(limit, 'a')).remaining, 40);
    assert.equal((await joined.limits.take(limit, 'a')).remaining, 29);
    await proxy.forward();
    assert.equal(await cut.redis.isUpWithin(5_000), true);
    assert.equal((await cut.limits.take(limit, 'a')).remaining, 28);
  });

  it('decide in time also when it hangs', async (t) => {
    const prefix = ownPrefix(t);
    const proxy = await openProxy(t);
    const { redis, limits } = await openLimits(t, { prefix, url: proxy.url });
    await limits.take(limit, 'a');
    await proxy.stall();
    const first = await within(400, limits.take(limit, 'a'));
    assert.deepEqual([first.allowed, first.remaining], [true, 39]);
    const crowd = await within(
      1_000,
      Promise.all(Array.from({ length: 200 }, () => limits.take(limit, 'b'))),
    );
    assert.equal(crowd.filter(({ allowed }) => allowed).length, 50);
    await within(100, takeAll(limits, 100, limit, 'c'));
    await proxy.forward();
    assert.equal(await redis.isUpWithin(5_000), true);
    assert.ok((await limits.look(limit, 'a')).remaining <= 39, 'what was taken of Redis is remembered');
  });

  it('clear what they count themselves; what Redis counts ends with its window', async (t) => {
    const prefix = ownPrefix(t);
    const proxy = await openProxy(t);
    const { redis, limits } = await openLimits(t, { prefix, url: proxy.url });
    await takeAll(limits, 5, limit);
    await proxy.cut();
    await limits.clear(limit, 'a');
    await proxy.forward();
    assert.equal(await redis.isUpWithin(5_000), true);
    assert.equal((await limits.look(limit, 'a')).remaining, 35);
    await limits.clear(limit, 'a');
    assert.equal((await limits.look(limit, 'a')).remaining, 40);
  });
});
