import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { migrate } from '../migrate.ts';
import { openStorage } from '../storage.ts';
import { temporaryFolder } from '../temporary-folder.fixture.ts';
import { migrations } from './list.ts';

const earlier = migrations.filter(({ name }) => name < '0004');

/** Two users, of whom one has no full name, three conversations on two days, a rating and what the sums said. */
const rows = [
  `INSERT INTO users (id, username, username_key, email, email_key, full_name, password_hash, role, status, created_at, updated_at)
    VALUES (7, 'ada', 'ada', 'ada@example.com', 'ada@example.com', 'Ada Lovelace', 'h', 'user', 'active', 1, 1),
      (8, 'bob', 'bob', 'bob@example.com', 'bob@example.com', '', 'h', 'user', 'active', 1, 1)`,
  `INSERT INTO conversations (id, key, user_id, user_place, channel, title, status, message_count, created_at, updated_at,
      last_message_at, system_prompt)
    VALUES (1, 'key-1', 7, 1, 'assistant', 'One', 'active', 2, 1790000000000, 1790000001000, 1790000001000, 'Be brief.'),
      (2, 'key-2', 8, 1, 'studio', 'Two', 'active', 0, 1790000000000, 1790000000000, 1790000000000, NULL),
      (3, 'key-3', 7, 2, 'companion', 'Three', 'active', 0, 1790100000000, 1790100000000, 1790100000000, NULL)`,
  `INSERT INTO messages (id, conversation_id, place, user_id, user_place, role, sender_type, state, receipt, created_at, tokens,
      estimated, content)
    VALUES (1, 1, 1, 7, 1, 'user', 'user', 'sent', 'read', 1790000000000, 1, 1, 'What is it?'),
      (2, 1, 2, 7, 2, 'assistant', 'ai', 'completed', 'sent', 1790000001000, 1, 0, 'This.')`,
  `INSERT INTO user_counters VALUES (7, 2, 2, 2, 2, 0, 0), (8, 1, 1, 0, 0, 0, 0)`,
  `INSERT INTO ratings VALUES (1, 7, 'assistant', 5, NULL, '2026-09-22', 1790090000000)`,
  `INSERT INTO chat_daily VALUES (7, '2026-09-21', 'assistant', 1, 2, 1, 1000, 9, 0, 0, 0),
    (0, '2026-09-21', 'assistant', 1, 2, 1, 1000, 9, 0, 0, 0), (0, '2026-09-21', 'studio', 1, 0, 2, 500, 0, 0, 0, 0)`,
];

describe('the migration of the helpdesk', () => {
  it('brings what there is with it: customers, counts, sums and all of a conversation', async (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    migrate({ path, migrations: earlier, now: () => 1 });
    const connection = new DatabaseSync(path);
    for (const row of rows) connection.exec(row);
    connection.close();

    const storage = await openStorage({ path });
    test.after(() => storage.close());
    const first = await storage.conversations.find(1);
    assert.deepEqual(first, {
      id: 1,
      key: 'key-1',
      userId: 7,
      channel: 'assistant',
      title: 'One',
      model: null,
      status: 'open',
      agentType: 'ai',
      assigneeId: null,
      ownerFence: 1,
      priority: 'medium',
      tags: [],
      customerId: 1,
      waitingSince: null,
      messageCount: 2,
      createdAt: 1790000000000,
      updatedAt: 1790000001000,
      lastMessageAt: 1790000001000,
      metadata: null,
      systemPrompt: 'Be brief.',
    });
    const ada = { userId: 7, guestId: null, name: 'Ada Lovelace', email: 'ada@example.com' };
    const bob = { userId: 8, guestId: null, name: 'bob', email: 'bob@example.com' };
    const adaSeen = { firstSeenAt: 1790000000000, lastSeenAt: 1790100000000 };
    const bobSeen = { firstSeenAt: 1790000000000, lastSeenAt: 1790000000000 };
    assert.deepEqual(
      [...(await storage.customers.findMany([1, 2])).values()].toSorted((a, b) => a.id - b.id),
      [
        { id: 1, ...ada, conversationCount: 2, ...adaSeen },
        { id: 2, ...bob, conversationCount: 1, ...bobSeen },
      ],
    );
    const page = { skip: 0, limit: 10 };
    const { total } = await storage.deskLists.conversations({ status: 'open', agentType: 'ai' }, page);
    assert.equal(total, 3);
    const none = { begun: 0, human: 0, over: 0, replies: 0, replyMs: 0, ratings: 0, scores: 0 };
    const totals = (day: string) => storage.deskLists.totals(day, day);
    assert.deepEqual(await totals('2026-09-21'), { ...none, begun: 2, replies: 3, replyMs: 1500 });
    assert.deepEqual(await totals('2026-09-22'), { ...none, begun: 1, ratings: 1, scores: 5 });
    assert.deepEqual(
      (await storage.messages.listOf(1, page)).map(({ content, senderId }) => [content, senderId]),
      [
        ['What is it?', null],
        ['This.', null],
      ],
    );
  });
});
