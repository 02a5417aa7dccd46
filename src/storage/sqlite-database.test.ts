import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Database, SqlValue, Statement } from './database.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const put = (id: number, text: string, expect?: number): Statement => ({
  sql: 'INSERT INTO notes (id, text) VALUES (?, ?)',
  parameters: [id, text],
  ...(expect === undefined ? {} : { expect }),
});
const statement = (sql: string, ...parameters: SqlValue[]): Statement => ({ sql, parameters });

async function openNotes(test: TestContext): Promise<Database> {
  const database = await openSqliteDatabase({ path: join(temporaryFolder(test), 'notes.db') });
  test.after(() => database.close());
  await database.write([
    statement('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, data BLOB) STRICT'),
    statement(
      'CREATE TABLE replies (note INTEGER REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED) STRICT',
    ),
  ]);
  return database;
}

async function idsOf(database: Database): Promise<number[]> {
  const rows = await database.read<{ id: number }>({
    sql: 'SELECT id FROM notes ORDER BY id',
    parameters: [],
  });
  return rows.map(({ id }) => id);
}

describe('a unit', () => {
  it('is stored whole or not at all', async (test) => {
    const database = await openNotes(test);
    await database.write([put(1, 'a'), put(2, 'b')]);
    await assert.rejects(database.write([put(3, 'c'), put(4, 'a')]), {
      name: 'StorageError',
      code: 'conflict',
      constraint: 'notes.text',
    });
    assert.deepEqual(await idsOf(database), [1, 2]);
  });

  it('that fails takes no other unit of its batch with it', async (test) => {
    const database = await openNotes(test);
    const before = database.stats().transactions;
    const outcomes = await Promise.allSettled([
      database.write([put(1, 'a')]),
      database.write([put(2, 'b'), put(3, 'a')]),
      database.write([put(4, 'a')]),
      database.write([statement('INSERT INTO notes (id) VALUES (?)', 5)]),
      database.write([put(6, 'f'), put(7, 'g')]),
      database.write([statement('no SQL at all')]),
      database.write([put(8, 'h')]),
    ]);
    assert.equal(database.stats().transactions, before + 1, 'all in one transaction');
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'ok' : outcome.reason.code)),
      ['ok', 'conflict', 'conflict', 'constraint', 'ok', 'invalid', 'ok'],
    );
    assert.deepEqual(await idsOf(database), [1, 6, 7, 8]);
  });

  it('is rolled back when another number of rows changes than expected', async (test) => {
    const database = await openNotes(test);
    await database.write([put(1, 'a', 1), put(2, 'b', 1)]);
    const rename = { ...statement("UPDATE notes SET text = text || '!' WHERE id > ?", 0), expect: 1 };
    await assert.rejects(
      database.write([rename]),
      { code: 'conflict' },
      'two instead of one, in a unit of one',
    );
    const none = { ...statement('DELETE FROM notes WHERE id = ?', 9), expect: 1 };
    await assert.rejects(database.write([put(3, 'c'), none]), { code: 'conflict' });
    const noneReturned = { ...statement('DELETE FROM notes WHERE id = ? RETURNING id', 9), expect: 1 };
    await assert.rejects(database.write([put(3, 'c'), noneReturned]), { code: 'conflict' });
    const texts = await database.read({ sql: 'SELECT text FROM notes ORDER BY id', parameters: [] });
    assert.deepEqual(
      texts.map(({ text }) => text),
      ['a', 'b'],
    );
    await database.write([{ ...none, expect: 0 }]);
  });

  it('sees what units before it have done, in the order of the calls', async (test) => {
    const database = await openNotes(test);
    const append = (mark: string) => database.write([statement('UPDATE notes SET text = text || ?', mark)]);
    await Promise.all([database.write([put(1, '')]), append('1'), append('2'), append('3')]);
    const rows = await database.read({ sql: 'SELECT text FROM notes', parameters: [] });
    assert.equal(rows[0]?.['text'], '123');
  });

  it('tells changes and returned rows of each statement', async (test) => {
    const database = await openNotes(test);
    const [one, failing, other] = await Promise.allSettled([
      database.write([
        statement('INSERT INTO notes (text) VALUES (?), (?) RETURNING id, text', 'a', 'b'),
        statement('INSERT INTO notes (text) VALUES (?)', 'c'),
        statement("UPDATE notes SET data = x'00'"),
      ]),
      database.write([
        statement('SELECT count(*) AS count FROM notes'),
        statement('INSERT INTO notes (text) VALUES (?)', 'a'),
      ]),
      database.write([statement('SELECT count(*) AS count FROM notes')]),
    ]);
    assert.equal(failing?.status, 'rejected');
    assert.deepEqual(one?.status === 'fulfilled' && one.value, [
      {
        changes: 2,
        rows: [
          { id: 1, text: 'a' },
          { id: 2, text: 'b' },
        ],
      },
      { changes: 1, rows: [] },
      { changes: 3, rows: [] },
    ]);
    assert.deepEqual(other?.status === 'fulfilled' && other.value[0]?.rows, [{ count: 3 }]);
  });

  it('carries every kind of value, and of a view only what it shows', async (test) => {
    const database = await openNotes(test);
    const large = new Uint8Array(1000).fill(7);
    const view = Buffer.from(large.buffer, 10, 3);
    await database.write([statement('INSERT INTO notes VALUES (?, ?, ?)', 2n ** 40n, 'ä😀\u0000z', view)]);
    await database.write([statement('INSERT INTO notes VALUES (?, ?, ?)', 2, '', null)]);
    const rows = await database.read({ sql: 'SELECT * FROM notes ORDER BY id DESC', parameters: [] });
    assert.deepEqual(
      rows.map((row) => ({ ...row })),
      [
        { id: 2 ** 40, text: 'ä😀\u0000z', data: new Uint8Array([7, 7, 7]) },
        { id: 2, text: '', data: null },
      ],
    );
    assert.equal(large.length, 1000, 'the caller keeps its buffer');
  });

  it('with a value that SQL has no place for fails alone', async (test) => {
    const database = await openNotes(test);
    const wrong = [undefined, true, () => 1, Symbol('s'), {}, [1], new Date()] as unknown as SqlValue[];
    const outcomes = await Promise.allSettled([
      ...wrong.map((value) => database.write([statement('INSERT INTO notes VALUES (1, ?, NULL)', value)])),
      database.write([put(2, 'b')]),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'ok')),
      [...wrong.map(() => 'invalid'), 'ok'],
    );
  });

  it('may be empty', async (test) => {
    const database = await openNotes(test);
    assert.deepEqual(await database.write([]), []);
  });
});

