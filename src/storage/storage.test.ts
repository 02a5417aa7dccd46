import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { createApiCalls } from './api-calls.ts';
import { callHistorySuite } from './call-history.suite.ts';
import { createBudgetRows } from './budgets.ts';
import { createCacheEntries } from './cache-entries.ts';
import { conversationsSuite } from './conversations.suite.ts';
import type { Database, Query } from './database.ts';
import { deskSuite } from './desk.suite.ts';
import { deskSumsSuite } from './desk-sums.suite.ts';
import { createSqliteQueries } from './dialect.ts';
import { readSqliteIds } from './ids.ts';
import { guestsSuite } from './guests.suite.ts';
import { leasesSuite } from './leases.suite.ts';
import { turnNodesSuite } from './turn-nodes.suite.ts';
import { messageRemovalSuite } from './message-removal.suite.ts';
import { ownershipSuite } from './ownership.suite.ts';
import { partsSuite } from './parts.suite.ts';
import { postsSuite } from './posts.suite.ts';
import { createReservations } from './reservations.ts';
import { reservationsSuite } from './reservations.suite.ts';
import { changeOf, find, hire, newConversation, newPost, to } from './sample-handoff.fixture.ts';
import { newCall } from './sample-rows.fixture.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import { createStorage, openStorage } from './storage.ts';
import type { Storage } from './storage.ts';
import { retentionSuite } from './retention.suite.ts';
import { storageSuite } from './storage.suite.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';
import { openRecording } from './recording.fixture.ts';

const prepare = (test: TestContext) => {
  const path = join(temporaryFolder(test), 'parley.db');
  return { open: () => openStorage({ path }) };
};
storageSuite('sqlite', prepare);
callHistorySuite('sqlite', prepare);
conversationsSuite('sqlite', prepare);
guestsSuite('sqlite', prepare);
postsSuite('sqlite', prepare);
partsSuite('sqlite', prepare);
messageRemovalSuite('sqlite', prepare);
ownershipSuite('sqlite', prepare);
deskSumsSuite('sqlite', prepare);
deskSuite('sqlite', prepare);
leasesSuite('sqlite', prepare);
retentionSuite('sqlite', prepare);
reservationsSuite('sqlite', prepare);
turnNodesSuite('sqlite', prepare);

describe('the SQLite file', () => {
  it('and its folder are made for the owner only, the logs too', async (test) => {
    const folder = join(temporaryFolder(test), 'data', 'inner');
    const path = join(folder, 'parley.db');
    const storage = await openStorage({ path });
    const modes = [folder, path, `${path}-wal`, `${path}-shm`].map((name) => statSync(name).mode & 0o777);
    await storage.close();
    assert.deepEqual(modes, [0o700, 0o600, 0o600, 0o600]);
    assert.equal(existsSync(`${path}-wal`), false, 'the log is merged and removed by an orderly close');
  });

  it('is refused where it is no database', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    writeFileSync(path, 'something else entirely, longer than a header would be'.repeat(20));
    await assert.rejects(openStorage({ path }), { name: 'StorageError', code: 'unavailable' });
  });

  it('is refused where its folder cannot be made', async (test) => {
    const file = join(temporaryFolder(test), 'file');
    writeFileSync(file, '');
    await assert.rejects(openStorage({ path: join(file, 'data', 'parley.db') }), { code: 'unavailable' });
  });
});

