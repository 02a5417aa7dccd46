import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createChance } from '../../../../test/support/chance.ts';
import { eventually, within } from '../../../../test/support/eventually.ts';
import type { CacheEntries } from '../../../storage/cache-entries.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Bus } from '../../realtime/bus.ts';
import { openTemporaryStorage } from '../bench.fixture.ts';
import type { CacheKey } from './cache-key.ts';
import { globTest } from './glob.ts';
import { embedLexically } from './lexical-embedding.ts';
import { answerOf, createCache, entryBytes, historyKey, keyOf, rowsOf } from './response-cache.fixture.ts';
import type { ResponseCacheParts } from './response-cache.ts';

/** A node's bus, which the test can cut from the others. */
export interface CuttableBus {
  bus: Bus;
  cut(): Promise<void> | void;
  /** Resolves when the bus says that it is joined. */
  rejoin(): Promise<void> | void;
}

export type PrepareBuses = (test: TestContext, count: number) => Promise<CuttableBus[]>;

/** One store, as so many nodes have opened it. */
export type OpenStores = (test: TestContext, count: number) => Promise<Storage[]>;

const openOneForAll: OpenStores = async (test, count) => {
  const storage = await openTemporaryStorage(test);
  return Array.from({ length: count }, () => storage);
};

/** The caches of several nodes over one store, whatever joins them. */
export function cacheNodesSuite(
  kind: string,
  prepare: PrepareBuses,
  openStores: OpenStores = openOneForAll,
): void {
  const open = async (test: TestContext, count: number, changes: Partial<ResponseCacheParts> = {}) => {
    const stores = await openStores(test, count);
    const buses = await prepare(test, count);
    const nodes = buses.map(({ bus, cut, rejoin }, at) => {
      const made = createCache(stores[at]!, { bus, node: `node-${at}`, ...changes });
      test.after(made.cache.stop);
      return { ...made, ...overhear(bus), entries: stores[at]!.cacheEntries, bus, cut, rejoin };
    });
    await Promise.all(nodes.map(({ cache }) => cache.load()));
    const [a, b] = nodes as [Node, Node];
    const names = nodes.map((_node, at) => `node-${at}`);
    for (const [at, { hasHeard }] of nodes.entries()) {
      for (const name of names) if (name !== `node-${at}`) await hasHeard('here', name);
    }
    return { storage: stores[0]!, nodes, a, b, ...rowsOf(stores[0]!) };
  };

  describe(`caches of several nodes, ${kind}`, () => {
    describe('keeping', () => keepingTests(open));
    describe('clearing', () => clearingTests(open));
    describe('evicting', () => evictingTests(open));
    describe('while a node is cut off', () => cutTests(open));
    describe('stats', () => statsTests(open));
    describe('whatever happens', () => historyTests(open));
  });
}

type Node = ReturnType<typeof createCache> &
  ReturnType<typeof overhear> &
  CuttableBus & { entries: CacheEntries };
type Open = (
  test: TestContext,
  count: number,
  changes?: Partial<ResponseCacheParts>,
) => Promise<{ storage: Storage; nodes: Node[]; a: Node; b: Node } & ReturnType<typeof rowsOf>>;

/** What a node's cache is told. */
function overhear(bus: Bus) {
  const words: { from: string; type: string }[] = [];
  bus.subscribe('cache', (word) => void words.push(word as (typeof words)[number]));
  return {
    hasHeard: (type: string, from: string) =>
      eventually(() => (words.some((word) => word.type === type && word.from === from) ? true : undefined)),
  };
}

/** Resolves to the text once the node has one; whether it then is the right one is the caller's question. */
const found = ({ textOf }: Node, key: CacheKey) => eventually(async () => (await textOf(key)) ?? undefined);
const gone = ({ textOf }: Node, key: CacheKey) =>
  eventually(async () => ((await textOf(key)) === null ? true : undefined));

/** Sooner than anything is noticed that nobody was told of. */
const soon = 400;

const tea = keyOf('What is tea?');
const coffee = keyOf('What is coffee?');
const who = keyOf('Who are you?');

