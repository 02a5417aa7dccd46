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

  it('adds up what everybody has called, by days and months, of each model and of all', async (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    migrate({ path, migrations: earlier, now: () => 1 });
    const connection = new DatabaseSync(path);
    const calls = [
      ['user:7', 'qwen-plus', 'CNY', '2026-08-31', 'success'],
      ['user:7', 'gpt-4o', 'USD', '2026-08-31', 'failure'],
      ['user:7', 'gpt-4o', 'USD', '2026-09-01', 'success'],
      ['user:7', 'gpt-4o', 'USD', '2026-09-01', 'failure'],
      ['key:7', 'gpt-4o', 'USD', '2026-09-01', 'success'],
    ] as const;
    for (const [owner, model, currency, day, outcome] of calls) {
      const whose = owner === 'user:7' ? '7, 0' : '0, 7';
      connection.exec(`INSERT INTO api_calls (at, day, contract, endpoint, owner, requested_model, model, provider, outcome, status_code,
          prompt_tokens, completion_tokens, cached_prompt_tokens, estimated, cost_nano, currency, duration_ms, attempts, streamed,
          client_ip, request_id)
        VALUES (1, '${day}', 'gateway', '/', '${owner}', 'm', '${model}', 'p', '${outcome}', 200, 3, 2, 0, 0, 5, '${currency}', 1, 1, 0, '', '');
        INSERT INTO usage_daily
        VALUES ('${day}', 'gateway', '${owner}', ${whose}, '${model}', '${outcome}', '${currency}', 1, 3, 2, 5, 1)`);
    }
    connection.close();

    const storage = await openStorage({ path });
    test.after(() => storage.close());
    for (const owner of ['user:7', 'key:7', 'user:8']) {
      for (const model of [undefined, 'gpt-4o', 'qwen-plus']) {
        for (const [fromDay, toDay] of [
          [],
          ['2026-09-01'],
          ['2026-08-31', '2026-08-31'],
          ['2026-08-01', '2026-08-31'],
        ]) {
          const filter = { owner, model, fromDay, toDay };
          const page = await storage.apiCalls.page(filter, { skip: 0, limit: 10 });
          const matching = calls.filter(
            ([whose, of, , day]) =>
              whose === owner && of === (model ?? of) && day >= (fromDay ?? '') && day <= (toDay ?? '~'),
          );
          const { length: total } = matching;
          assert.deepEqual(
            [page.total, page.calls.length, page.promptTokens, page.completionTokens],
            [total, total, 3 * total, 2 * total],
          );
          const nano = page.costs.reduce((sum, cost) => sum + cost.nano, 0);
          assert.equal(nano, 5 * total);
        }
      }
    }
  });

  it('keeps logins', async (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    migrate({ path, migrations: earlier, now: () => 1 });
    const connection = new DatabaseSync(path);
    connection.exec(`INSERT INTO users (id, username, username_key, email, email_key, full_name, password_hash, role, status, created_at, updated_at)
        VALUES (7, 'ada', 'ada', 'a@b', 'a@b', '', 'h', 'user', 'active', 1, 1);
      INSERT INTO logins (user_id, contract, created_at, expires_at, family_hash, refresh_hash, ip)
        VALUES (7, 'assistant', 1, 9, 'family', 'refresh', '::1')`);
    connection.close();
    const storage = await openStorage({ path });
    test.after(() => storage.close());
    assert.equal((await storage.logins.findById(1))?.userId, 7);
    assert.equal(await storage.logins.findByRefreshHash('refresh'), undefined);
  });
});
