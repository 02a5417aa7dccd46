import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { eventually, within } from '../../test/support/eventually.ts';
import { createMemorySeats } from '../core/limits/memory-seats.ts';
import { seatsSuite, takeAll } from '../core/limits/seats.suite.ts';
import type { Seat, Seats } from '../core/limits/seats.ts';
import { createRuntime } from '../core/runtime.ts';
import { openProxy, openUp, ownPrefix, removeKeys, skipWithoutRedis } from './real-redis.fixture.ts';
import { createRedisSeats } from './seats.ts';

const skip = skipWithoutRedis;
let nodes = 0;

interface Opened {
  prefix: string;
  url?: string;
  refreshMs?: number;
  lapseMs?: number;
}

/** Seats of a node of its own. */
async function openSeats(t: TestContext, { prefix, url, ...times }: Opened) {
  const { redis } = await openUp(t, { prefix, ...(url !== undefined && { url }) });
  const seats = createRedisSeats({
    redis,
    nodeId: `node-${++nodes}`,
    fallback: createMemorySeats(),
    runtime: createRuntime(),
    ...times,
  });
  t.after(() => seats.close());
  const keys = () => redis.run((client) => client.keys(`${prefix}seats:*`));
  return { seats, redis, keys };
}

/** One node behind a proxy, and another. */
async function openTwo(t: TestContext, times: Omit<Opened, 'prefix'> = {}) {
  const prefix = ownPrefix(t);
  const proxy = await openProxy(t);
  const here = await openSeats(t, { prefix, url: proxy.url, ...times });
  const there = await openSeats(t, { prefix, ...times });
  return { prefix, proxy, here, there };
}

async function wentDown({ redis }: Awaited<ReturnType<typeof openSeats>>): Promise<void> {
  await eventually(() => redis.state() === 'down' || undefined);
}

/** Whether there was a seat; it is given back. */
async function isFree(seats: Seats, most: number): Promise<boolean> {
  const seat = await seats.take('door', 'a', most);
  seat?.release();
  return seat !== null;
}

seatsSuite('Redis', async (t) => (await openSeats(t, { prefix: ownPrefix(t) })).seats, { skip });

describe('seats of two nodes that share a Redis', { skip }, () => {
  it('are one count, exactly, where many take at once', async (t) => {
    const { here, there } = await openTwo(t);
    const asked = await Promise.all(
      Array.from({ length: 200 }, (_, i) => (i % 2 === 0 ? here : there).seats.take('door', 'a', 50)),
    );
    const taken = asked.filter((seat) => seat !== null);
    assert.equal(taken.length, 50);
    assert.deepEqual([await isFree(here.seats, 50), await isFree(there.seats, 50)], [false, false]);
    for (const seat of taken) seat.release();
    await eventually(async () => (await there.keys()).length === 0 || undefined);
    assert.equal((await takeAll(there.seats, 51, 50)).length, 50);
  });

  it('are free on the other as soon as they are given back', async (t) => {
    const { here, there } = await openTwo(t);
    const [seat] = await takeAll(here.seats, 1, 1);
    assert.equal(await isFree(there.seats, 1), false);
    seat?.release();
    await eventually(async () => (await isFree(there.seats, 1)) || undefined);
  });

  it('are free when a node is closed', async (t) => {
    const { here, there } = await openTwo(t);
    await takeAll(here.seats, 3, 3);
    await here.seats.close();
    assert.equal((await takeAll(there.seats, 4, 3)).length, 3);
  });

  it('are kept while their node lives, and lapse when it does not', async (t) => {
    const times = { refreshMs: 100, lapseMs: 500 };
    const { proxy, here, there } = await openTwo(t, times);
    await takeAll(here.seats, 1, 1);
    await pause(2 * times.lapseMs);
    assert.equal(await isFree(there.seats, 1), false, 'the node lives');
    await proxy.cut();
    assert.equal(await isFree(there.seats, 1), false, 'not yet');
    await eventually(async () => (await isFree(there.seats, 1)) || undefined);
  });

  it('lapse one by one where others of the same subject are kept', async (t) => {
    const { proxy, here, there } = await openTwo(t, { refreshMs: 100, lapseMs: 500 });
    await takeAll(here.seats, 1, 2);
    await takeAll(there.seats, 1, 2);
    await proxy.cut();
    assert.equal(await isFree(there.seats, 2), false);
    await eventually(async () => (await isFree(there.seats, 2)) || undefined);
    assert.equal(await isFree(there.seats, 1), false);
  });

  it('leave nothing behind when all nodes die', async (t) => {
    const { proxy, here, there } = await openTwo(t, { refreshMs: 60_000, lapseMs: 300 });
    await takeAll(here.seats, 1, 1);
    await proxy.cut();
    assert.equal((await there.keys()).length, 1);
    await eventually(async () => (await there.keys()).length === 0 || undefined);
  });

  it('are put back where Redis has forgotten them', async (t) => {
    const { prefix, here, there } = await openTwo(t, { refreshMs: 100 });
    await takeAll(here.seats, 2, 2);
    await removeKeys(prefix);
    await eventually(async () => (await there.keys()).length === 1 || undefined);
    assert.equal((await takeAll(there.seats, 3, 3)).length, 1);
  });
});