function keepingTests(open: Open): void {
  it('makes an answer found by the other at once, the same and similar', async (t) => {
    const { a, b } = await open(t, 2);
    await a.cache.keep(tea, answerOf('A drink.'));
    assert.equal(await within(soon, found(b, tea)), 'A drink.');
    const similar = await b.cache.lookup(keyOf('please, what is TEA'));
    assert.ok(similar !== null && similar.similarity >= 0.95 && similar.similarity < 1);
    assert.equal(await b.textOf(keyOf('What is tea?', 'key:2')), null, 'of another owner');
    assert.equal(await b.textOf(keyOf('What is tea?', 'key:1', { temperature: 1 })), null);
    assert.equal(b.cache.stats().bytes, a.cache.stats().bytes);
  });

  it('replaces the answer on the other, and leaves one row', async (t) => {
    const { a, b, rows } = await open(t, 2);
    await a.cache.keep(tea, answerOf('Old.'));
    await found(b, tea);
    await b.cache.keep(tea, answerOf('New.'));
    const isNew = async () => ((await a.textOf(tea)) === 'New.' ? true : undefined);
    await within(soon, eventually(isNew));
    assert.equal(await a.textOf(keyOf('what is tea')), 'New.');
    assert.deepEqual([a.cache.stats().entries, b.cache.stats().entries], [1, 1]);
    assert.equal((await rows()).length, 1);
  });

  it('of the same question on all at once ends with one answer everywhere', async (t) => {
    const { nodes, rows } = await open(t, 3);
    for (let round = 0; round < 10; round++) {
      await Promise.all(nodes.map(({ cache }, at) => cache.keep(tea, answerOf(`${round} of ${at}`))));
      const [row] = await rows();
      const { text } = JSON.parse(row!.answer) as { text: string };
      for (const node of nodes) {
        await eventually(async () => ((await node.textOf(tea)) === text ? true : undefined));
        assert.equal(await node.textOf(keyOf('what is tea')), text);
        assert.equal(node.cache.stats().entries, 1);
      }
    }
  });

  it('brings what was kept before to a node that comes later, and what comes while it loads', async (t) => {
    const { storage, a, nodes } = await open(t, 3);
    nodes[2]!.cache.stop();
    await a.cache.keep(tea, answerOf('A drink.'));
    const { cache, textOf } = createCache(storage, { bus: nodes[2]!.bus, node: 'late' });
    t.after(cache.stop);
    const loading = cache.load();
    const keeping = a.cache.keep(coffee, answerOf('Another.'));
    await Promise.all([loading, keeping]);
    assert.equal(await textOf(tea), 'A drink.');
    assert.equal(await eventually(async () => (await textOf(coffee)) ?? undefined), 'Another.');
  });

  it('goes on where a row cannot be read', async (t) => {
    const { storage, a, b } = await open(t, 2);
    await a.cache.keep(tea, answerOf('A drink.'));
    await found(b, tea);
    const [row] = await storage.cacheEntries.loadPage(null, 1);
    await storage.cacheEntries.put({ ...row!, exactKey: 'broken', answer: '{' }, 9);
    await a.cache.keep(coffee, answerOf('Another.'));
    assert.equal(await found(b, coffee), 'Another.');
    assert.deepEqual(
      b.log.lines.map(({ level }) => level),
      ['warn'],
    );
  });
}

