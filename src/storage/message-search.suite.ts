import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { phrasesOf, wordsOf } from './message-words.ts';
import { inCharge, newPost } from './sample-handoff.fixture.ts';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

/** An empty store, which several may open at once. */
export interface SearchedStore extends StorageUnderTest {
  /** Runs SQL beside those who have opened it. */
  run(sql: string): Promise<void>;
}

const all = { skip: 0, limit: 10_000 };

/** A guest says these to a person; resolves to the messages' ids. */
async function say(storage: Storage, texts: readonly string[]): Promise<number[]> {
  const conversation = await inCharge(storage, [{}]);
  const posts = await Promise.all(texts.map((content) => newPost(storage, conversation, { content })));
  await Promise.all(posts.map(async (post) => assert.equal(await storage.posts.post(post), true)));
  return posts.map(({ id }) => id);
}

async function followAll({ messageSearch }: Storage): Promise<void> {
  while (await messageSearch.follow());
}

async function foundBy(storage: Storage, search: string): Promise<number[]> {
  await followAll(storage);
  const { found, total } = await storage.messageSearch.find(search, all);
  assert.equal(total, found.length);
  return found.map(({ messageId }) => messageId);
}

const terms = (text: string) => Array.from(wordsOf(text), ({ term }) => term);

/** What the index must agree with. */
function has(content: string, search: string): boolean {
  const said = terms(content);
  return phrasesOf(search).every((phrase) =>
    said.some((_, at) =>
      phrase.terms.every((term, index) =>
        phrase.beginning && index === phrase.terms.length - 1
          ? said[at + index]?.startsWith(term)
          : said[at + index] === term,
      ),
    ),
  );
}

export function messageSearchSuite(kind: string, prepare: (test: TestContext) => SearchedStore): void {
  const openOne: OpenOne = async (test) => {
    const store = prepare(test);
    const storage = await store.open();
    test.after(() => storage.close());
    return [storage, store];
  };
  describe(`${kind}: the search of messages`, () => {
    findingTests(openOne);
    indexingTests(openOne);
    sizeTests(openOne);
  });
}

type OpenOne = (test: TestContext) => Promise<[Storage, SearchedStore]>;

function findingTests(openOne: OpenOne): void {
  it('finds what customers, the AI and people have said, the newest first', async (test) => {
    const [storage] = await openOne(test);
    const turn = await newTurn(storage, { question: 'Where is my refund?' });
    await storage.turns.begin(turn);
    assert.deepEqual(await foundBy(storage, 'refund'), [turn.questionId]);
    await storage.turns.end(endOf(turn, { content: 'Your REFUND is on its way.' }));
    assert.deepEqual(await foundBy(storage, 'refund'), [turn.id, turn.questionId]);
    const [said] = await say(storage, ['No refund yet']);
    assert.deepEqual(await foundBy(storage, 'Refund'), [said, turn.id, turn.questionId]);
    assert.deepEqual(await foundBy(storage, 'refund way'), [turn.id]);
    assert.deepEqual(await foundBy(storage, '"is on its"'), [turn.id]);
    assert.deepEqual(await foundBy(storage, '"its on is"'), []);
    assert.deepEqual(await foundBy(storage, 'refun'), []);
    assert.deepEqual(await foundBy(storage, 'refun* where'), [turn.questionId]);
    const { found, total } = await storage.messageSearch.find('refund', { skip: 1, limit: 1 });
    assert.deepEqual([found.map(({ messageId }) => messageId), total], [[turn.id], 3]);
  });

  it('knows Chinese by its characters, together where they are written together', async (test) => {
    const [storage] = await openOne(test);
    const [first, second] = await say(storage, ['我的订单什么时候退款？', '退货和付款, order ＡＢ-12']);
    assert.deepEqual(await foundBy(storage, '退款'), [first]);
    assert.deepEqual(await foundBy(storage, '款'), [second, first]);
    assert.deepEqual(await foundBy(storage, '订单 退款'), [first]);
    assert.deepEqual(await foundBy(storage, '“退货和”'), [second]);
    assert.deepEqual(await foundBy(storage, 'ab-12'), [second]);
  });

  it('takes any text, and finds nothing where it has no word', async (test) => {
    const [storage] = await openOne(test);
    const [id] = await say(storage, ['AND NOT (near) OR words: "x"']);
    for (const search of ['AND', 'NOT', 'words:', 'near(', '"x"', 'x"', '^x', 'AND NOT OR']) {
      assert.deepEqual(await foundBy(storage, search), [id], search);
    }
    for (const search of ['', ' ', '"', '""', '*', '?!', '\0']) {
      assert.deepEqual(await foundBy(storage, search), [], search);
    }
  });

  it('finds as a plain search over all messages would', async (test) => {
    const [storage] = await openOne(test);
    const word = fc.constantFrom('a', 'A', 'ab', 'B', '退', '款', '退款', 'é', "a'b", '.', '-', '7');
    const text = fc.array(word, { minLength: 1, maxLength: 6 }).map((words) => words.join(' '));
    const texts = fc.sample(text, { numRuns: 60, seed: 9 });
    const ids = await say(storage, texts);
    const search = fc.array(fc.tuple(word, fc.constantFrom('', '"', '*', '')), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(search, async (words) => {
        const wanted = words.map(([part, mark]) => (mark === '"' ? `"${part} a"` : part + mark)).join(' ');
        const naive =
          phrasesOf(wanted).length === 0 ? [] : ids.filter((_, index) => has(texts[index]!, wanted));
        assert.deepEqual(await foundBy(storage, wanted), naive.toReversed(), wanted);
      }),
      { numRuns: 200 },
    );
  });
}

