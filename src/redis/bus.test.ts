import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually, within } from '../../test/support/eventually.ts';
import { busSuite, record } from '../core/realtime/bus.suite.ts';
import type { Bus } from '../core/realtime/bus.ts';
import { createRuntime } from '../core/runtime.ts';
import { createRedisBus } from './bus.ts';
import type { Redis } from './connection.ts';
import { openProxy, openRedis, openUp, ownPrefix, skipWithoutRedis } from './real-redis.fixture.ts';
import { RedisUnavailable } from './unavailable.ts';

const skip = skipWithoutRedis;
let nodes = 0;

/** A bus of a node of its own. */
async function openBus(t: TestContext, parts: { prefix: string; url?: string; joined?: false }) {
  const { redis, log } = openRedis(t, parts);
  const errors: unknown[] = [];
  const bus = createRedisBus({
    redis,
    nodeId: `node-${++nodes}`,
    runtime: createRuntime(),
    onError: (thrown) => errors.push(thrown),
  });
  t.after(() => bus.close());
  if (parts.joined !== false) assert.equal(await redis.isUpWithin(5_000), true);
  return { bus, redis, errors, log };
}

async function openTwo(t: TestContext) {
  const prefix = ownPrefix(t);
  const [here, there] = [await openBus(t, { prefix }), await openBus(t, { prefix })];
  return { prefix, here, there };
}

/** What goes over the channel, as it is sent. */
async function listenIn(t: TestContext, prefix: string): Promise<string[]> {
  const { redis } = await openUp(t, { prefix });
  const texts: string[] = [];
  redis.onMessage((text) => texts.push(text));
  return texts;
}

function messagesOf(text: string): unknown[] {
  return (JSON.parse(text) as { messages: unknown[] }).messages;
}

/** Resolves when the bus is joined again, or was told that it may have missed something. */
function rejoined(bus: Bus): Promise<void> {
  return new Promise((resolve) => {
    const stop = bus.onRejoined(() => {
      stop();
      resolve();
    });
  });
}

busSuite('over Redis', 'joined', async (t) => openBus(t, { prefix: ownPrefix(t) }), { skip });

