import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { OwnerKey } from '../identity/caller.ts';
import { createRecordedLog } from '../log.fixture.ts';
import { createBusLine } from '../realtime/bus.fixture.ts';
import { createMemoryBus, type Bus } from '../realtime/bus.ts';
import { createRuntime } from '../runtime.ts';
import { openTemporaryStorage } from './bench.fixture.ts';
import { answerOf, createCache, keyOf } from './cache/response-cache.fixture.ts';
import { createWarmingOrder } from './warming-order.ts';

const prompts = ['What is tea?', 'What is coffee?', 'Who are you?'];
const never = new AbortController().signal;

/** Nodes that are joined, and what they ask a model when they warm the cache. */
async function createTested(t: TestContext, buses: Bus[]) {
  const storage = await openTemporaryStorage(t);
  const asked: string[] = [];
  let sleep = createRuntime().sleep;
  const holds: string[] = [];
  const nodes = buses.map((bus, at) => {
    const node = `node-${at}`;
    const { cache } = createCache(storage, { bus, node });
    t.after(cache.stop);
    const leases: typeof storage.leases = {
      ...storage.leases,
      hold: (name, ...rest) => (holds.push(name), storage.leases.hold(name, ...rest)),
    };
    const runtime = { ...createRuntime(), sleep: (...asking: Parameters<typeof sleep>) => sleep(...asking) };
    const inOrder = createWarmingOrder({ leases, bus, node, cache, runtime, log: createRecordedLog() });
    const work = async (owner: OwnerKey) => {
      for (const prompt of prompts) {
        const key = keyOf(prompt, owner);
        if ((await cache.lookup(key)) !== null) continue;
        asked.push(prompt);
        await new Promise((resolve) => setTimeout(resolve, 10));
        void cache.keep(key, answerOf('x'));
      }
    };
    const warm = (owner = 'key:1', signal = never) =>
      inOrder(owner as OwnerKey, signal, () => work(owner as OwnerKey));
    return { cache, warm };
  });
  await Promise.all(nodes.map(({ cache }) => cache.load()));
  return { nodes, storage, asked, holds, hurry: () => void (sleep = () => Promise.resolve()) };
}

const joined = () => {
  const line = createBusLine();
  return [line.join(), line.join()];
};

describe('warming the cache on several nodes', () => {
  it('asks the model once, whichever node is asked to', async (t) => {
    const { nodes, asked } = await createTested(t, joined());
    await Promise.all(nodes.map(({ warm }) => warm()));
    assert.deepEqual(asked, prompts);
  });

  it('does not wait for what others warm for somebody else', async (t) => {
    const { nodes, asked, storage } = await createTested(t, joined());
    assert.equal(
      await storage.leases.hold('cache-warming:key:2', 'another', Date.now(), Date.now() + 9_000),
      true,
    );
    await nodes[0]!.warm('key:1');
    assert.equal(asked.length, 3);
  });

  it('is done all the same where the others take too long, and given up with its caller', async (t) => {
    const { nodes, asked, storage, hurry } = await createTested(t, joined());
    const until = Date.now() + 60_000;
    for (const owner of ['key:1', 'key:2']) {
      await storage.leases.hold(`cache-warming:${owner}`, 'another', Date.now(), until);
    }
    await nodes[0]!.warm('key:1', AbortSignal.abort());
    assert.equal(asked.length, 3);
    hurry();
    await nodes[1]!.warm('key:2');
    assert.equal(asked.length, 6);
  });

  it('asks nobody for leave where the process is alone', async (t) => {
    const alone = createMemoryBus({ onError: (thrown) => assert.fail(String(thrown)) });
    const { nodes, asked, holds } = await createTested(t, [alone]);
    await nodes[0]!.warm();
    assert.deepEqual([asked.length, holds], [3, []]);
  });
});
