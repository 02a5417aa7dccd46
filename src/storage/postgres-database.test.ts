import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { eventually } from '../../test/support/eventually.ts';
import type { Database, Statement } from './database.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { temporarySchema, withoutPostgres } from './real-postgres.fixture.ts';

const insert = (id: number, text = 'x'): Statement => ({
  sql: 'INSERT INTO items (id, text) VALUES ($1, $2)',
  parameters: [id, text],
});
const rename = (id: number, text: string): Statement => ({
  sql: 'UPDATE items SET text = $1 WHERE id = $2',
  parameters: [text, id],
  expect: 1,
});
const all = { sql: 'SELECT id, text FROM items ORDER BY id', parameters: [] };

/** A database with one table, and somebody beside it. */
async function prepare(test: TestContext, nodes = 1) {
  const url = await temporarySchema(test);
  const other = new Client({ connectionString: url });
  // It may be among those that a test ends.
  other.on('error', () => {});
  await other.connect();
  test.after(() => other.end().catch(() => {}));
  await other.query('CREATE TABLE items (id bigint PRIMARY KEY, text text NOT NULL)');
  const databases: Database[] = [];
  for (let node = 0; node < nodes; node++) {
    const database = await openPostgresDatabase({ url });
    test.after(() => database.close());
    databases.push(database);
  }
  const [database = assert.fail()] = databases;
  return {
    url,
    other,
    database,
    databases,
    ids: async () => (await database.read<{ id: number }>(all)).map(({ id }) => id),
  };
}

