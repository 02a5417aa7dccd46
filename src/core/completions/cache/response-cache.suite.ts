import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { CacheEntries } from '../../../storage/cache-entries.ts';
import type { Storage } from '../../../storage/storage.ts';
import type { Bus } from '../../realtime/bus.ts';
import { openTemporaryStorage } from '../bench.fixture.ts';
import { embedLexically } from './lexical-embedding.ts';
import {
  answerOf,
  began,
  createCache as createOn,
  entryBytes,
  historyKey,
  keyOf,
  rowsOf,
  ttlMs,
} from './response-cache.fixture.ts';
import type { CachedAnswer, ResponseCacheParts } from './response-cache.ts';

/**
 * What the cache of one node does, whether it is alone or has neighbours. `prepare` gives the buses of nodes, as many as are asked for; of
 * nodes that are joined, a second one follows every test.
 */
export function responseCacheSuite(
  kind: string,
  prepare: (test: TestContext, count: number) => Promise<Bus[]>,
): void {
  const buses = new WeakMap<Storage, { own: Bus; test: TestContext }>();

  const createCache: typeof createOn = (storage, changes, time) => {
    const { own, test } = buses.get(storage)!;
    const made = createOn(storage, { bus: own, ...changes }, time);
    test.after(made.cache.stop);
    return made;
  };

  async function createTested(t: TestContext, changes: Partial<ResponseCacheParts> = {}) {
    const storage = await openTemporaryStorage(t);
    const [own, neighbours] = await prepare(t, 2);
    buses.set(storage, { own: own!, test: t });
    const tested = createCache(storage, changes);
    if (own!.state() !== 'alone') {
      const { runtime } = tested;
      const neighbour = createOn(storage, { ...changes, runtime, bus: neighbours!, node: 'neighbour' });
      t.after(neighbour.cache.stop);
      await Promise.all([tested.cache.load(), neighbour.cache.load()]);
    }
    return { storage, ...tested, ...rowsOf(storage) };
  }

  describe(`the cache, ${kind}`, () => {
    describe('a lookup', () => {
      it('finds the same question, and no other', async (t) => {
        const { cache } = await createTested(t);
        assert.equal(await cache.lookup(keyOf('What is tea?')), null);
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        assert.deepEqual(await cache.lookup(keyOf('What is tea?')), {
          answer: answerOf('A drink.'),
          similarity: 1,
        });
        assert.equal(await cache.lookup(keyOf('What is coffee?')), null);
        const { hits, misses, entries } = cache.stats();
        assert.deepEqual({ hits, misses, entries }, { hits: 1, misses: 2, entries: 1 });
      });

      it('finds one that is worded almost alike, with its similarity', async (t) => {
        const { cache } = await createTested(t);
        await cache.keep(keyOf('How do I enable dark mode?'), answerOf('Press it.'));
        const found = await cache.lookup(keyOf('Please, how do I ENABLE dark mode'));
        assert.ok(found !== null && found.similarity >= 0.95 && found.similarity < 1);
        assert.equal(await cache.lookup(keyOf('How do I disable dark mode?')), null);
      });

      it('asks for as much similarity as is configured', async (t) => {
        const { cache } = await createTested(t, { threshold: 1 });
        await cache.keep(keyOf('How do I enable dark mode?'), answerOf('Press it.'));
        assert.equal(await cache.lookup(keyOf('Please, how do I ENABLE dark mode')), null);
      });

      it('finds nothing of another owner, or under other settings', async (t) => {
        const { textOf, cache } = await createTested(t);
        await cache.keep(keyOf('What is tea?', 'key:1'), answerOf('A drink.'));
        for (const text of ['What is tea?', 'what is  tea']) {
          assert.equal(await textOf(keyOf(text, 'key:1')), 'A drink.');
          assert.equal(await textOf(keyOf(text, 'key:2')), null);
          assert.equal(await textOf(keyOf(text, 'anonymous')), null);
          assert.equal(await textOf(keyOf(text, 'key:1', { temperature: 1 })), null);
        }
      });

      it('with a history wants the very same', async (t) => {
        const { textOf, cache } = await createTested(t);
        const after = (content: string) =>
          keyOf('', 'key:1', {
            messages: [
              { role: 'user', content: 'Tea?' },
              { role: 'assistant', content: 'Yes.' },
              { role: 'user', content },
            ],
          });
        await cache.keep(after('Why is that?'), answerOf('Because.'));
        assert.equal(await textOf(after('Why is that?')), 'Because.');
        assert.equal(await textOf(after('why is that')), null);
      });

      it('finds an entry at once, before it is written', async (t) => {
        const { textOf, cache, storage } = await createTested(t);
        const kept = cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        assert.equal(await textOf(keyOf('What is tea?')), 'A drink.');
        assert.deepEqual(await storage.cacheEntries.loadPage(null, 9), []);
        await kept;
        assert.equal((await storage.cacheEntries.loadPage(null, 9)).length, 1);
      });

      it('finds the newest answer to a question, and keeps one row of it', async (t) => {
        const { textOf, cache, rows } = await createTested(t);
        const key = keyOf('What is tea?');
        await Promise.all([cache.keep(key, answerOf('Old.')), cache.keep(key, answerOf('New.'))]);
        assert.deepEqual([await textOf(key), await textOf(keyOf('what is tea'))], ['New.', 'New.']);
        assert.equal(cache.stats().entries, 1);
        assert.deepEqual(
          (await rows()).map(({ answer }) => (JSON.parse(answer) as CachedAnswer).text),
          ['New.'],
        );
      });

      it('embeds only where something could be found', async (t) => {
        let embedded = 0;
        const { cache } = await createTested(t, {
          embed: (text) => Promise.resolve((embedded++, embedLexically(text))),
        });
        await cache.lookup(keyOf('What is tea?'));
        assert.equal(embedded, 0);
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        await cache.lookup(keyOf('What is tea?'));
        await cache.lookup(keyOf('Something else entirely'));
        assert.equal(embedded, 1);
        await cache.lookup(keyOf('what is tea'));
        assert.equal(embedded, 2);
      });

      it('whose message cannot be embedded is a miss', async (t) => {
        let down = false;
        const { textOf, cache, log } = await createTested(t, {
          embed: (text) => (down ? Promise.reject(new Error('down')) : Promise.resolve(embedLexically(text))),
        });
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        down = true;
        assert.equal(await textOf(keyOf('what is tea')), null);
        assert.equal(await textOf(keyOf('What is tea?')), 'A drink.', 'the very same is found without');
        await cache.keep(keyOf('What is coffee?'), answerOf('Another.'));
        assert.equal(await textOf(keyOf('What is coffee?')), 'Another.');
        assert.deepEqual(
          log.lines.map(({ level }) => level),
          ['warn', 'warn'],
        );
      });

      it('whose entry goes while it is being embedded is a miss', async (t) => {
        let whileEmbedding = () => Promise.resolve();
        const { textOf, cache } = await createTested(t, {
          embed: async (text) => {
            await whileEmbedding();
            return embedLexically(text);
          },
        });
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        whileEmbedding = async () => void (await cache.clear());
        assert.equal(await textOf(keyOf('what is tea')), null);
      });
    });

    describe('an entry', () => {
      it('expires, in memory and on disk', async (t) => {
        const { textOf, cache, runtime, prompts } = await createTested(t);
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        runtime.time += ttlMs;
        assert.equal(await textOf(keyOf('What is tea?')), 'A drink.');
        runtime.time += 1;
        assert.equal(await textOf(keyOf('what is tea')), null, 'similar');
        assert.equal(await textOf(keyOf('What is tea?')), null, 'the same');
        assert.deepEqual(await prompts(), []);
        assert.equal(cache.stats().evictions, 0);
      });

      it('that a disk refuses lives on in memory', async (t) => {
        const { textOf, cache, storage, log } = await createTested(t);
        await storage.close();
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        assert.equal(await textOf(keyOf('what is tea')), 'A drink.');
        assert.deepEqual(
          log.lines.map(({ level }) => level),
          ['warn'],
        );
      });

      it('counts for its texts and its vector', async (t) => {
        const { cache, rows } = await createTested(t);
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        const [row] = await rows();
        const texts = 2 * ('What is tea?'.length + JSON.stringify(answerOf('A drink.')).length);
        assert.equal(row?.bytes, 600 + texts + (row?.embedding?.length ?? 0));
        assert.equal(cache.stats().bytes, row?.bytes);
        assert.ok((row?.embedding?.length ?? 0) > 0);
      });
    });

    describe('the cache’s bound', () => {
      it('evicts what was not used for longest, from the disk too', async (t) => {
        const { cache, textOf, prompts, runtime } = await createTested(t, { maxBytes: 3 * entryBytes });
        for (const name of ['a', 'b', 'c']) await cache.keep(historyKey(name), answerOf('x'));
        assert.equal(await textOf(historyKey('a')), 'x');
        runtime.time += 5;
        await cache.keep(historyKey('d'), answerOf('x'));
        assert.deepEqual((await prompts()).sort(), ['a', 'c', 'd']);
        assert.equal(await textOf(historyKey('b')), null);
        const { bytes, maxBytes, entries, evictions, lastEvictionAt } = cache.stats();
        assert.deepEqual(
          { bytes, maxBytes, entries, evictions, lastEvictionAt },
          { bytes: 3 * entryBytes, maxBytes: bytes, entries: 3, evictions: 1, lastEvictionAt: began + 5 },
        );
      });

      it('holds for what is being written too', async (t) => {
        const { cache, prompts } = await createTested(t, { maxBytes: 2 * entryBytes });
        const names = ['a', 'b', 'c', 'd', 'e'];
        await Promise.all(names.map((name) => cache.keep(historyKey(name), answerOf('x'))));
        assert.deepEqual((await prompts()).sort(), ['d', 'e']);
      });

      it('leaves the row of a question that was evicted and asked again at once', async (t) => {
        const { cache, prompts } = await createTested(t, { maxBytes: entryBytes });
        await Promise.all(['a', 'b', 'a'].map((name) => cache.keep(historyKey(name), answerOf('x'))));
        assert.deepEqual(await prompts(), ['a']);
      });

      it('keeps no answer that is too large, nor the one that it replaces', async (t) => {
        const { cache, textOf, prompts } = await createTested(t, { maxBytes: 2_000 });
        await cache.keep(historyKey('a'), answerOf('x'));
        await cache.keep(historyKey('a'), answerOf('x'.repeat(2_000)));
        assert.equal(await textOf(historyKey('a')), null);
        assert.deepEqual([await prompts(), cache.stats().bytes], [[], 0]);
      });

      it('keeps no answer whose vector makes it too large', async (t) => {
        const { cache, prompts, textOf } = await createTested(t, { maxBytes: entryBytes + 100 });
        await cache.keep(keyOf('y'), answerOf('x'));
        assert.equal(await textOf(keyOf('y')), 'x', 'a short one fits');
        await cache.keep(keyOf('which of these ones'), answerOf('x'));
        assert.equal(await textOf(keyOf('which of these ones')), null);
        assert.equal((await prompts()).includes('which of these ones'), false);
      });

      it('of nothing keeps nothing', async (t) => {
        const { cache, textOf, prompts } = await createTested(t, { maxBytes: 0 });
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        assert.deepEqual(
          [await textOf(keyOf('What is tea?')), await prompts(), cache.stats().maxBytes],
          [null, [], 0],
        );
      });
    });

    describe('clear', () => {
      const fill = async ({ cache }: Pick<Awaited<ReturnType<typeof createTested>>, 'cache'>) => {
        for (const text of ['What is tea?', 'What is coffee?', 'Who are you?']) {
          await cache.keep(keyOf(text), answerOf(text));
        }
      };

      it('forgets everything', async (t) => {
        const tested = await createTested(t);
        await fill(tested);
        assert.equal(await tested.cache.clear(), 3);
        assert.deepEqual(await tested.prompts(), []);
        assert.equal(await tested.textOf(keyOf('Who are you')), null);
        const { entries, bytes, evictions } = tested.cache.stats();
        assert.deepEqual({ entries, bytes, evictions }, { entries: 0, bytes: 0, evictions: 0 });
        assert.equal(await tested.cache.clear(), 0);
      });

      it('forgets what matches the glob', async (t) => {
        const tested = await createTested(t);
        await fill(tested);
        assert.equal(await tested.cache.clear('what is *'), 2);
        assert.deepEqual(await tested.prompts(), ['Who are you?']);
        assert.equal(await tested.textOf(keyOf('What is tea?')), null);
        assert.equal(await tested.textOf(keyOf('Who are you?')), 'Who are you?');
        assert.equal(await tested.cache.clear('nothing'), 0);
      });

      it('forgets what is not yet written, also what waits for its vector', async (t) => {
        const vector = Promise.withResolvers<void>();
        const { cache, prompts } = await createTested(t, {
          embed: (text) => vector.promise.then(() => embedLexically(text)),
        });
        const kept = Promise.all([
          cache.keep(historyKey('written at once'), answerOf('x')),
          cache.keep(keyOf('written later'), answerOf('x')),
        ]);
        assert.equal(await cache.clear(), 2);
        vector.resolve();
        await kept;
        assert.deepEqual([await prompts(), cache.stats().entries], [[], 0]);
      });

      it('does not touch what is kept after it', async (t) => {
        const { cache, prompts, textOf } = await createTested(t);
        const key = keyOf('What is tea?');
        await cache.keep(key, answerOf('Old.'));
        const cleared = cache.clear('*');
        await Promise.resolve();
        await Promise.all([cleared, cache.keep(key, answerOf('New.'))]);
        assert.deepEqual([await prompts(), await textOf(key)], [['What is tea?'], 'New.']);
      });

      it('waits until what an earlier process kept is loaded', async (t) => {
        const tested = await createTested(t);
        await fill(tested);
        const { cache } = createCache(tested.storage);
        const loaded = cache.load();
        assert.equal(await cache.clear('what*'), 2);
        await loaded;
        assert.equal(cache.stats().entries, 1);
        assert.deepEqual(await tested.prompts(), ['Who are you?']);
      });

      it('says so when the disk does not forget', async (t) => {
        const tested = await createTested(t);
        await fill(tested);
        await tested.storage.close();
        await assert.rejects(tested.cache.clear('what*'), { code: 'storage_unavailable', retryable: true });
        await assert.rejects(tested.cache.clear(), { code: 'storage_unavailable' });
        assert.equal(tested.cache.stats().entries, 0);
      });
    });

    describe('after a restart', () => {
      it('answers are found again, the same and similar, with what is left of their time', async (t) => {
        const first = await createTested(t);
        await first.cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        const { cache, textOf, runtime, log } = createCache(first.storage, {}, began + ttlMs - 1_000);
        await cache.load();
        assert.equal(await textOf(keyOf('What is tea?')), 'A drink.');
        assert.equal(await textOf(keyOf('what is  TEA')), 'A drink.');
        assert.equal(await textOf(keyOf('What is tea?', 'key:2')), null);
        assert.equal(cache.stats().bytes, first.cache.stats().bytes);
        runtime.time += 1_001;
        assert.equal(await textOf(keyOf('What is tea?')), null);
        assert.deepEqual(log.lines, []);
      });

      it('expired answers are gone, from the disk too', async (t) => {
        const first = await createTested(t);
        await first.cache.keep(keyOf('What is tea?'), answerOf('Old.'));
        first.runtime.time += 1_000;
        await first.cache.keep(keyOf('What is coffee?'), answerOf('New.'));
        const { cache } = createCache(first.storage, {}, began + ttlMs + 1);
        await cache.load();
        assert.equal(cache.stats().entries, 1);
        assert.deepEqual(await first.prompts(), ['What is coffee?']);
      });

      it('a shorter time to live holds for old answers, a longer one does not', async (t) => {
        const first = await createTested(t);
        await first.cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        const longer = createCache(first.storage, { ttlMs: 10 * ttlMs }, began + 1_000);
        await longer.cache.load();
        longer.runtime.time = began + ttlMs + 1;
        assert.equal(await longer.textOf(keyOf('What is tea?')), null);
        await first.cache.clear();
        await first.cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        const shorter = createCache(first.storage, { ttlMs: 500 }, began + 1_000);
        await shorter.cache.load();
        assert.deepEqual([shorter.cache.stats().entries, await first.prompts()], [0, []]);
      });

      it('what was used last is evicted last', async (t) => {
        const first = await createTested(t);
        for (const name of ['a', 'b', 'c']) {
          await first.cache.keep(historyKey(name), answerOf('x'));
          first.runtime.time += 60_000;
        }
        for (const name of ['b', 'a']) {
          await first.cache.lookup(historyKey(name));
          first.runtime.time += 60_000;
        }
        await first.cache.flush();
        assert.deepEqual(await first.prompts(), ['c', 'b', 'a']);
        const { cache, textOf } = createCache(
          first.storage,
          { maxBytes: 2 * entryBytes },
          first.runtime.time,
        );
        await cache.load();
        assert.deepEqual([cache.stats().evictions, await first.prompts()], [1, ['b', 'a']]);
        await cache.keep(historyKey('d'), answerOf('x'));
        assert.deepEqual([await textOf(historyKey('b')), await textOf(historyKey('a'))], [null, 'x']);
      });

      it('everything is found, however many pages it is', async (t) => {
        const first = await createTested(t);
        const names = Array.from({ length: 1_100 }, (_, i) => `question ${i}`);
        await Promise.all(names.map((name) => first.cache.keep(historyKey(name), answerOf('x'))));
        const { cache } = createCache(first.storage);
        await cache.load();
        assert.equal(cache.stats().entries, 1_100);
      });

      it('what is kept while loading stays', async (t) => {
        const { cache: first, storage } = await createTested(t);
        const key = keyOf('What is tea?');
        await first.keep(key, answerOf('Old.'));
        const { loadPage } = storage.cacheEntries;
        const entries: CacheEntries = {
          ...storage.cacheEntries,
          async loadPage(...page) {
            const rows = await loadPage(...page);
            await cache.keep(key, answerOf('New.'));
            return rows;
          },
        };
        const { cache, textOf } = createCache(storage, { entries });
        await cache.load();
        assert.equal(await textOf(key), 'New.');
        assert.equal((await loadPage(null, 9)).length, 1);
      });

      it('vectors of another embedder are never compared; the same question is found', async (t) => {
        const first = await createTested(t, { threshold: 0.5 });
        await first.cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        const { cache, textOf } = createCache(first.storage, { threshold: 0.5, embedder: 'lexical-test-2' });
        await cache.load();
        assert.equal(await textOf(keyOf('what is tea')), null);
        assert.equal(await textOf(keyOf('What is tea?')), 'A drink.');
        await cache.keep(keyOf('What is tea? '), answerOf('Another.'));
        assert.equal(await textOf(keyOf('what is tea')), 'Another.');
      });

      it('a row that cannot be read is removed, a vector that cannot be read is left out', async (t) => {
        const first = await createTested(t);
        for (const text of ['What is tea?', 'What is coffee?', 'What is milk?']) {
          await first.cache.keep(keyOf(text), answerOf('A drink.'));
        }
        const [tea, coffee] = await first.rows();
        await first.storage.cacheEntries.put({ ...tea!, answer: '{"text":' }, 99);
        await first.storage.cacheEntries.put({ ...coffee!, embedding: new Uint8Array([9, 9, 9]) }, 99);
        const { cache, textOf } = createCache(first.storage);
        await cache.load();
        assert.deepEqual(await first.prompts(), ['What is coffee?', 'What is milk?']);
        assert.equal(await textOf(keyOf('What is coffee?')), 'A drink.');
        assert.equal(await textOf(keyOf('what is coffee')), null);
        assert.equal(await textOf(keyOf('what is milk')), 'A drink.');
      });

      it('the store may be away: what is in memory is served', async (t) => {
        const { cache, storage, textOf, log } = await createTested(t);
        await cache.keep(keyOf('What is tea?'), answerOf('A drink.'));
        await storage.close();
        await assert.rejects(cache.load());
        assert.equal(await textOf(keyOf('What is tea?')), 'A drink.');
        await cache.flush();
        assert.deepEqual(
          log.lines.map(({ level }) => level),
          ['warn'],
        );
      });
    });

    describe('flush', () => {
      it('writes when entries were used, those being written too, and only once', async (t) => {
        const { cache, runtime, rows, storage } = await createTested(t);
        const touched: number[][] = [];
        const { touch } = storage.cacheEntries;
        const recording: CacheEntries['touch'] = (ids, at) => (touched.push([...ids]), touch(ids, at));
        storage.cacheEntries.touch = recording;
        const kept = cache.keep(historyKey('a'), answerOf('x'));
        await cache.keep(historyKey('b'), answerOf('x'));
        runtime.time += 90_000;
        await cache.lookup(historyKey('a'));
        await cache.flush();
        await kept;
        assert.deepEqual(
          (await rows()).map(({ prompt, lastUsedAt }) => [prompt, lastUsedAt]),
          [
            ['b', began],
            ['a', began + 90_000],
          ],
        );
        await cache.flush();
        assert.equal(touched.length, 1);
      });
    });

    describe('stats', () => {
      it('begin at nothing and tell the mean time of answers', async (t) => {
        const { cache } = await createTested(t);
        assert.deepEqual(cache.stats(), {
          hits: 0,
          misses: 0,
          bytes: 0,
          maxBytes: 1_000_000,
          entries: 0,
          meanResponseMs: 0,
          evictions: 0,
          lastEvictionAt: null,
        });
        cache.answered(10);
        cache.answered(30);
        assert.equal(cache.stats().meanResponseMs, 20);
      });
    });
  });
}