describe('seats while Redis is away', { skip }, () => {
  it('are counted by each node, with those that it holds', async (t) => {
    const { proxy, here, there } = await openTwo(t);
    await takeAll(here.seats, 2, 4);
    await takeAll(there.seats, 1, 4);
    await proxy.cut();
    await wentDown(here);
    assert.equal(
      (await within(200, takeAll(here.seats, 4, 4))).length,
      2,
      'it has two and knows of no others',
    );
    assert.equal((await takeAll(there.seats, 4, 4)).length, 1, 'it knows of two that have not lapsed');
  });

  it('are put there when it is back, more than there should be too, and none is closed', async (t) => {
    const { proxy, here, there } = await openTwo(t);
    await takeAll(here.seats, 1, 2);
    await proxy.cut();
    await wentDown(here);
    const [own] = await takeAll(here.seats, 1, 2);
    const others = await takeAll(there.seats, 1, 2);
    await proxy.forward();
    assert.equal(await here.redis.isUpWithin(5_000), true);
    // Three are taken now.
    assert.equal(await eventually(async () => (await isFree(there.seats, 3)) === false || undefined), true);
    assert.equal(await isFree(there.seats, 4), true);
    assert.equal(await isFree(here.seats, 3), false);
    own?.release();
    others[0]?.release();
    await eventually(async () => (await isFree(there.seats, 2)) || undefined);
    assert.equal(await isFree(here.seats, 1), false);
  });

  it('are put there at once where it comes back without its memory', async (t) => {
    const { prefix, proxy, here, there } = await openTwo(t);
    await takeAll(here.seats, 2, 3);
    await proxy.cut();
    await wentDown(here);
    await removeKeys(prefix);
    await proxy.forward();
    await within(
      3_000,
      eventually(async () => !(await isFree(there.seats, 2)) || undefined),
    );
    assert.equal((await takeAll(there.seats, 3, 3)).length, 1);
  });

  it('are free there when they were given back meanwhile', async (t) => {
    const { proxy, here, there } = await openTwo(t);
    const seats = await takeAll(here.seats, 3, 3);
    await proxy.cut();
    await wentDown(here);
    for (const seat of seats) seat.release();
    assert.equal(await isFree(there.seats, 3), false);
    await proxy.forward();
    await eventually(async () => (await isFree(there.seats, 1)) || undefined);
  });

  it('come to it by the thousand', async (t) => {
    const { prefix, proxy, here, there } = await openTwo(t);
    const total = 2_600;
    await proxy.cut();
    await wentDown(here);
    const taken = await Promise.all(
      Array.from({ length: total }, (_, i) => here.seats.take('door', `user ${i}`, 1)),
    );
    assert.ok(taken.every((seat) => seat !== null));
    const late = new Promise<Seat | null>((resolve) =>
      here.redis.onChange(() => resolve(here.seats.take('door', 'late', 1))),
    );
    await proxy.forward();
    const lateSeat = await late;
    await within(
      3_000,
      eventually(async () => (await there.keys()).length === total + 1 || undefined),
    );
    for (const seat of [...taken, lateSeat]) seat?.release();
    await eventually(async () => (await there.keys()).length === 0 || undefined);
    await removeKeys(prefix);
  });

  it('are decided on in time also when it hangs', async (t) => {
    const { proxy, here, there } = await openTwo(t);
    await takeAll(here.seats, 1, 2);
    await proxy.stall();
    const seat = await within(400, here.seats.take('door', 'a', 2));
    assert.ok(seat !== null);
    assert.equal(await within(400, here.seats.take('door', 'a', 2)), null);
    await wentDown(here);
    assert.equal(await within(50, here.seats.take('door', 'a', 2)), null);
    await proxy.forward();
    assert.equal(await here.redis.isUpWithin(5_000), true);
    await eventually(async () => (await isFree(there.seats, 3)) || undefined);
    assert.equal(
      await isFree(there.seats, 2),
      false,
      'the refused one is not counted for long, the others are',
    );
  });
});
