import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { guestIdOf } from './fill/desk.ts';
import { fill } from './fill/fill.ts';
import { exchangesIn, heavyId, type Population } from './fill/population.ts';
import { openStorage } from '../src/storage/storage.ts';

const population: Population = {
  users: 5,
  conversationsEach: 8,
  exchanges: 3,
  heavy: { conversations: 6, hugeExchanges: 30 },
  calls: { count: 80, days: 45 },
  desk: { guests: 40, conversationsEach: 2, exchanges: 1, agents: 3 },
};

test('a filled database is what real use leaves: gapless places, counters and daily sums that agree with the rows', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-fill-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'parley.db');
  const { messages, conversations } = await fill(path, population);
  assert.equal(messages, exchangesIn(population) * 2);
  assert.equal(conversations, 5 * 8 + 6 + 1 + 80);

  const storage = await openStorage({ path });
  t.after(() => storage.close());
  const totals = await storage.chatTotals.total({ userId: null });
  assert.deepEqual(
    { chats: totals.chats, messages: totals.messages, answers: totals.answers },
    { chats: conversations, messages, answers: messages / 2 },
  );
  assert.equal(await storage.conversations.countOf(heavyId), 7);
  const sessions = await storage.conversations.listOf(heavyId, { skip: 0, limit: 100 });
  assert.equal(sessions.length, 7);
  const huge = sessions.find(({ messageCount }) => messageCount === 60)!;
  const page = await storage.messages.listOf(huge.id, { skip: 50, limit: 50 });
  assert.deepEqual(
    page.map(({ place }) => place),
    [51, 52, 53, 54, 55, 56, 57, 58, 59, 60],
  );
  const history = await storage.messages.historyOf(heavyId, { skip: 0, limit: 1_000, newestFirst: false });
  assert.equal(history.length, await storage.messages.countOf(heavyId));
  const days = await storage.chatTotals.daily({ userId: heavyId });
  assert.equal(
    days.reduce((sum, day) => sum + day.messages, 0),
    history.length,
  );
});

test('its calls add up, for their owners and by day', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-fill-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'parley.db');
  await fill(path, population);
  const storage = await openStorage({ path });
  t.after(() => storage.close());
  const all = await storage.apiCalls.list({ limit: 1_000 });
  assert.equal(all.length, 100);
  assert.equal(
    (await storage.apiCalls.totals({}, [])).reduce((sum, { calls }) => sum + calls, 0),
    100,
  );
  for (const model of [undefined, ...new Set(all.map((call) => call.model))]) {
    for (const owner of new Set(all.map((call) => call.owner))) {
      const page = await storage.apiCalls.page({ owner, model }, { skip: 3, limit: 1_000 });
      const own = all.filter((call) => call.owner === owner && call.model === (model ?? call.model));
      assert.deepEqual(page.calls, own.slice(3));
      assert.deepEqual([page.total, page.promptTokens], [own.length, own.length * 120]);
    }
  }
  assert.equal((await storage.apiCalls.page({ owner: `user:${heavyId}` }, { skip: 0, limit: 1 })).total, 80);
  const talk = await storage.chatTotals.talkByModel({ userId: heavyId });
  assert.equal(talk.length, 2);
});

test('its rows satisfy every constraint of the schema, and all indices are back', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-fill-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [filled, empty] = [join(folder, 'filled.db'), join(folder, 'empty.db')];
  await fill(filled, population);
  await (await openStorage({ path: empty })).close();
  const ask = (path: string, sql: string): unknown[] => {
    const database = new DatabaseSync(path, { readOnly: true });
    const rows = database.prepare(sql).all();
    database.close();
    return rows;
  };
  const schema = 'SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name';
  assert.deepEqual(ask(filled, schema), ask(empty, schema));
  assert.deepEqual(ask(filled, 'PRAGMA integrity_check'), ask(empty, 'PRAGMA integrity_check'));
  assert.deepEqual(ask(filled, 'PRAGMA foreign_key_check'), []);
});

test('what the desk shows of it agrees with its rows', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-fill-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'parley.db');
  const { conversations } = await fill(path, population);
  const storage = await openStorage({ path });
  t.after(() => storage.close());
  const all = { skip: 0, limit: 1_000 };
  const list = await storage.deskLists.conversations({}, all);
  assert.deepEqual([list.total, list.conversations.length], [conversations, conversations]);
  const human = await storage.deskLists.conversations({ agentType: 'human' }, all);
  const naive = list.conversations.filter(({ agentType }) => agentType === 'human');
  assert.ok(naive.length > 0);
  assert.deepEqual(human, { conversations: naive, total: naive.length });
  const totals = await storage.deskLists.totals('', '~');
  assert.equal(totals.begun, conversations);
  assert.equal(totals.human, list.conversations.filter(({ assigneeId }) => assigneeId !== null).length);

  const { customers, total } = await storage.customers.list(undefined, all);
  assert.deepEqual([total, customers.length], [46, 46]);
  for (const customer of customers) {
    const theirs = await storage.deskLists.conversations({ customerId: customer.id }, all);
    assert.equal(theirs.total, customer.conversationCount);
    const last = theirs.conversations.map(({ lastMessageAt }) => lastMessageAt);
    assert.equal(Math.max(...last), customer.lastSeenAt);
  }
  assert.equal(await storage.customers.index(), false);
  const guest = guestIdOf(7);
  const found = await storage.customers.list(guest.slice(-9).toUpperCase(), all);
  assert.deepEqual(
    found.customers.map(({ name }) => name),
    [guest],
  );
  assert.deepEqual(
    [await storage.messageSearch.follow(), await storage.messageSearch.fill()],
    [false, false],
  );
});