describe('two nodes on one bus', { skip }, () => {
  it('hear each other in the order of publishing, each message once', async (t) => {
    const { here, there } = await openTwo(t);
    const heard = record(there.bus, 'a');
    const [toItself, back] = [record(here.bus, 'a'), record(here.bus, 'b')];
    const sent = Array.from({ length: 500 }, (_, i) => ({ i, text: 'ü😀' }));
    for (const [at, message] of sent.entries()) {
      here.bus.publish('a', message);
      if (at % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => heard.length === 500 || undefined);
    there.bus.publish('b', 'back');
    await eventually(() => back[0]);
    assert.deepEqual([heard, toItself], [sent, sent]);
    assert.deepEqual([here.errors, there.errors], [[], []]);
  });

  it('keep what is woken to themselves', async (t) => {
    const { here, there } = await openTwo(t);
    const heard = record(there.bus, 'a');
    here.bus.wake('a', 'here');
    here.bus.publish('a', 'everywhere');
    await eventually(() => heard[0]);
    assert.deepEqual(heard, ['everywhere']);
  });

  it('hear nothing of others in the same Redis', async (t) => {
    const [{ here }, stranger] = [await openTwo(t), await openBus(t, { prefix: ownPrefix(t) })];
    const heard = record(here.bus, 'a');
    stranger.bus.publish('a', 'strange');
    await stranger.bus.check();
    await here.bus.check();
    assert.deepEqual(heard, []);
  });

  it('send together what is published in one tick of the event loop, and wake-ups once', async (t) => {
    const { prefix, here, there } = await openTwo(t);
    const texts = await listenIn(t, prefix);
    const [woken, heard] = [record(there.bus, 'wake'), record(there.bus, 'a')];
    for (let i = 0; i < 100; i++) {
      here.bus.publish('wake');
      here.bus.publish('a', i);
    }
    await Promise.resolve();
    here.bus.publish('a', 100);
    await eventually(() => heard.length === 101 || undefined);
    assert.equal(woken.length, 1);
    here.bus.publish('wake');
    await eventually(() => woken.length === 2 || undefined);
    await eventually(() => messagesOf(texts.at(-1) ?? '{"messages":[]}').length === 1 || undefined);
    assert.equal(texts.length, 2);
  });

  it('send in pieces what is large together', async (t) => {
    const { prefix, here, there } = await openTwo(t);
    const texts = await listenIn(t, prefix);
    const heard = record(there.bus, 'a');
    const sizes = [...Array.from({ length: 30 }, () => 50_000), 1_000_000, 1];
    const sent = sizes.map((size, i) => `${i} ${'x'.repeat(size)}`);
    for (const message of sent) here.bus.publish('a', message);
    await eventually(() => heard.length === sent.length || undefined);
    assert.deepEqual(heard, sent);
    await eventually(() => texts.length === 8 || undefined);
    assert.deepEqual(
      texts.map((text) => messagesOf(text).length),
      [5, 5, 5, 5, 5, 5, 1, 1],
    );
  });

  it('go on after what cannot be written or read', async (t) => {
    const { prefix, here, there } = await openTwo(t);
    const { redis } = await openUp(t, { prefix });
    const heard = record(there.bus, 'a');
    here.bus.publish('a', 1n);
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '{"from":1}',
      '{"from":"x","number":1,"messages":[[1]]}',
      '{"from":"x","number":1,"messages":{}}',
    ]) {
      await redis.run((client) => client.publish(redis.channel, text));
    }
    here.bus.publish('a', 2);
    await eventually(() => heard[0]);
    assert.deepEqual(heard, [2]);
    assert.match(String(here.errors[0]), /BigInt/);
    assert.match(String(there.errors[0]), /could not be read/);
    assert.deepEqual([here.errors.length, there.errors.length], [2, 1], 'once each');
  });

  it('take a frame from one to the other within milliseconds', async (t) => {
    const { here, there } = await openTwo(t);
    const tookMs: number[] = [];
    for (let i = 0; i < 200; i++) {
      const began = performance.now();
      await new Promise<void>((resolve) => {
        const stop = there.bus.subscribe('a', () => {
          stop();
          resolve();
        });
        here.bus.publish('a', { text: 'word '.repeat(20) });
      });
      tookMs.push(performance.now() - began);
    }
    const median = tookMs.toSorted((a, b) => a - b)[100]!;
    assert.ok(median < 10, `${median} ms`);
  });
});

