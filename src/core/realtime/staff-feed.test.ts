import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Feed, FeedItem, Watcher } from './feed.ts';
import { createStaffFeed, type Prepared, type StaffWatcher } from './staff-feed.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A feed of numbered changes, which tells each watcher of some at a time. */
function createNumbers(pageSize = 3) {
  let head = 0;
  let broken: Error | undefined;
  const wakes = new Set<() => void>();
  const itemAt = (cursor: number): FeedItem => ({
    cursor,
    conversationId: 1,
    userId: null,
    type: 'asked',
    messageId: null,
    at: cursor,
    data: null,
    message: null,
  });
  const feed: Pick<Feed, 'head' | 'watch'> = {
    head: () => Promise.resolve(head),
    async watch(scope, from = head, watcher: Watcher) {
      assert.equal(scope, 'everyone');
      let cursor = from;
      let stopped = false;
      let reading = false;
      const read = async () => {
        if (reading) return;
        reading = true;
        while (cursor < head && !stopped) {
          await turn();
          if (broken !== undefined) {
            stopped = true;
            watcher.onFailure(broken);
            break;
          }
          const upTo = Math.min(head, cursor + pageSize);
          const items = Array.from({ length: upTo - cursor }, (_, n) => itemAt(cursor + n + 1));
          cursor = upTo;
          if (!stopped) await watcher.onItems(items);
        }
        reading = false;
      };
      const wake = () => void read();
      wakes.add(wake);
      if (from > head) {
        cursor = head;
        watcher.onReset(head);
      }
      await read();
      return () => {
        stopped = true;
        wakes.delete(wake);
      };
    },
  };
  return {
    feed,
    get watchers() {
      return wakes.size;
    },
    add(count: number) {
      head += count;
      wakes.forEach((wake) => wake());
    },
    break(error: Error) {
      broken = error;
    },
  };
}

/** Settles when nothing has anything left to do. */
async function quiet(): Promise<void> {
  for (let each = 0; each < 60; each++) await turn();
}

function createWatcher(pace: () => Promise<void> | void = () => {}) {
  const seen: number[] = [];
  const resets: number[] = [];
  const failures: unknown[] = [];
  const watcher: StaffWatcher<Prepared> = {
    onChanges(changes) {
      seen.push(...changes.map(({ cursor }) => cursor));
      return pace();
    },
    onReset: (cursor) => void resets.push(cursor),
    onFailure: (thrown) => void failures.push(thrown),
  };
  return { watcher, seen, resets, failures };
}

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => first + n);