function clearingTests(open: Open): void {
  const fill = async (a: Node, b: Node) => {
    await a.cache.keep(tea, answerOf('A drink.'));
    await b.cache.keep(coffee, answerOf('Another.'));
    await a.cache.keep(who, answerOf('Parley.'));
    await Promise.all([found(a, coffee), found(b, who)]);
  };

  it('of everything holds on the other when it is answered, and counts once', async (t) => {
    const { a, b, prompts } = await open(t, 2);
    await fill(a, b);
    assert.equal(await a.cache.clear(), 3);
    assert.deepEqual([a.cache.stats().entries, b.cache.stats().entries], [0, 0]);
    assert.equal(await b.textOf(tea), null);
    assert.deepEqual(await prompts(), []);
    assert.equal(await b.cache.clear(), 0);
    await b.cache.keep(tea, answerOf('New.'));
    assert.equal(await found(a, tea), 'New.');
  });

  it('by a glob holds on the other when it is answered, and counts once', async (t) => {
    const { a, b, prompts } = await open(t, 2);
    await fill(a, b);
    assert.equal(await b.cache.clear('what is *'), 2);
    assert.deepEqual([await a.textOf(tea), await a.textOf(keyOf('what is coffee'))], [null, null]);
    assert.equal(await a.textOf(who), 'Parley.');
    assert.deepEqual(await prompts(), ['Who are you?']);
    await a.cache.keep(tea, answerOf('New.'));
    assert.equal(await found(b, tea), 'New.');
  });

  it('on both at once counts once', async (t) => {
    const { a, b } = await open(t, 2);
    for (const pattern of [undefined, 'wh*']) {
      await fill(a, b);
      const cleared = await Promise.all([a.cache.clear(pattern), b.cache.clear(pattern)]);
      assert.equal(cleared[0] + cleared[1], 3);
    }
  });

  it('counts what this node does not hold', async (t) => {
    const { a, b, storage } = await open(t, 2);
    await fill(a, b);
    const [row] = await storage.cacheEntries.loadPage(null, 1);
    await storage.cacheEntries.put({ ...row!, exactKey: 'untold', prompt: 'What is it?' }, 9);
    assert.equal(await a.cache.clear('what *'), 3);
  });

  it('is not undone by what another node was still keeping', async (t) => {
    for (const pattern of [undefined, 'what*']) {
      const vector = Promise.withResolvers<void>();
      const embed = (text: string) => vector.promise.then(() => embedLexically(text));
      const { a, b, prompts } = await open(t, 2, { embed });
      const kept = b.cache.keep(tea, answerOf('Old.'));
      assert.equal(await b.textOf(tea), 'Old.');
      await a.cache.clear(pattern);
      assert.equal(await b.textOf(tea), null);
      vector.resolve();
      await kept;
      assert.deepEqual([await prompts(), await b.textOf(tea), await a.textOf(tea)], [[], null, null]);
    }
  });

  it('is not undone by a row that was read before, and comes after it', async (t) => {
    const { a, b } = await open(t, 2);
    const [read, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { entries } = b;
    const { keptIn } = entries;
    entries.keptIn = async (...span) => {
      const page = await keptIn(...span);
      read.resolve();
      await goOn.promise;
      return page;
    };
    await a.cache.keep(tea, answerOf('Old.'));
    await read.promise;
    entries.keptIn = keptIn;
    const clearing = a.cache.clear('what*');
    await b.hasHeard('cleared', 'node-0');
    goOn.resolve();
    await clearing;
    await b.cache.clear('nothing has this prompt');
    assert.equal(await b.textOf(tea), null);
  });

  it('does not wait for a node that stopped, and not long for one that is silent', async (t) => {
    const { a, b, nodes } = await open(t, 3);
    b.cache.stop();
    nodes[2]!.cache.stop();
    await a.hasHeard('gone', 'node-2');
    nodes[2]!.bus.publish('cache', { from: 'silent', type: 'here', counts: a.cache.stats() });
    await a.hasHeard('here', 'silent');
    await a.cache.keep(tea, answerOf('A drink.'));
    assert.equal(await within(2_000, a.cache.clear()), 1);
  });

  it('holds for what is left in the store by a node that died of it', async (t) => {
    const { a, storage, prompts } = await open(t, 1);
    await a.cache.keep(tea, answerOf('A drink.'));
    await a.cache.keep(who, answerOf('Parley.'));
    const now = a.runtime.time;
    await storage.cacheEntries.noteClear({ pattern: 'what*', now, expiresAt: now + 1_000 });
    const next = createCache(storage);
    await next.cache.load();
    assert.deepEqual([await next.textOf(tea), await next.textOf(who)], [null, 'Parley.']);
    assert.deepEqual(await prompts(), ['Who are you?']);
  });
}

function evictingTests(open: Open): void {
  const names = async ({ prompts }: { prompts: () => Promise<string[]> }) =>
    (await prompts()).sort().join('');
  /** Resolves when what `from` has said is known to all: words of one sender come in their order. */
  const told = (from: Node) => from.cache.clear('nothing has this prompt');

  it('takes the entry from the others, and what they use goes last', async (t) => {
    const opened = await open(t, 2, { maxBytes: 3 * entryBytes });
    const { a, b } = opened;
    for (const name of ['x', 'y', 'z']) await a.cache.keep(historyKey(name), answerOf('x'));
    await found(b, historyKey('z'));
    await b.textOf(historyKey('x'));
    await b.cache.flush();
    await told(b);
    await a.cache.keep(historyKey('w'), answerOf('x'));
    await found(b, historyKey('w'));
    assert.equal(await names(opened), 'wxz');
    for (const node of [a, b]) {
      assert.equal(await node.textOf(historyKey('y')), null);
      assert.equal(await node.textOf(historyKey('x')), 'x');
    }
    assert.deepEqual([a.cache.stats().evictions, b.cache.stats().evictions], [1, 0]);
    assert.equal(a.cache.statsOfNodes().maxBytes, 3 * entryBytes);
  });

  it('holds the bound in the store, and leaves no node with what has no row', async (t) => {
    const opened = await open(t, 3, { maxBytes: 10 * entryBytes });
    const { nodes, rows } = opened;
    for (let round = 0; round < 12; round++) {
      await Promise.all(
        nodes.map(({ cache }, at) =>
          cache.keep(historyKey(String.fromCodePoint(0x4e00 + round * 3 + at)), answerOf('x')),
        ),
      );
    }
    await Promise.all(nodes.map(told));
    const same = await eventually(async () => {
      const stored = (await rows()).length;
      return nodes.every(({ cache }) => cache.stats().entries === stored) ? stored : undefined;
    });
    assert.ok(same <= 10 && same >= 4, `${same} are left`);
  });

  it('of an entry that another has replaced meanwhile leaves the new one', async (t) => {
    const { a, b, prompts } = await open(t, 2, { maxBytes: 2 * entryBytes });
    await a.cache.keep(historyKey('x'), answerOf('x'));
    await found(b, historyKey('x'));
    await b.cut();
    await b.cache.keep(historyKey('x'), answerOf('y'));
    for (const name of ['y', 'z']) await a.cache.keep(historyKey(name), answerOf('x'));
    assert.ok((await prompts()).includes('x'));
  });
}

function cutTests(open: Open): void {
  /** How long something may go unnoticed, with some room for a busy machine. */
  const aSecond = 1_300;

  it('what others keep is found within a second', async (t) => {
    const { a, b } = await open(t, 2);
    await b.cut();
    await a.cache.keep(tea, answerOf('A drink.'));
    assert.equal(await within(aSecond, found(b, tea)), 'A drink.');
    await b.cache.keep(coffee, answerOf('Another.'));
    assert.equal(await within(aSecond, found(a, coffee)), 'Another.');
  });

  it('what others clear is gone within a second, and the clear does not wait', async (t) => {
    for (const pattern of [undefined, 'what*']) {
      const { a, b } = await open(t, 2);
      await a.cache.keep(tea, answerOf('A drink.'));
      await found(b, tea);
      await Promise.all([a.cut(), b.cut()]);
      assert.equal(await within(soon, a.cache.clear(pattern)), 1);
      await within(aSecond, gone(b, tea));
    }
  });

  it('it keeps nothing that others have cleared, but all else', async (t) => {
    const { a, b, prompts } = await open(t, 2);
    await Promise.all([a.cut(), b.cut()]);
    await a.cache.clear('what*');
    await Promise.all([b.cache.keep(tea, answerOf('Old.')), b.cache.keep(who, answerOf('Parley.'))]);
    assert.deepEqual([await prompts(), await b.textOf(tea)], [['Who are you?'], null]);
    await b.cache.keep(tea, answerOf('New.'));
    assert.equal(await b.textOf(tea), 'New.');
    assert.equal(await found(a, who), 'Parley.');
    assert.equal(await found(a, tea), 'New.');
  });

  it('what is removed meanwhile is noticed when it is joined again', async (t) => {
    const { a, b } = await open(t, 2, { maxBytes: 2 * entryBytes });
    await a.cache.keep(historyKey('x'), answerOf('x'));
    await found(b, historyKey('x'));
    await b.cut();
    for (const name of ['y', 'z']) await a.cache.keep(historyKey(name), answerOf('x'));
    await b.rejoin();
    await eventually(async () => ((await b.textOf(historyKey('z'))) === null ? undefined : true));
    await gone(b, historyKey('x'));
  });

  it('nothing goes wrong but time while the store is away too', async (t) => {
    const { a, b } = await open(t, 2);
    await b.cut();
    const { revision } = b.entries;
    let tries = 0;
    b.entries.revision = () => (tries++, Promise.reject(new Error('away')));
    await a.cache.keep(tea, answerOf('A drink.'));
    await eventually(() => (tries > 1 ? true : undefined));
    assert.equal(b.log.lines.length, 1, 'it is said once');
    assert.equal(await b.textOf(tea), null);
    b.entries.revision = revision;
    assert.equal(await found(b, tea), 'A drink.');
  });
}

function statsTests(open: Open): void {
  it('are each node’s own, and of all nodes together', async (t) => {
    const { a, b, nodes } = await open(t, 3);
    await a.cache.keep(tea, answerOf('A drink.'));
    await found(b, tea);
    await found(nodes[2]!, tea);
    const before = nodes.map(({ cache }) => cache.stats());
    await a.textOf(tea);
    await b.textOf(tea);
    await b.textOf(coffee);
    b.cache.answered(30);
    a.cache.answered(10);
    const grown = (at: number, name: 'hits' | 'misses') => nodes[at]!.cache.stats()[name] - before[at]![name];
    assert.deepEqual([grown(0, 'hits'), grown(1, 'hits'), grown(1, 'misses')], [1, 1, 1]);
    const sum = (name: 'hits' | 'misses') =>
      nodes.reduce((total, { cache }) => total + cache.stats()[name], 0);
    for (const { cache } of nodes) {
      await eventually(() => (cache.statsOfNodes().hits === sum('hits') ? true : undefined));
      const { misses, meanResponseMs, entries } = cache.statsOfNodes();
      assert.deepEqual(
        { misses, meanResponseMs, entries },
        { misses: sum('misses'), meanResponseMs: 20, entries: 1 },
      );
    }
    b.cache.stop();
    await eventually(() =>
      a.cache.statsOfNodes().hits === sum('hits') - b.cache.stats().hits ? true : undefined,
    );
  });
}

function historyTests(open: Open): void {
  for (const seed of [1, 2, 3]) {
    it(`no node serves what it has heard to be cleared, and all end alike (seed ${seed})`, async (t) => {
      const maxBytes = seed === 1 ? 1_000_000 : 6 * entryBytes;
      const opened = await open(t, 3, { maxBytes });
      const history = createHistory(opened.nodes, seed);
      for (let step = 0; step < 250; step++) await history.step();
      await history.end();
      const stored = await eventually(async () => {
        const rows = await opened.rows();
        const same = opened.nodes.every(({ cache }) => cache.stats().entries === rows.length);
        return same ? rows : undefined;
      });
      const bytes = stored.reduce((sum, row) => sum + row.bytes, 0);
      assert.ok(bytes <= maxBytes, `${bytes} bytes are left of at most ${maxBytes}`);
      for (const { prompt, answer } of stored) {
        const { text } = JSON.parse(answer) as { text: string };
        assert.ok(!history.cleared.has(text), `${text} was cleared`);
        for (const node of opened.nodes) assert.equal(await node.textOf(historyKey(prompt)), text);
      }
    });
  }
}

/** Nodes do this and that at random; whoever looks something up checks that it was not cleared before. */
function createHistory(nodes: Node[], seed: number) {
  const chance = createChance(seed);
  const all = ['a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3', 'b4'];
  const said: { text: string; prompt: string }[] = [];
  const cleared = new Set<string>();
  const heardBy = new Map(nodes.map((node) => [node, new Set<string>()]));
  const isCut = new Set<Node>();
  const running = new Set<Promise<unknown>>();

  const lookUp = async (node: Node) => {
    const known = new Set(heardBy.get(node));
    const text = await node.textOf(historyKey(chance.pick(all)));
    assert.ok(text === null || !known.has(text), `${text} was cleared before`);
  };
  const keep = (node: Node) => {
    const prompt = chance.pick(all);
    const text = `${prompt} ${said.length}`;
    said.push({ text, prompt });
    return node.cache.keep(historyKey(prompt), answerOf(text));
  };
  const clear = async (node: Node) => {
    const pattern = chance.pick([undefined, 'a*', 'b*', '?1']);
    const matches = globTest(pattern ?? '*');
    const doomed = said.filter(({ prompt }) => matches(prompt)).map(({ text }) => text);
    const reached = nodes.filter((other) => other === node || !(isCut.has(other) || isCut.has(node)));
    await node.cache.clear(pattern);
    for (const text of doomed) cleared.add(text);
    for (const other of reached) {
      if (other === node || !(isCut.has(other) || isCut.has(node))) {
        for (const text of doomed) heardBy.get(other)!.add(text);
      }
    }
  };
  const cutOrJoin = async (node: Node) => {
    if (isCut.has(node)) {
      await node.rejoin();
      isCut.delete(node);
    } else {
      isCut.add(node);
      await node.cut();
    }
  };

  return {
    cleared,
    async step() {
      const node = chance.pick(nodes);
      const dice = chance.whole(1, 100);
      if (dice > 96) await cutOrJoin(node);
      else {
        const work = dice > 92 ? clear(node) : dice > 50 ? keep(node) : lookUp(node);
        running.add(work);
        if (chance.percent(40)) await Promise.all(running);
        void work.finally(() => running.delete(work)).catch(() => {});
      }
    },
    async end() {
      await Promise.all(running);
      for (const node of isCut) await cutOrJoin(node);
      for (const { cache } of nodes) await cache.clear('nothing has this prompt');
    },
  };
}
