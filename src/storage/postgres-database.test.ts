import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { eventually } from '../../test/support/eventually.ts';
import type { Database, Statement } from './database.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { startRedisProxy } from '../redis/redis-proxy.fixture.ts';
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

const nameOf = (url: string) => new URL(url).searchParams.get('application_name') ?? assert.fail();

/** What became of promises: `stored`, or the code of the failure. */
const codesOf = (outcomes: PromiseSettledResult<unknown>[]) =>
  outcomes.map((outcome) =>
    outcome.status === 'fulfilled' ? 'stored' : (outcome.reason as { code: string }).code,
  );

/** A database behind something that does to it what networks do. */
async function behindProxy(test: TestContext, url: string) {
  const proxy = await startRedisProxy({ host: '127.0.0.1', port: 5432 });
  test.after(() => proxy.close());
  const database = await openPostgresDatabase({ url: url.replace(':5432', `:${proxy.port}`) });
  test.after(() => database.close());
  return { proxy, database };
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
    assert.deepEqual(codesOf(outcomes), [
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

  it('connections that were lost while nobody used them are missed by nobody', async (test) => {
    const { database, other, ids } = await prepare(test);
    await database.write([insert(1)]);
    await Promise.all(Array.from({ length: 100 }, () => ids()));
    assert.ok((await endConnections(other)) >= 3, 'for reading and for writing');
    await database.write([insert(2)]);
    const found = await Promise.all(Array.from({ length: 100 }, () => ids()));
    for (const one of found) assert.deepEqual(one, [1, 2]);
  });

  it('what is on a connection that is lost is done on another, once', async (test) => {
    const { database, other, ids } = await prepare(test);
    await database.write([insert(1)]);
    await other.query('BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE');
    const waiting = Promise.all([database.write([rename(1, 'once'), insert(2)]), ids()]);
    await eventually(async () => {
      await other.query('SELECT pg_stat_clear_snapshot()');
      const { rowCount } = await other.query(
        `SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name') AND wait_event_type = 'Lock'`,
      );
      return rowCount === 2 ? true : undefined;
    });
    await endConnections(other);
    await other.query('COMMIT');
    const [, read] = await waiting;
    assert.ok(read.includes(1));
    assert.deepEqual(await ids(), [1, 2]);
    assert.equal(database.stats().failedUnits, 0);
  });

  it('many units that fail among many are left out without running all of them for each', async (test) => {
    const { database, ids } = await prepare(test);
    const writes = Array.from({ length: 1_500 }, (_, at) =>
      database.write([insert(at + 1), rename(at % 3 === 0 ? -1 : at + 1, 'y')]),
    );
    const codes = codesOf(await Promise.allSettled(writes));
    assert.deepEqual(
      codes,
      Array.from({ length: 1_500 }, (_, at) => (at % 3 === 0 ? 'conflict' : 'stored')),
    );
    assert.equal((await ids()).length, 1_000);
  });

  it('what is too long for an index, or has too few values, fails alone', async (test) => {
    const { database, other, ids } = await prepare(test);
    await other.query('CREATE INDEX items_text ON items (text)');
    const long = Array.from({ length: 3_000 }, (_, at) => (at * 7_919 * 104_729).toString(36)).join('');
    const short = { ...insert(6), parameters: [6] };
    const outcomes = await Promise.allSettled([
      database.write([insert(1)]),
      database.write([insert(2, long)]),
      database.write([insert(3)]),
      database.write([short]),
      database.write([insert(5)]),
    ]);
    assert.deepEqual(codesOf(outcomes), ['stored', 'invalid', 'stored', 'invalid', 'stored']);
    assert.deepEqual(await ids(), [1, 3, 5]);
  });

  it('where nothing answers, all that wait fail soon, closing ends, and all is well when it is back', async (test) => {
    const { url, ids } = await prepare(test);
    const { proxy, database } = await behindProxy(test, url);
    await database.write([insert(1)]);
    await proxy.cut();
    await proxy.stall();
    const begun = performance.now();
    const reads = Array.from({ length: 500 }, () => database.read(all));
    const writes = Array.from({ length: 3 }, (_, at) => database.write([insert(at + 2)]));
    const codes = codesOf(await Promise.allSettled([...reads, ...writes]));
    assert.deepEqual([...new Set(codes)], ['unavailable']);
    const took = performance.now() - begun;
    assert.ok(took < 8_000, `${took} ms`);
    await proxy.cut();
    await proxy.forward();
    await database.write([insert(9)]);
    assert.deepEqual(await ids(), [1, 9]);
    await proxy.cut();
    await proxy.stall();
    const lost = Promise.allSettled(
      Array.from({ length: 5_000 }, (_, at) => database.write([insert(at + 20)])),
    );
    const closing = performance.now();
    await database.close();
    assert.ok(performance.now() - closing < 8_000, `${performance.now() - closing} ms`);
    assert.deepEqual([...new Set(codesOf(await lost))], ['unavailable']);
  });

  it('a server that takes no writes is unavailable, whatever the unit', async (test) => {
    const { url } = await prepare(test);
    const readOnly = url.replace('options=', 'options=-c%20default_transaction_read_only%3Don%20');
    const database = await openPostgresDatabase({ url: readOnly });
    test.after(() => database.close());
    const outcomes = await Promise.allSettled([database.write([insert(1)]), database.write([insert(2)])]);
    assert.deepEqual(codesOf(outcomes), ['unavailable', 'unavailable']);
    assert.deepEqual(await database.read(all), []);
  });

  it('reads share the connections that there are, where the server gives no more', async (test) => {
    const { url, other } = await prepare(test);
    const role = `few_${randomBytes(6).toString('hex')}`;
    await other.query(`CREATE ROLE ${role} LOGIN CONNECTION LIMIT 2; GRANT ALL ON SCHEMA ${nameOf(url)} TO ${role};
      GRANT ALL ON ALL TABLES IN SCHEMA ${nameOf(url)} TO ${role}`);
    const database = await openPostgresDatabase({ url: url.replace('postgres@', `${role}@`) });
    try {
      for (let round = 0; round < 3; round++) {
        const found = await Promise.allSettled(Array.from({ length: 300 }, () => database.read(all)));
        assert.deepEqual([...new Set(codesOf(found))], ['stored']);
      }
    } finally {
      await database.close();
      await other.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('a node that stops while it sends a batch holds up the others for some seconds at most', async (test) => {
    const { url, database, other, ids } = await prepare(test);
    let held = false;
    const server = createServer((client) => {
      const upstream = connect(5432, '127.0.0.1');
      // What is large ends in the middle: the rest never comes, nor the end.
      client.on('data', (data) => {
        if (held) return;
        upstream.write(data);
        held = data.length > 30_000;
      });
      upstream.on('data', (data) => void client.write(data));
      for (const socket of [client, upstream]) socket.on('error', () => {});
      test.after(() => {
        upstream.destroy();
        client.destroy();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    test.after(() => void server.close());
    const stopped = await openPostgresDatabase({
      url: url.replace(':5432', `:${(server.address() as AddressInfo).port}`),
    });
    test.after(() => stopped.close());
    await stopped.write([insert(1)]);
    const large = Array.from({ length: 60 }, (_, at) =>
      stopped.write([insert(100 + at, 'x'.repeat(20_000))]),
    );
    const lost = Promise.allSettled(large);
    await eventually(async () => {
      const { rowCount } = await other.query(
        `SELECT 1 FROM pg_stat_activity WHERE application_name = current_setting('application_name')
         AND state = 'active' AND wait_event = 'ClientRead' AND query LIKE 'INSERT%'`,
      );
      return rowCount === 1 ? true : undefined;
    });
    await database.write([insert(2)]);
    assert.deepEqual(await ids(), [1, 2]);
    await stopped.close();
    assert.ok(codesOf(await lost).includes('unavailable'));
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