describe('query plans', () => {
  it('walk an index in order, for every list and page', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openStorage({ path });
    await storage.apiCalls.record(newCall());
    await storage.close();
    const { database, recording, queries } = await openRecording(test, path);
    const apiCalls = createApiCalls(recording, createSqliteQueries());
    const days = { fromDay: '2026-01-01', toDay: '2026-12-31' };
    for (const filter of [{}, { owner: 'a' }, { owner: 'a', model: 'm' }]) {
      await apiCalls.list({ ...filter, limit: 10 });
      await apiCalls.list({ ...filter, ...days, limit: 10 });
    }
    await createCacheEntries(recording, createSqliteQueries()).loadPage({ lastUsedAt: 1, id: 1 }, 10);
    const budgets = createBudgetRows(recording, createSqliteQueries());
    assert.equal(await budgets.exist(), false);
    assert.equal(await budgets.of('user:1'), null);
    assert.equal(await budgets.of('key:1'), null);
    await createReservations(recording, createSqliteQueries()).standing('key:1', '2026-09', 1);
    assert.equal(queries.length, 3 * 2 + 2 + 4 + 1);
    for (const query of queries) await assertIndexed(database, query);
  });

  it('need no scan and no sorting for conversations either', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    await (await openStorage({ path })).close();
    const database = await openSqliteDatabase({ path });
    test.after(() => database.close());
    const seen = new Map<string, Query<unknown>>();
    const recording: Database = {
      ...database,
      read(query) {
        seen.set(query.sql, query);
        return database.read(query);
      },
      write(unit) {
        const statements = typeof unit === 'function' ? unit() : unit;
        for (const statement of statements) seen.set(statement.sql, statement);
        return database.write(statements);
      },
    };
    const queries = createSqliteQueries();
    const storage = createStorage(recording, queries, await readSqliteIds(database, queries));
    await useConversations(storage);
    await useHandoff(storage);
    await useDesk(storage);
    for (const { sql, parameters } of seen.values()) {
      const plan = await database.read({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
      const steps = plan.map(({ detail }) => String(detail));
      // The turns are only those that run; the events of receipts are grouped; the oldest events are some thousand.
      if (
        /^(update "turns"|insert into "feed" .* group by|select .* from sqlite_sequence|.* as "oldest")/s.test(
          sql,
        )
      )
        continue;
      const poor = steps.filter((step) =>
        /^SCAN (?!\d+ CONSTANT|\d+-ROW VALUES|CONSTANT|feed_forgotten|json_each)|TEMP B-TREE/.test(step),
      );
      assert.deepEqual(poor, [], sql);
    }
    assert.ok(seen.size > 40, `${seen.size} statements`);
  });
});

