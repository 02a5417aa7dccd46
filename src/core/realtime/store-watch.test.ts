import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../../test/support/eventually.ts';
import { createDeskBench } from '../desk/desk.fixture.ts';
import { createRecordedLog } from '../log.fixture.ts';
import { createMemoryBus, type Bus } from './bus.ts';
import { createBusLine } from './bus.fixture.ts';
import { createFeed, type FeedScope } from './feed.ts';
import { createStoreWatch } from './store-watch.ts';

/** Two nodes over one store. */
async function createTested(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { storage, begin } = await createDeskBench(t);
  const line = createBusLine();
  /** As a node has them; `reads` are those of its watchers, `looks` of its watch. */
  const open = <Own extends Bus>(bus: Own) => {
    const counts = { reads: 0, heads: 0, looks: 0 };
    const log = createRecordedLog();
    const feed = createFeed({
      rows: {
        ...storage.feed,
        pageAfter: (...asked) => (counts.reads++, storage.feed.pageAfter(...asked)),
      },
      messages: storage.messages,
      bus,
    });
    const store = { rows: storage.feed };
    const watch = createStoreWatch({
      rows: {
        head: () => (counts.heads++, store.rows.head()),
        pageAfter: (...asked) => (counts.looks++, storage.feed.pageAfter(...asked)),
      },
      bus,
      log,
    });
    t.after(watch.stop);
    const told = async (scope: FeedScope) => {
      const conversations: number[] = [];
      await feed.watch(scope, undefined, {
        onItems: (items) => void conversations.push(...items.map((item) => item.conversationId)),
        onReset: () => assert.fail(),
        onFailure: () => assert.fail(),
      });
      return conversations;
    };
    return { bus, feed, watch, told, counts, log, store };
  };
  /** Lets time pass, and what is due then be done. */
  const pass = async (ms: number) => {
    t.mock.timers.tick(ms);
    for (let turns = 0; turns < 5; turns++) await line.arrived();
  };
  return { storage, begin, line, open, pass };
}

describe('a change on another node', () => {
  it('wakes all who watch it by one message, however much changes at the same time', async (t) => {
    const { begin, line, open } = await createTested(t);
    const [here, there] = [open(line.join()), open(line.join())];
    const all = await there.told('everyone');
    const ids = [await begin({ userId: null }), await begin()];
    const one = await there.told({ conversationId: ids[0] ?? 0 });
    const mine = await there.told({ userId: 7 });
    for (const id of [...ids, ...ids]) here.feed.wake(id, 7);
    await eventually(() => (all.length === 2 ? true : undefined));
    assert.deepEqual([all, one, mine], [ids, [], []]);
    assert.deepEqual(
      line.crossed.map(({ message }) => message),
      [ids.map((id) => [id, 7])],
    );
  });

  it('is seen within a second though nobody tells of it, and read once by those whom it concerns', async (t) => {
    const { begin, line, open, pass } = await createTested(t);
    const node = open(line.join());
    const first = await begin();
    const all = await node.told('everyone');
    const concerned = await node.told({ conversationId: first });
    await node.told({ conversationId: 99 });
    await node.watch.start();
    const before = node.counts.reads;
    const second = await begin();
    await pass(999);
    assert.deepEqual(all, []);
    await pass(1);
    assert.deepEqual([all, concerned], [[second], []]);
    assert.equal(node.counts.reads - before, 1);
    await pass(1_000);
    await pass(1_000);
    assert.equal(node.counts.reads - before, 1, 'where nothing came, nobody reads');
    assert.equal(node.counts.looks, 1);
  });

  it('that was told of in time is not read again', async (t) => {
    const { begin, line, open, pass } = await createTested(t);
    const [here, there] = [open(line.join()), open(line.join())];
    const all = await there.told('everyone');
    await there.watch.start();
    const id = await begin();
    here.feed.wake(id, null);
    await eventually(() => (all.length === 1 ? true : undefined));
    const { reads } = there.counts;
    await pass(1_000);
    assert.deepEqual([there.counts.looks, there.counts.reads], [1, reads]);
  });

  it('is seen within 200 ms while the bus is cut, and at once when it is joined again', async (t) => {
    const { begin, line, open, pass } = await createTested(t);
    const [here, there] = [open(line.join()), open(line.join())];
    const all = await there.told('everyone');
    there.bus.cut();
    await there.watch.start();
    const ids = [await begin()];
    here.feed.wake(ids[0] ?? 0, null);
    await pass(200);
    assert.deepEqual(all, ids);
    ids.push(await begin());
    here.feed.wake(ids[1] ?? 0, null);
    there.bus.rejoin();
    await pass(0);
    assert.deepEqual(all, ids);
  });

  it('is found by pages, however much was missed', async (t) => {
    const { begin, line, open, pass } = await createTested(t);
    const node = open(line.join());
    const all = await node.told('everyone');
    await node.watch.start();
    const ids = await Promise.all(Array.from({ length: 1_100 }, () => begin()));
    await pass(1_000);
    await eventually(() => (all.length === ids.length ? true : undefined));
    assert.deepEqual(new Set(all), new Set(ids));
    assert.equal(node.counts.looks, 3);
  });

  it('that could not be read is read as soon as the store is there again; it is complained of once', async (t) => {
    const { begin, line, open, pass, storage } = await createTested(t);
    const node = open(line.join());
    const all = await node.told('everyone');
    await node.watch.start();
    node.store.rows = { ...storage.feed, head: () => Promise.reject(new Error('the store is away')) };
    const id = await begin();
    await pass(1_000);
    await pass(1_000);
    assert.deepEqual([all, node.log.lines.length], [[], 1]);
    node.store.rows = storage.feed;
    await pass(1_000);
    assert.deepEqual(all, [id]);
  });
});

describe('a process that is alone', () => {
  it('looks for nothing, and tells nobody twice', async (t) => {
    const { begin, open, pass } = await createTested(t);
    const bus = createMemoryBus({ onError: () => assert.fail() });
    const published: string[] = [];
    const node = open({ ...bus, publish: (topic) => void published.push(topic) });
    const all = await node.told('everyone');
    await node.watch.start();
    const id = await begin();
    await pass(5_000);
    assert.deepEqual([node.counts.heads, all], [0, []]);
    node.feed.wake(id, null);
    await eventually(() => (all.length === 1 ? true : undefined));
    assert.deepEqual(published, []);
  });

  it('that ends looks no more', async (t) => {
    const { line, open, pass } = await createTested(t);
    const node = open(line.join());
    await node.watch.start();
    const { heads } = node.counts;
    node.watch.stop();
    node.bus.rejoin();
    await pass(5_000);
    assert.equal(node.counts.heads, heads);
  });
});
