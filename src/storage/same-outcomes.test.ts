import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { Client } from 'pg';
import type { Database, Statement } from './database.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { temporarySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const owner = fc.integer({ min: 1, max: 3 });
const id = fc.integer({ min: 1, max: 6 });
const expect = fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined });
const text = fc.oneof(
  fc.constantFrom('a', 'b', 'ä', '👩', "'", '', null),
  fc.string({ unit: 'grapheme', maxLength: 5 }).map((value) => value.replaceAll('\0', '')),
);

/** A statement, with its places as PostgreSQL has them. */
const statement: fc.Arbitrary<Statement> = fc
  .oneof(
    fc.tuple(id, owner, text).map((parameters) => ({
      sql: 'INSERT INTO items (id, owner, text) VALUES ($1, $2, $3)',
      parameters,
    })),
    fc.tuple(id, owner, text).map((parameters) => ({
      sql: `INSERT INTO items (id, owner, text) VALUES ($1, $2, $3)
        ON CONFLICT (id) DO UPDATE SET text = excluded.text WHERE items.owner = excluded.owner RETURNING id, text`,
      parameters,
    })),
    fc
      .tuple(text, owner)
      .map((parameters) => ({ sql: 'UPDATE items SET text = $1 WHERE owner = $2', parameters })),
    fc.tuple(id, id).map((parameters) => ({
      sql: 'UPDATE items SET id = $1 WHERE id = $2 RETURNING id, owner',
      parameters,
    })),
    fc.tuple(id).map((parameters) => ({ sql: 'DELETE FROM items WHERE id = $1', parameters })),
    fc.tuple(owner).map((parameters) => ({ sql: 'DELETE FROM owners WHERE id = $1', parameters })),
    fc.tuple(owner).map((parameters) => ({ sql: 'INSERT INTO owners (id) VALUES ($1)', parameters })),
    fc.tuple(id).map((parameters) => ({ sql: 'SELECT owner, text FROM items WHERE id = $1', parameters })),
    fc.constant({ sql: 'SELECT nothing FROM items', parameters: [] }),
  )
  .chain((one) => expect.map((expected) => (expected === undefined ? one : { ...one, expect: expected })));

const asSqlite = (one: Statement): Statement => ({ ...one, sql: one.sql.replaceAll(/\$\d/g, '?') });

const units = fc.array(fc.array(statement, { maxLength: 4 }), { minLength: 1, maxLength: 12 });

/** What became of the units, which were all asked for at once, and what is there then. */
async function outcomesOf(database: Database, asked: readonly (readonly Statement[])[]) {
  const outcomes = await Promise.allSettled(asked.map((unit) => database.write(unit)));
  return {
    outcomes: outcomes.map((outcome) => {
      if (outcome.status === 'fulfilled') return outcome.value;
      const { code, constraint } = outcome.reason as { code: string; constraint?: string };
      return { code, constraint };
    }),
    items: await database.read({ sql: 'SELECT id, owner, text FROM items ORDER BY id', parameters: [] }),
    owners: await database.read({ sql: 'SELECT id FROM owners ORDER BY id', parameters: [] }),
  };
}

const tables = (integer: string) => [
  `CREATE TABLE owners (id ${integer} PRIMARY KEY)`,
  `CREATE TABLE items (id ${integer} PRIMARY KEY, owner ${integer} NOT NULL REFERENCES owners (id) ON DELETE CASCADE,
    text text NOT NULL UNIQUE)`,
];
const empty = ['DELETE FROM items', 'DELETE FROM owners', 'INSERT INTO owners (id) VALUES (1), (2)'];

it('units have the same outcomes on both databases', { skip: withoutPostgres }, async (test) => {
  const url = await temporarySchema(test);
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const sql of tables('bigint')) await client.query(sql);
  await client.end();
  const postgres = await openPostgresDatabase({ url });
  test.after(() => postgres.close());
  const sqlite = await openSqliteDatabase({ path: join(temporaryFolder(test), 'same.db') });
  test.after(() => sqlite.close());
  await sqlite.write(tables('integer').map((sql) => ({ sql, parameters: [] })));
  await fc.assert(
    fc.asyncProperty(units, async (asked) => {
      const databases = [sqlite, postgres];
      for (const database of databases) await database.write(empty.map((sql) => ({ sql, parameters: [] })));
      const [ours, theirs] = await Promise.all([
        outcomesOf(
          sqlite,
          asked.map((unit) => unit.map(asSqlite)),
        ),
        outcomesOf(postgres, asked),
      ]);
      assert.deepEqual(theirs, ours);
    }),
    { numRuns: 200 },
  );
});