/** Ends connections as an administrator would, or a server that goes down. */
async function endConnections(other: Client): Promise<number> {
  const { rowCount } = await other.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()`,
  );
  return rowCount ?? 0;
}

/** Passes everything on, until it has seen a commit: that one is answered to nobody. */
async function hideCommits(test: TestContext, url: string) {
  let left = 1;
  const server = createServer((client) => {
    const upstream = connect(5432, '127.0.0.1');
    let hiding = false;
    client.on('data', (data) => {
      if (left > 0 && data.includes('COMMIT')) {
        left--;
        hiding = true;
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => void (hiding ? client.destroy() : client.write(data)));
    for (const [one, end] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('close', () => end.destroy()).on('error', () => end.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return url.replace(':5432', `:${port}`);
}

describe('on PostgreSQL', { skip: withoutPostgres }, () => {
  it('a unit is stored whole or not at all, and takes no other with it', async (test) => {
    const { database, ids } = await prepare(test);
    const outcomes = await Promise.allSettled([
      database.write([insert(1), insert(2)]),
      database.write([insert(3), insert(1)]),
      database.write([insert(4), rename(99, 'y')]),
      database.write([insert(5)]),
      database.write([{ sql: 'INSERT INTO items (id, text) VALUES ($1, NULL)', parameters: [6] }]),
      database.write([{ sql: 'INSERT INTO nowhere VALUES ($1)', parameters: [7] }]),
      database.write([rename(5, 'renamed')]),
      database.write([{ ...insert(8), expect: 0 }]),
      database.write([insert(9), rename(9, 'nine')]),
    ]);
    const codes = outcomes.map((outcome) =>
      outcome.status === 'fulfilled' ? 'stored' : (outcome.reason as { code: string }).code,
    );
    assert.deepEqual(codes, [
      'stored',
      'conflict',
      'conflict',
      'stored',
      'constraint',
      'invalid',
      'stored',
      'conflict',
      'stored',
    ]);
    assert.deepEqual(await ids(), [1, 2, 5, 9]);
    assert.equal((outcomes[1] as PromiseRejectedResult).reason.constraint, 'items.id');
    const texts = (await database.read<{ text: string }>(all)).map(({ text }) => text);
    assert.deepEqual(texts, ['x', 'x', 'renamed', 'nine']);
  });

  it('results tell what each statement did', async (test) => {
    const { database } = await prepare(test);
    const returning = { sql: 'UPDATE items SET text = $1 RETURNING id, text', parameters: ['z'] };
    const [one, two, changed] = await database.write([insert(1), insert(2), returning]);
    assert.deepEqual([one?.changes, two?.rows, changed?.changes], [1, [], 2]);
    assert.deepEqual(
      changed?.rows.toSorted((a, b) => Number(a['id']) - Number(b['id'])),
      [
        { id: 1, text: 'z' },
        { id: 2, text: 'z' },
      ],
    );
  });

  it('numbers, truth, bytes and nothing come back as they went; texts lose only U+0000', async (test) => {
    const { database } = await prepare(test);
    const sql = `SELECT $1::bigint AS n, $2::float8 AS f, sum(x) AS s, true AS t, $3::bytea AS b, $4::text AS u, null AS z
      FROM (VALUES (1::bigint), (2)) AS v (x)`;
    const parameters = [Number.MAX_SAFE_INTEGER, 0.1, new Uint8Array([0, 1, 255]), 'a\0b 👩 "\\'];
    const [row] = await database.read({ sql, parameters });
    assert.deepEqual(row, {
      n: Number.MAX_SAFE_INTEGER,
      f: 0.1,
      s: 3,
      t: 1,
      b: new Uint8Array([0, 1, 255]),
      u: 'a\ufffdb 👩 "\\',
      z: null,
    });
  });

  it('a read that fails takes no other with it', async (test) => {
    const { database } = await prepare(test);
    await database.write([insert(1)]);
    const asked = [
      all,
      { sql: 'SELECT nothing FROM items', parameters: [] },
      all,
      { sql: 'SELECT 1 / 0', parameters: [] },
      all,
    ];
    const found = await Promise.allSettled(asked.map((query) => database.read(query)));
    assert.deepEqual(
      found.map((one) =>
        one.status === 'fulfilled' ? one.value.length : (one.reason as { code: string }).code,
      ),
      [1, 'invalid', 1, 'invalid', 1],
    );
  });

  it('units of several nodes run one after the other', async (test) => {
    const { databases, database, other } = await prepare(test, 3);
    await other.query('CREATE TABLE log (cursor bigint GENERATED ALWAYS AS IDENTITY, seen bigint NOT NULL)');
    await database.write([insert(1, '0')]);
    const raise: Statement[] = [
      { sql: `UPDATE items SET text = (text::bigint + 1)::text WHERE id = 1`, parameters: [], expect: 1 },
      { sql: 'INSERT INTO log (seen) SELECT text::bigint FROM items WHERE id = 1', parameters: [] },
    ];
    const writes = Array.from({ length: 600 }, (_, at) => databases[at % 3]!.write(raise));
    await Promise.all(writes);
    const { rows } = await other.query<{ seen: string }>('SELECT seen FROM log ORDER BY cursor');
    // Whoever reads up to a cursor has missed nothing before it.
    assert.deepEqual(
      rows.map(({ seen }) => Number(seen)),
      Array.from({ length: 600 }, (_, at) => at + 1),
    );
  });

  it('a connection that is lost fails what is on it, and is made anew', async (test) => {
    const { database, other, ids } = await prepare(test);
    await database.write([insert(1)]);
    await ids();
    assert.ok((await endConnections(other)) >= 2, 'for reading and for writing');
    await eventually(async () => {
      try {
        await database.write([insert(2)]);
        return (await ids()).length;
      } catch (thrown) {
        assert.equal(
          (thrown as { code: string }).code,
          (thrown as { constraint?: string }).constraint ? 'conflict' : 'unavailable',
        );
        return (thrown as { code: string }).code === 'conflict' ? 2 : undefined;
      }
    });
    assert.deepEqual(await ids(), [1, 2]);
  });

  it('a commit that was stored, but not answered, is known for what it is', async (test) => {
    const { url, ids } = await prepare(test);
    const database = await openPostgresDatabase({ url: await hideCommits(test, url) });
    test.after(() => database.close());
    await Promise.all([database.write([insert(1)]), database.write([insert(2)])]);
    assert.deepEqual(await ids(), [1, 2]);
    assert.deepEqual([database.stats().units, database.stats().failedUnits], [2, 0]);
  });

  it('a statement that was wrong is as wrong the next time, and those beside it stay prepared', async (test) => {
    const { database, ids } = await prepare(test);
    for (let round = 0; round < 3; round++) {
      const wrong = database.write([
        { sql: 'INSERT INTO items (id, words) VALUES ($1, $2)', parameters: [1, 'x'] },
      ]);
      await assert.rejects(wrong, { code: 'invalid' });
      await database.write([insert(round)]);
    }
    assert.deepEqual(await ids(), [0, 1, 2]);
  });
});
