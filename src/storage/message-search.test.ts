import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createSqliteQueries } from './dialect.ts';
import { createMessageSearch } from './message-search.ts';
import { messageSearchSuite } from './message-search.suite.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import { phrasesOf, snippetOf } from './message-words.ts';
import { openRecording } from './recording.fixture.ts';
import { sqliteStore } from './sqlite-store.fixture.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const all = { skip: 0, limit: 10_000 };

messageSearchSuite('sqlite', sqliteStore);

describe('the search of messages in SQLite', () => {
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
    const storage = await openStorage({ path });
    test.after(() => storage.close());
    assert.equal((await storage.messageSearch.find('parcel', all)).complete, false);
    while (await storage.messageSearch.fill());
    while (await storage.messageSearch.follow());
    const { found } = await storage.messageSearch.find('parcel', all);
    assert.deepEqual(
      found.map(({ messageId }) => messageId),
      [1],
    );
    assert.equal((await storage.customers.list('park', all)).total, 1);
    assert.equal((await storage.deskLists.conversations({ status: 'open' }, all)).total, 1);
  });

  it('is read from its indexes', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    await (await openStorage({ path })).close();
    const { database, recording, queries: asked } = await openRecording(test, path);
    const search = createMessageSearch(recording, createSqliteQueries());
    await search.follow();
    await search.find('a "b c"', { skip: 0, limit: 20 });
    assert.equal(asked.length, 5);
    for (const { sql, parameters } of asked) {
      const steps = await database.read<{ detail: string }>({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
      const poor = steps.filter(({ detail }) => /^SCAN (?!.*VIRTUAL TABLE|found$)|TEMP B-TREE/.test(detail));
      assert.deepEqual(poor, [], sql);
    }
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
