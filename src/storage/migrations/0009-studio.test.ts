import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { migrate } from '../migrate.ts';
import { openStorage } from '../storage.ts';
import { temporaryFolder } from '../temporary-folder.fixture.ts';
import { migrations } from './list.ts';

const earlier = migrations.filter(({ name }) => name < '0009');

/** A conversation with an exchange, one in which nobody has said anything, one that is called as such are, and what the sums said. */
const rows = [
  `INSERT INTO customers (id, key, user_id, name, conversations, first_seen_at, last_seen_at) VALUES (1, 'user:7', 7, 'Ada', 3, 1, 1)`,
  `INSERT INTO conversations (id, key, user_id, user_place, channel, title, status, message_count, created_at, updated_at,
      last_message_at, customer_id, system_prompt)
    VALUES (1, 'key-1', 7, 1, 'assistant', 'One', 'open', 2, 1, 2, 2, 1, 'Be brief.'),
      (2, 'key-2', 7, 2, 'helpdesk', 'New chat', 'open', 0, 1, 1, 1, 1, NULL),
      (3, 'key-3', 7, 3, 'assistant', 'New chat', 'open', 2, 1, 1, 1, 1, NULL)`,
  `INSERT INTO messages (id, conversation_id, place, user_id, user_place, role, sender_type, state, receipt, created_at, tokens,
      estimated, content)
    VALUES (1, 1, 1, 7, 1, 'user', 'user', 'sent', 'read', 1, 1, 1, 'What is it?'),
      (2, 1, 2, 7, 2, 'assistant', 'ai', 'completed', 'sent', 2, 1, 0, 'This.')`,
  `INSERT INTO user_counters VALUES (7, 3, 3, 4, 4, 0, 0)`,
  `INSERT INTO chat_daily VALUES (7, '2026-09-21', 'assistant', 1, 2, 1, 1000, 9, 1, 1, 1),
    (0, '2026-09-21', 'assistant', 1, 2, 1, 1000, 9, 1, 1, 1)`,
];

describe('the migration of studio', () => {
  it('leaves conversations, messages and sums as they were; who has not been named has no name', async (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    migrate({ path, migrations: earlier, now: () => 1 });
    const connection = new DatabaseSync(path);
    for (const row of rows) connection.exec(row);
    connection.close();

    const storage = await openStorage({ path });
    test.after(() => storage.close());
    const { conversations, messages, chatTotals } = storage;
    const page = { skip: 0, limit: 10 };
    const listed = await conversations.listOf(7, page);
    assert.deepEqual(
      listed.map(({ id, title, model, messageCount }) => [id, title, model, messageCount]),
      [
        [3, 'New chat', null, 2],
        [2, '', null, 0],
        [1, 'One', null, 2],
      ],
    );
    assert.equal((await conversations.find(1))?.systemPrompt, 'Be brief.');
    assert.deepEqual(
      (await messages.listOf(1, page)).map(({ content, parts }) => [content, parts]),
      [
        ['What is it?', null],
        ['This.', null],
      ],
    );
    const day = {
      chats: 1,
      messages: 2,
      answers: 1,
      responseMs: 1000,
      tokens: 9,
      errors: 1,
      ratings: 1,
      satisfied: 1,
    };
    assert.deepEqual(await chatTotals.total({ userId: 7 }), day);
    assert.deepEqual(await chatTotals.total({ userId: null }), day);
    assert.equal(await messages.remove({ id: 1, conversationId: 1, userId: 7, at: 3 }), true);
    assert.deepEqual([(await conversations.find(1))?.messageCount, await messages.countOf(7)], [1, 3]);
  });
});