async function assertIndexed(database: Database, { sql, parameters }: Query<unknown>): Promise<void> {
  const steps = await database.read<{ detail: string }>({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
  const plan = steps.map(({ detail }) => detail).join('\n');
  assert.match(plan, /USING (COVERING )?INDEX|INTEGER PRIMARY KEY/, sql);
  assert.doesNotMatch(plan, /TEMP B-TREE/, sql);
  if (sql.includes('"id" <') || sql.includes('"id" >')) {
    assert.match(plan, /rowid[<>]\?/, `starts at the id instead of passing over others: ${sql}`);
  }
}

/** Everything once that reads or writes conversations. */
async function useConversations(storage: Storage): Promise<void> {
  const { conversations, messages, turns, feed, chatTotals, idempotencyKeys } = storage;
  const turn = await newTurn(storage, { state: 'queued' });
  await turns.begin(turn, newClaim());
  await turns.start(turn.id, 1);
  await turns.append(turn.id, 0, 'a');
  await turns.textOf(turn.id);
  await turns.find(turn.id);
  await turns.renew('node-1', 1);
  await turns.takeOver('node-2', 1, 1);
  await turns.end(endOf(turn, { fence: 1, call: newCall(), state: 'failed', content: '' }));
  const { id } = turn.conversation;
  await turns.begin(await newTurn(storage, { conversation: { kind: 'existing', id }, systemPrompt: 'a' }));
  const page = { skip: 1, limit: 2 };
  for (const skip of [0, 1]) {
    await conversations.find(id);
    await conversations.findByKey('a');
    await conversations.listOf(7, page);
    await conversations.newestOf(7, 'a');
    await conversations.countOf(7);
    await conversations.ratingOf(id);
    await messages.find(1);
    await messages.listOf(id, page);
    await messages.pageOf(id, page);
    await messages.mediaOf([1, 2]);
    await messages.newestBefore(id, 5, 5);
    await messages.contextBefore(id, 5, 5);
    for (const filter of [undefined, { model: 'a', orNone: false }, { model: 'a', orNone: true }]) {
      await conversations.pageOf(7, filter, page);
    }
    for (const newestFirst of [true, false]) await messages.historyOf(7, { ...page, newestFirst });
    for (const receipt of ['delivered', 'read'] as const) {
      await messages.acknowledge({ userId: 7, upTo: 1, receipt, at: 1 });
      await messages.acknowledge({ userId: 7, conversationId: id, upTo: 1, receipt, at: 1 });
    }
    await feed.after({ userId: 7 }, 0, 5);
    await feed.after({ conversationId: id }, 0, 5);
    await feed.forgotten();
    await chatTotals.total({ userId: 7 });
    await chatTotals.daily({ userId: null });
    await chatTotals.talkByDay({ userId: 7, model: 'a' });
    await idempotencyKeys.find('a', 'a', 1);
    if (skip === 1) continue;
    await conversations.rename({ id, userId: 7, title: 'a', at: 1 });
    await conversations.rate({
      conversationId: id,
      userId: 7,
      channel: 'a',
      score: 1,
      comment: null,
      day: 'a',
      at: 1,
    });
    const other = await newTurn(storage, { parts: [{ type: 'image', url: 'data:image/png;base64,' }] });
    await turns.begin(other);
    const removal = { id: other.questionId, conversationId: other.conversation.id, userId: 7, at: 1 };
    await messages.remove(removal);
    await conversations.remove({ id: other.conversation.id, userId: 7, at: 1 });
  }
  await idempotencyKeys.removeExpired(1);
  await feed.removeBefore(1e9);
}

/** Everything once that a person's answers need. */
async function useHandoff(storage: Storage): Promise<void> {
  const { conversations, messages, turns, posts, ownership } = storage;
  await hire(storage, 3);
  const turn = await newTurn(storage, { userId: null });
  const { id } = turn.conversation;
  await turns.begin(turn);
  const question = { questionId: await messages.nextId(), question: 'a', questionTokens: 1 };
  const where = { turnId: turn.id, conversationId: id, fence: 1, userId: null, channel: 'helpdesk' };
  await turns.join({ ...where, ...question, at: 1, day: 'a', countedModel: 'a' });
  for (const [index, owner] of [{}, to(3)].entries()) {
    const ends = index === 0 ? [endOf(turn, { questionId: question.questionId })] : [];
    assert.equal(await ownership.change(changeOf(await find(storage, id), { ...owner, ends })), true);
    await ownership.waiting(5);
  }
  const conversation = await find(storage, id);
  for (const agentId of [null, 3]) {
    assert.equal(await posts.post(await newPost(storage, conversation, { agentId })), true);
  }
  await ownership.label({ conversationId: id, priority: 'high', tags: [], actorId: 3, at: 1 });
  await ownership.openOf(3, 5);
  await ownership.strandedWith();
  for (const receipt of ['delivered', 'read'] as const) {
    const acknowledgement = { conversationId: id, upTo: 1e9, receipt, at: 1 };
    await messages.acknowledge({ userId: null, ...acknowledgement });
    await messages.acknowledgeByStaff(acknowledgement);
  }
  const rating = { conversationId: id, userId: null, channel: 'a', score: 1, comment: null, day: 'a', at: 1 };
  await conversations.rate(rating);
  await conversations.rename({ id, userId: null, title: 'a', at: 1 });
  await conversations.remove({ id, userId: null, at: 1 });
  await conversations.begin(await newConversation(storage));
}

/** Everything of the desk that grows without bound. */
async function useDesk({ notes, waitingLine, deskDetails, agents }: Storage): Promise<void> {
  await notes.add({ id: await notes.nextId(), conversationId: 1, authorId: 1, content: 'a', at: 1 });
  await notes.find(1);
  await notes.listOf(1, { skip: 1, limit: 1 });
  await waitingLine.first();
  await deskDetails.lastMessagesOf([1, 2]);
  await deskDetails.scoresOf([1, 2]);
  await agents.find(1);
  await agents.setAvailability(1, 'away');
}