describe('a node that is cut off', { skip }, () => {
  async function createTested(t: TestContext) {
    const prefix = ownPrefix(t);
    const proxy = await openProxy(t);
    const [cut, other] = [await openBus(t, { prefix, url: proxy.url }), await openBus(t, { prefix })];
    return { prefix, proxy, cut, other };
  }

  it('says so, goes on by itself at no cost, and is joined again', async (t) => {
    const { proxy, cut, other } = await createTested(t);
    const [local, heard] = [record(cut.bus, 'a'), record(other.bus, 'a')];
    await proxy.cut();
    await eventually(() => cut.bus.state() === 'cut' || undefined);
    const began = performance.now();
    for (let i = 0; i < 10_000; i++) cut.bus.publish('a', i);
    assert.ok(performance.now() - began < 500);
    assert.equal(local.length, 10_000);
    await assert.rejects(cut.bus.check(), RedisUnavailable);
    const [again, told] = [rejoined(cut.bus), rejoined(other.bus)];
    await proxy.forward();
    await within(3_000, again);
    assert.equal(cut.bus.state(), 'joined');
    await within(1_000, told);
    await cut.bus.check();
    cut.bus.publish('a', 'again');
    await eventually(() => heard.at(-1) === 'again' || undefined);
    assert.deepEqual(heard, ['again'], 'nothing late, nothing twice');
    assert.deepEqual([cut.errors, other.errors], [[], []]);
  });

  it('does not tell the others to look where they missed nothing', async (t) => {
    const { proxy, cut, other } = await createTested(t);
    const heard = record(other.bus, 'a');
    cut.bus.publish('a', 1);
    await eventually(() => heard[0]);
    let told = 0;
    other.bus.onRejoined(() => told++);
    await proxy.cut();
    await eventually(() => cut.bus.state() === 'cut' || undefined);
    const again = rejoined(cut.bus);
    await proxy.forward();
    await again;
    cut.bus.publish('a', 2);
    await eventually(() => heard[1]);
    assert.equal(told, 0);
  });

  it('by a Redis that hangs knows it within two seconds, and its checks fail within one', async (t) => {
    const { proxy, cut, other } = await createTested(t);
    await proxy.stall();
    await assert.rejects(within(1_200, cut.bus.check()), RedisUnavailable);
    await within(
      2_000,
      eventually(() => cut.bus.state() === 'cut' || undefined),
    );
    cut.bus.publish('a', 'lost');
    const [again, told] = [rejoined(cut.bus), rejoined(other.bus)];
    await proxy.forward();
    await within(3_000, Promise.all([again, told]));
    await cut.bus.check();
  });

  it('is told that it missed something, and hears nothing of that later', async (t) => {
    const { proxy, cut, other } = await createTested(t);
    const heard = record(cut.bus, 'a');
    await proxy.cut();
    await eventually(() => cut.bus.state() === 'cut' || undefined);
    other.bus.publish('a', 'missed');
    const again = rejoined(cut.bus);
    await proxy.forward();
    await within(3_000, again);
    other.bus.publish('a', 'heard');
    await eventually(() => heard[0]);
    assert.deepEqual(heard, ['heard']);
  });

  it('from the start is joined when it can be', async (t) => {
    const prefix = ownPrefix(t);
    const proxy = await openProxy(t);
    await proxy.cut();
    const other = await openBus(t, { prefix });
    const late = await openBus(t, { prefix, url: proxy.url, joined: false });
    assert.equal(late.bus.state(), 'cut');
    late.bus.publish('a', 'to itself');
    const [again, told] = [rejoined(late.bus), rejoined(other.bus)];
    await proxy.forward();
    await within(3_000, Promise.all([again, told]));
  });

  it('for a single message tells the others of it, though it has nothing more to say', async (t) => {
    const prefix = ownPrefix(t);
    const { redis } = await openUp(t, { prefix });
    let failing = false;
    const run: Redis['run'] = (work) => {
      if (!failing) return redis.run(work);
      failing = false;
      return Promise.reject(new RedisUnavailable('lost'));
    };
    const runtime = createRuntime();
    const bus = createRedisBus({
      redis: { ...redis, run },
      nodeId: 'unlucky',
      runtime,
      onError: (thrown) => assert.fail(String(thrown)),
    });
    t.after(() => bus.close());
    const other = await openBus(t, { prefix });
    const heard = record(other.bus, 'a');
    bus.publish('a', 'before');
    await eventually(() => heard[0]);
    failing = true;
    const told = rejoined(other.bus);
    bus.publish('a', 'lost');
    await within(2_000, told);
    bus.publish('a', 'after');
    await eventually(() => heard[1]);
    assert.deepEqual([heard, bus.state()], [['before', 'after'], 'joined']);
  });

  it('can be closed, and says what it has to say before', async (t) => {
    const { prefix, cut, other, proxy } = await createTested(t);
    const third = await openBus(t, { prefix });
    const heard = record(other.bus, 'a');
    third.bus.publish('a', 'last words');
    await third.bus.close();
    await third.redis.close();
    await eventually(() => heard[0]);
    third.bus.publish('a', 'nothing');
    await proxy.stall();
    cut.bus.publish('a', 'unheard');
    await within(1_000, cut.bus.close());
    await within(1_000, cut.redis.close());
    assert.deepEqual(heard, ['last words']);
  });
});