describe('group commit', () => {
  it('shares transactions among simultaneous units and loses none', async (test) => {
    const database = await openNotes(test);
    const before = database.stats();
    let next = 1;
    const client = async () => {
      for (let i = 0; i < 50; i++) await database.write([put(next, `t${next++}`)]);
    };
    await Promise.all(Array.from({ length: 40 }, client));
    const { units, transactions, largestBatch, pending } = database.stats();
    assert.equal(units - before.units, 2000);
    assert.ok(transactions - before.transactions <= 200, `${transactions} transactions for 2000 units`);
    assert.ok(largestBatch >= 20, `largest batch ${largestBatch}`);
    assert.equal(pending, 0);
    assert.equal((await idsOf(database)).length, 2000);
  });

  it('splits what does not fit one batch', async (test) => {
    const database = await openNotes(test);
    await Promise.all(Array.from({ length: 4500 }, (_, i) => database.write([put(i, `t${i}`)])));
    assert.equal(database.stats().largestBatch, 2000);
    assert.equal((await idsOf(database)).length, 4500);
  });

  it('keeps up with ever new SQL texts', async (test) => {
    const database = await openNotes(test);
    for (let round = 0; round < 4; round++) {
      const ids = Array.from({ length: 300 }, (_, i) => round * 300 + i);
      await Promise.all(
        ids.map((id) => database.write([statement(`INSERT INTO notes VALUES (${id}, 't${id}', NULL)`)])),
      );
    }
    assert.equal((await idsOf(database)).length, 1200);
  });
});