function indexingTests(openOne: OpenOne): void {
  it('forgets what is removed, also where it was about to be taken in', async (test) => {
    const [storage] = await openOne(test);
    const [first] = await say(storage, ['the word']);
    await say(storage, ['the word']);
    assert.equal((await foundBy(storage, 'word')).length, 2);
    await say(storage, ['the word']);
    await storage.conversations.remove({ id: 2, userId: null, at: 5000 });
    await storage.conversations.remove({ id: 3, userId: null, at: 5000 });
    assert.deepEqual(await foundBy(storage, 'word'), [first]);
  });

  it('goes on after a restart, and two who follow at once miss and double nothing', async (test) => {
    const [one, store] = await openOne(test);
    const two = await store.open();
    test.after(() => two.close());
    const ids = await say(
      one,
      Array.from({ length: 900 }, (_, n) => `number ${n}`),
    );
    await Promise.all([followAll(one), followAll(two)]);
    assert.deepEqual(await foundBy(two, 'number'), ids.toReversed());
    assert.equal(await one.messageSearch.follow(), false);
  });

  it('takes in what was said before it was there, and all anew where it has lost the feed', async (test) => {
    const [storage] = await openOne(test);
    const ids = await say(
      storage,
      Array.from({ length: 450 }, (_, n) => `number ${n}`),
    );
    while ((await storage.feed.removeBefore(1e12)) > 0);
    assert.deepEqual(await foundBy(storage, 'number'), []);
    assert.equal((await storage.messageSearch.find('number', all)).complete, false);
    assert.equal(await storage.messageSearch.fill(), true);
    const newest = await foundBy(storage, 'number');
    assert.ok(newest.length > 0 && newest.length < ids.length);
    assert.deepEqual(newest, ids.slice(-newest.length).toReversed(), 'the newest first');
    while (await storage.messageSearch.fill());
    assert.deepEqual(await foundBy(storage, 'number'), ids.toReversed());
    assert.equal((await storage.messageSearch.find('number', all)).complete, true);
    const [later] = await say(storage, ['number last']);
    assert.deepEqual(await foundBy(storage, 'last'), [later]);
  });
}

function sizeTests(openOne: OpenOne): void {
  it('counts up to 10,000, and finds so many in pages', async (test) => {
    const [storage, store] = await openOne(test);
    const { id } = await inCharge(storage, [{}]);
    await store.run(
      `INSERT INTO messages (id, conversation_id, place, role, sender_type, state, receipt, created_at, tokens, estimated, content)
       WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10010)
       SELECT 8000 + n, ${id}, n, 'user', 'user', 'sent', 'sent', 1000, 1, 1, 'the word ' || n FROM n`,
    );
    await store.run('UPDATE message_search_progress SET unread_id = 18010');
    while (await storage.messageSearch.fill());
    const found = async (search: string, skip: number, limit: number) => {
      const page = await storage.messageSearch.find(search, { skip, limit });
      return [page.found.map(({ messageId }) => messageId), page.total];
    };
    assert.deepEqual(await found('word', 0, 2), [[18_010, 18_009], 10_000]);
    assert.deepEqual(await found('the wor*', 3000, 1), [[15_010], 10_000], 'another part of the index');
    assert.deepEqual(await found('"the word"', 1625, 3), [[16_385, 16_384, 16_383], 10_000]);
    assert.deepEqual(await found('word', 9_998, 5), [[8012, 8011], 10_000]);
    assert.deepEqual(await found('word', 10_000, 5), [[], 10_000]);
    assert.deepEqual(await found('9999', 0, 5), [[17_999], 1]);
    assert.deepEqual(await found('999*', 1, 2), [[17_998, 17_997], 11]);
  });

  it('takes messages of any length', async (test) => {
    const [storage] = await openOne(test);
    const words = Array.from({ length: 150_000 }, (_, n) => `w${n}`);
    const long = [words.join(' '), `first ${'the same '.repeat(20_000)}last`, 'x'.repeat(100_000)];
    const [different, same, one] = await say(storage, long);
    assert.deepEqual(await foundBy(storage, 'w16000 "w4998 w4999 w5000"'), [different]);
    assert.deepEqual(await foundBy(storage, 'w20000 w30000'), [different]);
    assert.deepEqual(await foundBy(storage, '"first the same"'), [same]);
    assert.deepEqual(await foundBy(storage, 'first last'), [same]);
    assert.deepEqual(await foundBy(storage, `${'x'.repeat(70)}`), [one]);
  });

  it('finds any word that there is', async (test) => {
    const [storage] = await openOne(test);
    const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
    const texts = [...fc.sample(text, { numRuns: 150, seed: 4 }), 'ab\ud800cd', '\u0000x', "it's \\ \\'"];
    const ids = await say(storage, texts);
    for (const { term } of texts.flatMap((one) => [...wordsOf(one)])) {
      const naive = ids.filter((_, index) => has(texts[index]!, term));
      assert.deepEqual(await foundBy(storage, term), naive.toReversed(), term);
    }
  });
}
