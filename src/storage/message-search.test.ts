import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import { phrasesOf, snippetOf, wordsOf } from './message-words.ts';
import { inCharge, newPost } from './sample-handoff.fixture.ts';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import { openStorage } from './storage.ts';
import type { Storage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const all = { skip: 0, limit: 10_000 };

async function openOne(test: TestContext, path = join(temporaryFolder(test), 'parley.db')) {
  const storage = await openStorage({ path });
  test.after(() => storage.close());
  return storage;
}

/** A guest says these to a person; resolves to the messages' ids. */
async function say(storage: Storage, texts: readonly string[]): Promise<number[]> {
  const conversation = await inCharge(storage, [{}]);
  const ids: number[] = [];
  for (const content of texts) {
    const post = await newPost(storage, conversation, { content });
    assert.equal(await storage.posts.post(post), true);
    ids.push(post.id);
  }
  return ids;
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

describe('the search of messages', () => {
  it('finds what customers, the AI and people have said, the newest first', async (test) => {
    const storage = await openOne(test);
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
    const storage = await openOne(test);
    const [first, second] = await say(storage, ['我的订单什么时候退款？', '退货和付款, order ＡＢ-12']);
    assert.deepEqual(await foundBy(storage, '退款'), [first]);
    assert.deepEqual(await foundBy(storage, '款'), [second, first]);
    assert.deepEqual(await foundBy(storage, '订单 退款'), [first]);
    assert.deepEqual(await foundBy(storage, '“退货和”'), [second]);
    assert.deepEqual(await foundBy(storage, 'ab-12'), [second]);
  });

  it('takes any text, and finds nothing where it has no word', async (test) => {
    const storage = await openOne(test);
    const [id] = await say(storage, ['AND NOT (near) OR words: "x"']);
    for (const search of ['AND', 'NOT', 'words:', 'near(', '"x"', 'x"', '^x', 'AND NOT OR']) {
      assert.deepEqual(await foundBy(storage, search), [id], search);
    }
    for (const search of ['', ' ', '"', '""', '*', '?!', '\0']) {
      assert.deepEqual(await foundBy(storage, search), [], search);
    }
  });

  it('finds as a plain search over all messages would', async (test) => {
    const storage = await openOne(test);
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

  it('forgets what is removed, also where it was about to be taken in', async (test) => {
    const storage = await openOne(test);
    const [first] = await say(storage, ['the word']);
    await say(storage, ['the word']);
    assert.equal((await foundBy(storage, 'word')).length, 2);
    await say(storage, ['the word']);
    await storage.conversations.remove({ id: 2, userId: null, at: 5000 });
    await storage.conversations.remove({ id: 3, userId: null, at: 5000 });
    assert.deepEqual(await foundBy(storage, 'word'), [first]);
  });

  it('goes on after a restart, and two who follow at once miss and double nothing', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const [one, two] = [await openOne(test, path), await openOne(test, path)];
    const ids = await say(
      one,
      Array.from({ length: 900 }, (_, n) => `number ${n}`),
    );
    await Promise.all([followAll(one), followAll(two)]);
    assert.deepEqual(await foundBy(two, 'number'), ids.toReversed());
    assert.equal(await one.messageSearch.follow(), false);
  });

  it('takes in what was said before it was there, and all anew where it has lost the feed', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openOne(test, path);
    const ids = await say(
      storage,
      Array.from({ length: 450 }, (_, n) => `number ${n}`),
    );
    while ((await storage.feed.removeBefore(1e12)) > 0);
    assert.deepEqual(await foundBy(storage, 'number'), []);
    assert.equal((await storage.messageSearch.find('number', all)).complete, false);
    assert.equal(await storage.messageSearch.fill(), true);
    assert.deepEqual(await foundBy(storage, 'number'), ids.slice(-200).toReversed(), 'the newest first');
    while (await storage.messageSearch.fill());
    assert.deepEqual(await foundBy(storage, 'number'), ids.toReversed());
    assert.equal((await storage.messageSearch.find('number', all)).complete, true);
    const [later] = await say(storage, ['number last']);
    assert.deepEqual(await foundBy(storage, 'last'), [later]);
  });

  it('and the customers come along from a store that was there before', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const before = migrations.slice(
      0,
      migrations.findIndex(({ name }) => name === '0004-helpdesk'),
    );
    migrate({ path, migrations: before, now: () => 1 });
    const old = new DatabaseSync(path);
    old.exec(
      `INSERT INTO users (id, username, username_key, email, email_key, full_name, password_hash, role, status, created_at, updated_at)
       VALUES (7, 'mina', 'mina', 'm@example.com', 'm@example.com', 'Mina Park', '', 'user', 'active', 1, 1)`,
    );
    old.exec(
      `INSERT INTO conversations (id, key, user_id, user_place, channel, title, status, message_count, created_at, updated_at, last_message_at)
       VALUES (1, 'k', 7, 1, 'assistant', 'Old', 'active', 1, 1000, 1000, 1000)`,
    );
    old.exec(
      `INSERT INTO messages (id, conversation_id, place, user_id, user_place, role, sender_type, state, receipt, created_at, tokens, estimated, content)
       VALUES (1, 1, 1, 7, 1, 'user', 'user', 'sent', 'sent', 1000, 1, 1, 'Where is the old parcel?')`,
    );
    old.close();
    const storage = await openOne(test, path);
    assert.equal((await storage.messageSearch.find('parcel', all)).complete, false);
    while (await storage.messageSearch.fill());
    assert.deepEqual(await foundBy(storage, 'parcel'), [1]);
    assert.equal((await storage.customers.list('park', all)).total, 1);
    assert.equal((await storage.deskLists.conversations({ status: 'open' }, all)).total, 1);
  });

  it('counts up to 10,000', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openOne(test, path);
    const other = new DatabaseSync(path);
    other.exec(
      `INSERT INTO message_search (rowid, words)
       WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10010) SELECT n, 'word' FROM n`,
    );
    other.close();
    assert.equal((await storage.messageSearch.find('word', { skip: 0, limit: 1 })).total, 10_000);
    assert.deepEqual((await storage.messageSearch.find('word', { skip: 10_000, limit: 5 })).found, []);
  });
});

