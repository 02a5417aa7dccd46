import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { createTurnsBench, mina, otto, question, type TurnsBench } from '../turns/turns.fixture.ts';
import { createMemoryBus } from './bus.ts';
import { createFeed, type FeedItem, type FeedScope } from './feed.ts';

/** Watches, and remembers what it was told. */
async function watch({ feed }: Pick<TurnsBench, 'feed'>, scope: FeedScope, cursor?: number) {
  const items: FeedItem[] = [];
  const resets: number[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const check = () =>
    waiting.filter(({ count }) => items.length >= count).forEach(({ resolve }) => resolve());
  const stop = await feed.watch(scope, cursor, {
    onItems(told) {
      items.push(...told);
      check();
    },
    onReset: (at) => void resets.push(at),
    onFailure(thrown) {
      throw thrown;
    },
  });
  return {
    items,
    resets,
    stop,
    shown: () => items.map(({ type, message }) => [type, message?.content]),
    has: (count: number) =>
      new Promise<void>((resolve) => {
        waiting.push({ count, resolve });
        check();
      }),
  };
}

/** Asks, and lets the model answer with the question's last word. */
async function exchange(tested: TurnsBench, text: string, caller = mina, id?: number) {
  const place = id === undefined ? ({ kind: 'new' } as const) : ({ kind: 'existing', id } as const);
  const asked = await tested.turns.ask(caller, question(text, { place }));
  const speaker = await tested.speakers.next();
  speaker.say(text.split(' ').at(-1) ?? '');
  speaker.finish();
  await tested.turns.result(
    caller,
    asked.turnId ?? assert.fail('nobody answers'),
    new AbortController().signal,
  );
  return asked;
}

async function createTested(t: TestContext) {
  const tested = await createTurnsBench(t);
  const { conversationId } = await exchange(tested, 'Number 1');
  return { ...tested, conversationId };
}

describe('the feed', () => {
  it('tells of what happens from now on, in the watched conversation only', async (t) => {
    const tested = await createTested(t);
    const watching = await watch(tested, { conversationId: tested.conversationId });
    await exchange(tested, 'Number 2', mina, tested.conversationId);
    await exchange(tested, 'Elsewhere 3');
    await tested.conversations.rename(mina, tested.conversationId, 'Numbers');
    await watching.has(3);
    assert.deepEqual(watching.shown(), [
      ['asked', 'Number 2'],
      ['answered', '2'],
      ['renamed', undefined],
    ]);
    assert.deepEqual(watching.items[2]?.data, { title: 'Numbers' });
    const cursors = watching.items.map(({ cursor }) => cursor);
    assert.deepEqual(
      cursors,
      cursors.toSorted((a, b) => a - b),
    );
    watching.stop();
    await exchange(tested, 'Number 4', mina, tested.conversationId);
    assert.equal(watching.items.length, 3);
  });

  it('tells a user of all conversations of theirs, and of nobody else’s', async (t) => {
    const tested = await createTested(t);
    const watching = await watch(tested, { userId: mina.userId });
    await exchange(tested, 'Not mine 1', otto);
    await exchange(tested, 'Mine 2');
    await exchange(tested, 'Mine 3', mina, tested.conversationId);
    await watching.has(4);
    assert.deepEqual(
      watching.shown().map(([, text]) => text),
      ['Mine 2', '2', 'Mine 3', '3'],
    );
  });

  it('goes on after a cursor without a gap, even while more happens', async (t) => {
    const tested = await createTested(t);
    const cursor = await tested.feed.head();
    const texts = Array.from({ length: 130 }, (_, n) => `Number ${n}`);
    const exchanges = texts.map((text) => exchange(tested, text));
    await exchanges[20];
    const watching = await watch(tested, { userId: mina.userId }, cursor);
    await Promise.all(exchanges);
    await watching.has(260);
    assert.equal(watching.items.length, 260);
    assert.equal(new Set(watching.items.map((item) => item.cursor)).size, 260);
    const again = await watch(tested, { userId: mina.userId }, watching.items[99]?.cursor);
    await again.has(160);
    assert.deepEqual(again.shown(), watching.shown().slice(100));
  });

  it('says so where a cursor is too old, or is none of its own, and goes on from the present', async (t) => {
    const tested = await createTested(t);
    const scope = { conversationId: tested.conversationId };
    const { runtime } = tested.bench;
    runtime.time += 1_000;
    await exchange(tested, 'Number 2', mina, tested.conversationId);
    const kept = await tested.storage.feed.after(scope, 0, 10);
    while ((await tested.storage.feed.removeBefore(runtime.time)) > 0);
    const head = await tested.feed.head();
    for (const lost of [0, head + 1]) {
      const watching = await watch(tested, scope, lost);
      assert.deepEqual([watching.resets, watching.items], [[head], []]);
      watching.stop();
    }
    const still = await watch(tested, scope, (kept[2]?.cursor ?? 0) - 1);
    assert.deepEqual(
      [still.resets, still.shown()],
      [
        [],
        [
          ['asked', 'Number 2'],
          ['answered', '2'],
        ],
      ],
    );
  });

  it('begins anew for one who is a million changes behind, and keeps a quiet watcher close to the present', async (t) => {
    const tested = await createTested(t);
    const scope = { conversationId: tested.conversationId };
    const asked: number[] = [];
    const { head, pageAfter } = tested.storage.feed;
    const busy = createFeed({
      messages: tested.storage.messages,
      bus: createMemoryBus({ onError: (thrown) => assert.fail(String(thrown)) }),
      rows: {
        ...tested.storage.feed,
        head: async () => (await head()) + 1_000_000,
        pageAfter(of, cursor, limit) {
          asked.push(cursor);
          return pageAfter(of, cursor, limit);
        },
      },
    });
    const present = (await head()) + 1_000_000;
    const behind = await watch({ feed: busy }, scope, 1);
    assert.deepEqual([behind.resets, behind.items], [[present], []]);
    behind.stop();
    const near = await watch({ feed: busy }, scope, await head());
    assert.deepEqual(near.resets, []);
    await exchange(tested, 'Elsewhere 2');
    for (let times = 0; times < 2; times++) {
      busy.wake(tested.conversationId, null);
      await busy.settled();
    }
    assert.equal(asked.at(-1), await head(), 'what it need not look through again, it does not');
  });

  it('tells staff of everybody’s changes, in one order', async (t) => {
    const tested = await createTested(t);
    const cursor = await tested.feed.head();
    const watching = await watch(tested, 'everyone');
    await Promise.all([exchange(tested, 'Mine 1'), exchange(tested, 'Not mine 2', otto)]);
    await tested.conversations.rename(mina, tested.conversationId, 'Numbers');
    await watching.has(5);
    const cursors = watching.items.map((item) => item.cursor);
    assert.deepEqual(
      cursors,
      [1, 2, 3, 4, 5].map((more) => cursor + more),
    );
    assert.deepEqual(
      new Set(watching.items.map(({ userId }) => userId)),
      new Set([mina.userId, otto.userId]),
    );
    const again = await watch(tested, 'everyone', cursor + 1);
    await again.has(4);
    assert.deepEqual(again.shown(), watching.shown().slice(1));
  });

  it('waits for a slow watcher, and tells it of everything that came meanwhile', async (t) => {
    const tested = await createTested(t);
    const told: string[] = [];
    const { promise: free, resolve: release } = Promise.withResolvers<void>();
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    let busy = false;
    await tested.feed.watch({ conversationId: tested.conversationId }, undefined, {
      async onItems(items) {
        assert.equal(busy, false, 'one call at a time');
        busy = true;
        await free;
        busy = false;
        for (const { message } of items) told.push(message?.content ?? '');
        if (told.length === 6) finish();
      },
      onReset: () => assert.fail('nothing is lost'),
      onFailure: (thrown) => assert.fail(String(thrown)),
    });
    for (const number of [2, 3, 4]) await exchange(tested, `Number ${number}`, mina, tested.conversationId);
    release();
    await done;
    assert.deepEqual(told, ['Number 2', '2', 'Number 3', '3', 'Number 4', '4']);
  });

  it('tells nothing more to a watcher that failed, or when the store does', async (t) => {
    const tested = await createTested(t);
    const scope = { conversationId: tested.conversationId };
    const { promise: failed, resolve } = Promise.withResolvers<unknown>();
    let calls = 0;
    await tested.feed.watch(scope, undefined, {
      onItems() {
        calls++;
        throw new Error('the socket broke');
      },
      onReset: () => {},
      onFailure: resolve,
    });
    await exchange(tested, 'Number 2', mina, tested.conversationId);
    assert.match(String(await failed), /the socket broke/);
    await exchange(tested, 'Number 3', mina, tested.conversationId);
    assert.equal(calls, 1);

    const unreadable = createFeed({
      rows: { ...tested.storage.feed, pageAfter: () => Promise.reject(new Error('no disk')) },
      messages: tested.storage.messages,
      bus: createMemoryBus({ onError() {} }),
    });
    const seen: unknown[] = [];
    const onFailure = (thrown: unknown) => void seen.push(thrown);
    await unreadable.watch(scope, 0, { onItems() {}, onReset() {}, onFailure });
    assert.match(String(seen[0]), /no disk/);
  });
});

describe('a bus in memory', () => {
  it('wakes those who listen to a topic until they stop, whoever else fails', () => {
    const errors: unknown[] = [];
    const bus = createMemoryBus({ onError: (thrown) => void errors.push(thrown) });
    const woken: string[] = [];
    bus.subscribe('a', () => {
      throw new Error('no');
    });
    const stop = bus.subscribe('a', () => void woken.push('first'));
    bus.subscribe('a', () => void woken.push('second'));
    bus.subscribe('b', () => void woken.push('other'));
    bus.publish('a');
    stop();
    stop();
    bus.publish('a');
    bus.publish('nobody');
    assert.deepEqual(woken, ['first', 'second', 'second']);
    assert.equal(errors.length, 2);
  });
});