describe('a failing transaction', () => {
  it('rejects the whole batch when COMMIT fails, and the next batch works', async (test) => {
    const database = await openNotes(test);
    const outcomes = await Promise.allSettled([
      database.write([put(1, 'a')]),
      // A deferred foreign key is checked by COMMIT, which is a way to make a real COMMIT fail.
      database.write([statement('INSERT INTO replies VALUES (?)', 99)]),
      database.write([put(2, 'b'), put(3, 'c')]),
    ]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'unavailable');
    }
    assert.deepEqual(await idsOf(database), []);
    await database.write([put(1, 'a'), put(2, 'b')]);
    assert.deepEqual(await idsOf(database), [1, 2]);
    assert.equal(database.stats().failedUnits, 3);
  });

  it('that SQLite has rolled back by itself rejects the whole batch and stores nothing of it', async (test) => {
    const database = await openNotes(test);
    const outcomes = await Promise.allSettled([
      database.write([put(1, 'a')]),
      // As after an I/O error, the transaction is gone when the statement returns.
      database.write([statement("INSERT OR ROLLBACK INTO notes (id, text) VALUES (2, 'a')")]),
      database.write([put(3, 'c')]),
    ]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, 'unavailable');
    }
    assert.deepEqual(await idsOf(database), []);
    await database.write([put(4, 'd')]);
    assert.deepEqual(await idsOf(database), [4]);
  });

  it('because of a full disk is `unavailable`, and writing goes on once there is space', async (test) => {
    const database = await openNotes(test);
    const large = new Uint8Array(100_000);
    const grow = (id: number) =>
      database.write([statement('INSERT INTO notes VALUES (?, ?, ?)', id, `t${id}`, large)]);
    await grow(1);
    await database.write([statement('PRAGMA max_page_count = 40')]);
    const outcomes = await Promise.allSettled([database.write([put(2, 'small')]), grow(3), grow(4)]);
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'ok'));
    assert.ok(
      codes.slice(1).every((code) => code === 'unavailable'),
      codes.join(),
    );
    const stored = await idsOf(database);
    assert.equal(stored.includes(2), codes[0] === 'ok', 'acknowledged and stored are the same');
    assert.ok(!stored.includes(3) && !stored.includes(4));
    await database.write([statement('PRAGMA max_page_count = 1000000')]);
    await grow(5);
    assert.ok((await idsOf(database)).includes(5));
  });
});

describe('the write connection', () => {
  it('syncs every commit, logs ahead and enforces foreign keys', async (test) => {
    const database = await openNotes(test);
    const pragmas = ['journal_mode', 'synchronous', 'foreign_keys', 'busy_timeout'];
    const results = await database.write(pragmas.map((name) => statement(`PRAGMA ${name}`)));
    assert.deepEqual(
      results.map(({ rows }) => Object.values(rows[0] ?? {})[0]),
      ['wal', 2, 1, 5000],
    );
  });
});

describe('reading', () => {
  it('cannot write', async (test) => {
    const database = await openNotes(test);
    await assert.rejects(database.read({ sql: "INSERT INTO notes VALUES (1, 'a', NULL)", parameters: [] }), {
      name: 'StorageError',
      code: 'unavailable',
    });
  });

  it('reports a wrong query as a mistake of the program', async (test) => {
    const database = await openNotes(test);
    await assert.rejects(database.read({ sql: 'SELECT nothing FROM nowhere', parameters: [] }), {
      code: 'invalid',
    });
  });

  it('keeps up with ever new SQL texts', async (test) => {
    const database = await openNotes(test);
    for (let i = 0; i < 1100; i++) {
      const [row] = await database.read({ sql: `SELECT ${i} AS value`, parameters: [] });
      assert.equal(row?.['value'], i);
    }
  });
});
