import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { lockDatabase } from './database-lock.ts';
import { moveStore } from './move.ts';
import type { MoveStep } from './move.ts';
import { leftTables, movedTables } from './move-tables.ts';
import { openPostgresStorage } from './postgres-storage.ts';
import { temporarySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { hire, inCharge, newPost, to as takenBy } from './sample-handoff.fixture.ts';
import { newCall, newEntry, newKey, newUser } from './sample-rows.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import { openStorage } from './storage.ts';
import type { Storage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const now = () => 10_000;

/** Something in as many tables as units fill. */
async function fill(storage: Storage): Promise<void> {
  await hire(storage, 3);
  await storage.users.create(newUser({ username: 'zoë', email: 'zoe@example.com' }));
  await storage.apiKeys.create(newKey());
  for (let at = 0; at < 5; at++) {
    const turn = await newTurn(storage, { question: `Question ${at} 👩‍👩‍👧 a\0b`, userId: 7 });
    await storage.turns.begin(turn, newClaim({ key: `key-${at}` }));
    await storage.turns.append(turn.id, 0, 'It is \ud83d');
    await storage.turns.append(turn.id, 7, '\udc4d so');
    if (at < 4) await storage.turns.end(endOf(turn, { call: newCall({ owner: 'user:7', userId: 7 }) }));
  }
  const parts = [
    { type: 'text' as const, text: 'See' },
    { type: 'image' as const, url: `data:image/png;base64,${'A'.repeat(4000)}` },
  ];
  await storage.turns.begin(await newTurn(storage, { parts, userId: 8 }));
  const helped = await inCharge(storage, [{}, takenBy(3)]);
  await storage.posts.post(await newPost(storage, helped, { agentId: 3 }));
  await storage.notes.add({
    id: await storage.notes.nextId(),
    conversationId: helped.id,
    authorId: 3,
    content: 'Angry.',
    at: 5,
  });
  await storage.cacheEntries.put(
    newEntry({ exactKey: 'e-1', embedding: new Uint8Array([0, 1, 254, 255]) }),
    now(),
  );
  const article = {
    id: await storage.articles.nextId(),
    name: 'a.md',
    title: 'Returns',
    language: null,
    tags: ['x'],
    content: 'Text',
    createdBy: 1,
  };
  await storage.articles.change({ create: [article], update: [], at: 1, audit: [] });
  await storage.settings.set('desk', { burstMs: 1 }, 1);
}

async function prepare(test: TestContext) {
  const from = join(temporaryFolder(test), 'parley.db');
  const storage = await openStorage({ path: from });
  await fill(storage);
  await storage.close();
  return { from, to: await temporarySchema(test) };
}

const rowsIn = (path: string, table: string) => {
  const database = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(database.prepare(`SELECT count(*) AS rows FROM ${table}`).get()?.['rows']);
  } finally {
    database.close();
  }
};

it('every table of SQLite is moved, or known not to be', async (test) => {
  const path = join(temporaryFolder(test), 'parley.db');
  await (await openStorage({ path })).close();
  const database = new DatabaseSync(path, { readOnly: true });
  test.after(() => database.close());
  const tables = database
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '%_search_%'`,
    )
    .all()
    .map(({ name }) => String(name));
  const known = new Set([...movedTables.map(({ name }) => name), ...leftTables]);
  assert.deepEqual(
    tables.filter((name) => !known.has(name)),
    [],
  );
});

describe('a store that is moved to PostgreSQL', { skip: withoutPostgres }, () => {
  it('has every row there, and goes on where it was', async (test) => {
    const { from, to } = await prepare(test);
    const steps: MoveStep[] = [];
    const { tables } = await moveStore({ from, to, now, onStep: (step) => void steps.push(step) });
    for (const { name } of movedTables) assert.equal(tables[name]?.rows, rowsIn(from, name), name);
    assert.ok((tables['messages']?.rows ?? 0) > 10);
    assert.ok(steps.some((step) => step.kind === 'copied' && step.table === 'messages'));
    const [before, after] = [await openStorage({ path: from }), await openPostgresStorage({ url: to })];
    for (const storage of [before, after]) test.after(() => storage.close());
    const pageOf = (storage: Storage) =>
      storage.messages.historyOf(7, { skip: 0, limit: 100, newestFirst: false });
    const plain = (await pageOf(before)).map((message) => ({
      ...message,
      content: message.content.replaceAll('\0', '\ufffd'),
    }));
    assert.deepEqual(await pageOf(after), plain);
    const left = plain.findLast(({ state }) => state === 'running');
    assert.equal(await after.turns.textOf(left?.id ?? 0), 'It is 👍 so');
    assert.deepEqual(await after.apiCalls.list({ limit: 100 }), await before.apiCalls.list({ limit: 100 }));
    assert.deepEqual(
      await after.feed.after('everyone', 0, 1000),
      await before.feed.after('everyone', 0, 1000),
    );
    const [one, other] = await Promise.all([before, after].map((storage) => storage.messages.nextId()));
    assert.equal(other, one);
    const turn = await newTurn(after, { userId: 7 });
    await after.turns.begin(turn);
    assert.ok(await after.messages.find(turn.questionId));
  });

  it('arrives whole however often the move is interrupted', async (test) => {
    const { from, to } = await prepare(test);
    let interruptions = 0;
    for (let lasting = 1; ; lasting += 7) {
      let steps = 0;
      const onStep = () => {
        if (++steps >= lasting) throw new Error('interrupted');
      };
      try {
        const { tables } = await moveStore({ from, to, now, onStep });
        assert.equal(tables['messages']?.rows, rowsIn(from, 'messages'));
        break;
      } catch (thrown) {
        assert.match((thrown as Error).message, /interrupted/);
        interruptions++;
        await assert.rejects(openPostgresStorage({ url: to }), /only half moved/);
      }
    }
    assert.ok(interruptions >= 3);
    await (await openPostgresStorage({ url: to })).close();
  });

  it('has every row also where U+0000 is in the keys, and where rows are large', async (test) => {
    const { from, to } = await prepare(test);
    const source = new DatabaseSync(from);
    const add = source.prepare('INSERT INTO settings (key, value, updated_at) VALUES (?, ?, 1)');
    // Where a page ends, and what lies behind it, whatever its place is on the other side.
    for (let at = 0; at < 1_500; at++) add.run(`a\0${String(at).padStart(5, '0')}`, 'x');
    for (let at = 0; at < 500; at++) add.run(`a\u0001${at}`, 'x');
    for (const key of ['', '\uffff', '👩', 'ä', 'A', 'z', '~', "'", '"', '\\', '{', ',', 'NULL'])
      add.run(key, key);
    for (let at = 0; at < 3; at++) add.run(`large-${at}`, 'x'.repeat(5 * 2 ** 20));
    source.close();
    const { tables } = await moveStore({ from, to, now });
    assert.equal(tables['settings']?.rows, rowsIn(from, 'settings'));
    const target = new Client({ connectionString: to });
    await target.connect();
    test.after(() => target.end());
    const { rows } = await target.query<{ rows: number }>('SELECT count(*)::int AS rows FROM settings');
    assert.equal(rows[0]?.rows, rowsIn(from, 'settings'));
  });

  it('is not mixed with what is there, nor with another store', async (test) => {
    const first = await prepare(test);
    const second = await prepare(test);
    const failing = { ...first, now, onStep: () => assert.fail('interrupted') };
    await assert.rejects(moveStore(failing), /interrupted/);
    const changed = await openStorage({ path: second.from });
    await changed.users.create(newUser({ username: 'new', email: 'new@example.com' }));
    await changed.close();
    await assert.rejects(moveStore({ from: second.from, to: first.to, now }), /begun from another database/);
    const used = await openPostgresStorage({ url: second.to });
    await used.users.create(newUser());
    await used.close();
    await assert.rejects(moveStore({ from: first.from, to: second.to, now }), /is not empty/);
  });

  it('must be there', async (test) => {
    const from = join(temporaryFolder(test), 'none.db');
    await assert.rejects(moveStore({ from, to: await temporarySchema(test), now }), /There is no database/);
    assert.equal(existsSync(from), false);
  });

  it('is not used by a server meanwhile', async (test) => {
    const { from, to } = await prepare(test);
    const lock = lockDatabase(from, 'serve');
    await assert.rejects(moveStore({ from, to, now }), { code: 'unavailable' });
    lock.release();
    await moveStore({ from, to, now });
  });
});