describe('the feed of all who watch everything', () => {
  it('makes a change ready once for all who are at the present', async () => {
    const numbers = createNumbers();
    let made = 0;
    const told: number[] = [];
    const staff = createStaffFeed({
      feed: numbers.feed,
      prepare(items) {
        made += items.length;
        return Promise.resolve(items.map(({ cursor }) => ({ cursor })));
      },
      afterTelling: (items) => void told.push(...items.map(({ cursor }) => cursor)),
    });
    const watchers = Array.from({ length: 50 }, () => createWatcher());
    const watching = await Promise.all(watchers.map(({ watcher }) => staff.watch(undefined, watcher)));
    numbers.add(7);
    await quiet();
    for (const { seen } of watchers) assert.deepEqual(seen, upTo(7));
    assert.deepEqual([made, told, numbers.watchers], [7, upTo(7), 1]);
    for (const { stop } of watching) stop();
    await quiet();
    assert.equal(numbers.watchers, 0, 'with nobody watching, nothing is read');
    numbers.add(1);
    const late = createWatcher();
    const { from } = await staff.watch(undefined, late.watcher);
    numbers.add(1);
    await quiet();
    assert.deepEqual([from, late.seen], [8, [9]]);
  });

  it('lets who comes back catch up alone, then tells everybody together', async () => {
    const numbers = createNumbers();
    let made = 0;
    const staff = createStaffFeed({
      feed: numbers.feed,
      prepare(items) {
        made += items.length;
        return Promise.resolve([...items]);
      },
    });
    const first = createWatcher();
    await staff.watch(undefined, first.watcher);
    numbers.add(10);
    await quiet();
    const back = createWatcher();
    await staff.watch(4, back.watcher);
    await quiet();
    assert.deepEqual(back.seen, upTo(10, 5));
    assert.equal(numbers.watchers, 1, 'it has joined the others');
    made = 0;
    numbers.add(5);
    await quiet();
    assert.deepEqual([first.seen, back.seen, made], [upTo(15), upTo(15, 5), 5]);
    const lost = createWatcher();
    await staff.watch(99, lost.watcher);
    numbers.add(1);
    await quiet();
    assert.deepEqual([lost.resets, lost.seen], [[15], [16]]);
  });

  it('does not let the others wait for a slow one', async () => {
    const numbers = createNumbers();
    const staff = createStaffFeed({ feed: numbers.feed, prepare: (items) => Promise.resolve([...items]) });
    const { promise: free, resolve: release } = Promise.withResolvers<void>();
    const slow = createWatcher(() => free);
    const quick = createWatcher();
    await staff.watch(undefined, slow.watcher);
    await staff.watch(undefined, quick.watcher);
    numbers.add(3);
    await quiet();
    numbers.add(20);
    await quiet();
    assert.deepEqual([slow.seen, quick.seen], [upTo(3), upTo(23)]);
    release();
    await quiet();
    assert.deepEqual(slow.seen, upTo(23));
  });

  it('tells nothing more to one that fails, and everybody when nothing can be read', async () => {
    const numbers = createNumbers();
    const staff = createStaffFeed({ feed: numbers.feed, prepare: (items) => Promise.resolve([...items]) });
    const failing = createWatcher(() => {
      throw new Error('the socket broke');
    });
    const later = createWatcher(() => Promise.reject(new Error('the socket broke later')));
    const other = createWatcher();
    for (const { watcher } of [failing, later, other]) await staff.watch(undefined, watcher);
    numbers.add(1);
    await quiet();
    numbers.add(1);
    await quiet();
    assert.deepEqual([failing.seen, later.seen, other.seen], [[1], [1], [1, 2]]);
    assert.match(String(failing.failures), /the socket broke/);
    assert.match(String(later.failures), /broke later/);
    numbers.break(new Error('no disk'));
    numbers.add(1);
    await quiet();
    assert.match(String(other.failures), /no disk/);
    assert.equal(failing.failures.length, 1);
  });

  const script = fc.array(
    fc.oneof(
      fc.record({ do: fc.constant('add' as const), count: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ do: fc.constant('come' as const), behind: fc.nat(12), slow: fc.boolean() }),
      fc.record({ do: fc.constant('wait' as const), turns: fc.nat(6) }),
      fc.record({ do: fc.constant('go' as const), which: fc.nat(5) }),
    ),
    { maxLength: 30 },
  );

  it('leaves nobody with a gap or a double, whoever comes, goes, waits or is slow', async () => {
    await fc.assert(
      fc.asyncProperty(script, async (steps) => {
        const numbers = createNumbers();
        const staff = createStaffFeed({
          feed: numbers.feed,
          prepare: async (items) => {
            await turn();
            return [...items];
          },
        });
        let total = 0;
        const open: { from: number; stop: () => void; seen: number[] }[] = [];
        for (const step of steps) {
          if (step.do === 'add') numbers.add(step.count);
          if (step.do === 'add') total += step.count;
          if (step.do === 'wait') for (let each = 0; each < step.turns; each++) await turn();
          if (step.do === 'go') open.splice(step.which, 1)[0]?.stop();
          if (step.do !== 'come') continue;
          const { watcher, seen } = createWatcher(step.slow ? () => turn().then(turn) : undefined);
          const cursor = step.behind === 0 ? undefined : Math.max(0, total - step.behind);
          const watching = await staff.watch(cursor, watcher);
          open.push({ ...watching, from: cursor ?? watching.from, seen });
        }
        await quiet();
        for (const { from, seen } of open) assert.deepEqual(seen, upTo(total, from + 1));
      }),
      { numRuns: 150 },
    );
  });
});