describe('a snippet', () => {
  const shown = (content: string, search: string) => {
    const { text, ranges } = snippetOf(content, phrasesOf(search));
    return { text, found: ranges.map(([start, length]) => text.slice(start, start + length)) };
  };

  it('is the text with what was found in it, and never markup', () => {
    assert.deepEqual(shown('A <b>Refund</b>\nfor free', 'refund "for free"'), {
      text: 'A <b>Refund</b> for free',
      found: ['Refund', 'for free'],
    });
    assert.deepEqual(shown('我要退款，退款！', '退款'), {
      text: '我要退款，退款！',
      found: ['退款', '退款'],
    });
    assert.deepEqual(shown('refunding', 'refund*').found, ['refunding']);
    assert.deepEqual(shown('nothing of it', 'else'), { text: 'nothing of it', found: [] });
  });

  it('joins what overlaps', () => {
    assert.deepEqual(shown('a b c d', '"a b" "b c" d').found, ['a b c', 'd']);
  });

  it('shows the place with the most of it, and says where it leaves out', () => {
    const filler = 'some other words '.repeat(40);
    const { text, found } = shown(`refund ${filler}the refund of 😀 fees ${filler}`, 'refund fees');
    assert.deepEqual(found, ['refund', 'fees']);
    assert.ok(text.startsWith('…') && text.endsWith('…'));
    assert.ok(text.length <= 205);
  });

  it('has whole characters and true ranges, whatever the text', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '😀', '退', '\n'), maxLength: 500 });
    fc.assert(
      fc.property(text, (content) => {
        const { text: piece, ranges } = snippetOf(content, phrasesOf('a 退'));
        assert.ok(piece.isWellFormed() && !piece.includes('\n'));
        for (const [start, length] of ranges) assert.match(piece.slice(start, start + length), /^(?:a|退)/);
      }),
    );
  });
});
