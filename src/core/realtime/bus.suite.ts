import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Bus, BusState } from './bus.ts';

export interface BusUnderTest {
  bus: Bus;
  /** What its `onError` was told. */
  errors: unknown[];
}

/** What every bus must do on its own node; `prepare` gives each test one that nobody else publishes on. */
export function busSuite(
  kind: string,
  state: BusState,
  prepare: (test: TestContext) => Promise<BusUnderTest>,
  options: { skip?: string | false } = {},
): void {
  describe(`a bus ${kind}`, options, () => {
    tellingTests(prepare);
    listenerTests(prepare);

    it('says how far it reaches, and proves it', async (t) => {
      const { bus } = await prepare(t);
      assert.equal(bus.state(), state);
      await Promise.all([bus.check(), bus.check()]);
    });

    it('does not say that it is joined again while it was not cut', async (t) => {
      const { bus } = await prepare(t);
      let times = 0;
      const stop = bus.onRejoined(() => times++);
      bus.publish('a');
      await bus.check();
      stop();
      assert.equal(times, 0);
    });
  });
}

type Prepare = Parameters<typeof busSuite>[2];

/** Keeps what `topic` is told. */
export function record(bus: Bus, topic: string): unknown[] {
  const heard: unknown[] = [];
  bus.subscribe(topic, (message) => void heard.push(message));
  return heard;
}

function tellingTests(prepare: Prepare): void {
  it('tells everybody of the topic on this node before it returns, in their order, and nobody of others', async (t) => {
    const { bus } = await prepare(t);
    const told: string[] = [];
    bus.subscribe('a', (message) => told.push(`first ${String(message)}`));
    bus.subscribe('a', (message) => told.push(`second ${String(message)}`));
    bus.subscribe('b', () => told.push('another'));
    bus.publish('a', 1);
    assert.deepEqual(told, ['first 1', 'second 1']);
    bus.publish('a', 2);
    assert.deepEqual(told.slice(2), ['first 2', 'second 2']);
  });

  it('tells each message once, and as it was given', async (t) => {
    const { bus } = await prepare(t);
    const heard = record(bus, 'a');
    const message = { text: 'ü😀\u2028', list: [1, null], deep: { is: true } };
    bus.publish('a', message);
    bus.publish('a');
    // What comes back from others' path comes before this.
    await bus.check();
    assert.deepEqual(heard, [message, undefined]);
  });

  it('wakes this node', async (t) => {
    const { bus } = await prepare(t);
    const heard = record(bus, 'a');
    bus.wake('a', 1);
    assert.deepEqual(heard, [1]);
  });

  it('lets nobody’s failure keep others from hearing, or the publisher from going on', async (t) => {
    const { bus, errors } = await prepare(t);
    const failure = new Error('broken');
    bus.subscribe('a', () => {
      throw failure;
    });
    const heard = record(bus, 'a');
    bus.publish('a', 1);
    bus.wake('a', 2);
    assert.deepEqual(
      [heard, errors],
      [
        [1, 2],
        [failure, failure],
      ],
    );
  });

  it('publishes what listeners publish', async (t) => {
    const { bus } = await prepare(t);
    const heard = record(bus, 'b');
    bus.subscribe('a', () => bus.publish('b', 'in turn'));
    bus.publish('a');
    assert.deepEqual(heard, ['in turn']);
  });

  it('knows topics of any name', async (t) => {
    const { bus } = await prepare(t);
    for (const topic of ['', '"', 'ü\n', '__proto__', 'constructor']) {
      const heard = record(bus, topic);
      bus.publish(topic, topic);
      assert.deepEqual(heard, [topic]);
    }
  });
}

function listenerTests(prepare: Prepare): void {
  it('tells nothing to who has left, also while it tells', async (t) => {
    const { bus } = await prepare(t);
    let times = 0;
    const stop = bus.subscribe('a', () => {
      times++;
      stop();
    });
    bus.publish('a');
    bus.publish('a');
    stop();
    assert.equal(times, 1);
  });

  it('ends each subscription by itself where one listener has two', async (t) => {
    const { bus } = await prepare(t);
    let times = 0;
    const listener = () => void times++;
    const stop = bus.subscribe('a', listener);
    bus.subscribe('a', listener);
    bus.publish('a');
    assert.equal(times, 2);
    stop();
    stop();
    bus.publish('a');
    assert.equal(times, 3);
  });
}
