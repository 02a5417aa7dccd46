import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import type { SqlValue } from './database.ts';
import { lockDatabase } from './database-lock.ts';
import { migrate } from './migrate.ts';
import { migratePostgres, moveTable, named } from './migrate-postgres.ts';
import { migrations } from './migrations/list.ts';
import { columnsOf, identityOf, readSource, refuseUnknownTables } from './move-source.ts';
import { movedTables } from './move-tables.ts';
import type { MovedTable } from './move-tables.ts';
import { verifyTable } from './move-verify.ts';
import { clientConfig } from './postgres-connection.ts';
import { sent } from './postgres-pipeline.ts';
import { failureOfPostgres } from './postgres-errors.ts';
import { StorageError } from './storage-error.ts';

/** What is told while a store is moved. */
export type MoveStep =
  | { kind: 'copied'; table: string; rows: number; total: number }
  | { kind: 'verified'; table: string; rows: number };

export interface MoveParts {
  /** The SQLite file. */
  from: string;
  /** `postgres://…` */
  to: string;
  now: () => number;
  onStep?: (step: MoveStep) => void;
}

/** A store that was moved: how many rows each table has, and the digest that both sides agree on. */
export interface Moved {
  tables: Record<string, { rows: number; digest: string }>;
}

/**
 * Copies a SQLite store, that no server uses, into an empty PostgreSQL database, in transactions of some hundred rows each with a note of how far it
 * came: what was interrupted, in whatever way, goes on there. In the end all rows of both are read and compared. Texts lose U+0000, which PostgreSQL does not have. Throws
 * `unavailable` with one line that says what to do.
 */
export async function moveStore(parts: MoveParts): Promise<Moved> {
  const { from, to, now } = parts;
  if (!existsSync(from)) throw new StorageError('unavailable', `There is no database ${from} to be moved`);
  const lock = lockDatabase(from, 'replace');
  try {
    migrate({ path: from, migrations, now });
    const source = new DatabaseSync(from, { readOnly: true });
    try {
      await refuseOthers(to);
      await migratePostgres({ url: to, migrations, now, moving: true });
      const target = await connect(to);
      try {
        return await move(parts, source, target);
      } finally {
        await target.end();
      }
    } finally {
      source.close();
    }
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    throw new StorageError(
      'unavailable',
      `The move to ${named(to)} failed: ${failureOfPostgres(thrown).message}`,
      {
        cause: thrown,
      },
    );
  } finally {
    lock.release();
  }
}

async function connect(url: string): Promise<Client> {
  const client = new Client(clientConfig(url));
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** A database that is not empty is not ours to fill, unless it was this command that began to. Asked before anything is changed. */
async function refuseOthers(url: string): Promise<void> {
  const client = await connect(url);
  try {
    const { rows } = await client.query<{ name: string }>(
      'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()',
    );
    const names = rows.map(({ name }) => name);
    if (names.length === 0 || names.includes(moveTable)) return;
    const filled = names.includes('users') && (await hasRows(client, names));
    if (names.includes('migrations') && !filled) return;
    throw new StorageError(
      'unavailable',
      `The database ${named(url)} is not empty: must be one without tables, or one in which a move was interrupted`,
    );
  } finally {
    await client.end();
  }
}

async function hasRows(client: Client, names: readonly string[]): Promise<boolean> {
  for (const { name, seeded } of movedTables) {
    if (seeded || !names.includes(name)) continue;
    const { rowCount } = await client.query(`SELECT 1 FROM ${name} LIMIT 1`);
    if (rowCount) return true;
  }
  return false;
}

async function move(parts: MoveParts, source: DatabaseSync, target: Client): Promise<Moved> {
  refuseUnknownTables(source);
  await begin(source, target, parts);
  for (const table of movedTables) await copyTable(parts, source, target, table);
  await countOn(source, target);
  await makeSearch(target);
  const tables: Moved['tables'] = {};
  for (const table of movedTables) {
    tables[table.name] = await verifyTable(source, target, table);
    parts.onStep?.({ kind: 'verified', table: table.name, rows: tables[table.name]?.rows ?? 0 });
  }
  await target.query(`ALTER TABLE customers ENABLE TRIGGER USER; DROP TABLE ${moveTable}`);
  await target.query('ANALYZE');
  return { tables };
}

/** Notes what is moved, or that it is the same that was interrupted. */
async function begin(source: DatabaseSync, target: Client, { from, to }: MoveParts): Promise<void> {
  const identity = identityOf(source);
  await target.query(
    `CREATE TABLE IF NOT EXISTS ${moveTable} (name text PRIMARY KEY, value text NOT NULL);
    ALTER TABLE customers DISABLE TRIGGER USER`,
  );
  const { rows } = await target.query<{ value: string }>(
    `SELECT value FROM ${moveTable} WHERE name = 'source'`,
  );
  const earlier = rows[0]?.value;
  if (earlier === undefined) {
    await target.query(`INSERT INTO ${moveTable} (name, value) VALUES ('source', $1)`, [identity]);
  } else if (earlier !== identity) {
    throw new StorageError(
      'unavailable',
      `The move to ${named(to)} was begun from another database than ${from}, or that has changed since: must be the same, or an empty target`,
    );
  }
}

async function copyTable(
  parts: MoveParts,
  source: DatabaseSync,
  target: Client,
  table: MovedTable,
): Promise<void> {
  const { name, seeded } = table;
  const columns = columnsOf(source, table);
  const types = await typesOf(target, name);
  const total = Number(source.prepare(`SELECT count(*) AS total FROM ${name}`).get()?.['total']);
  const noted = await target.query<{ value: string }>(`SELECT value FROM ${moveTable} WHERE name = $1`, [
    name,
  ]);
  let { last, rows } = JSON.parse(noted.rows[0]?.value ?? '{"last":null,"rows":0}') as Progress;
  const places = columns.map((column, at) => `$${at + 1}::${types.get(column)}[]`).join(', ');
  const insert = `INSERT INTO ${name} (${columns.join(', ')}) SELECT * FROM unnest(${places})`;
  for (;;) {
    const page = await readSource(source, table, columns, last);
    if (page.last === undefined) return;
    const batch = page.rows;
    rows += batch.length;
    last = page.last;
    await target.query('BEGIN');
    if (seeded) await target.query(`DELETE FROM ${name}`);
    await target.query(
      insert,
      columns.map((column) => batch.map((row) => sent(row[column] ?? null))),
    );
    await target.query(
      `INSERT INTO ${moveTable} (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
      [name, JSON.stringify({ last, rows } satisfies Progress)],
    );
    await target.query('COMMIT');
    parts.onStep?.({ kind: 'copied', table: name, rows, total });
  }
}

/** How far a table was copied: the key of its last row. */
interface Progress {
  last: SqlValue[] | null;
  rows: number;
}

async function typesOf(target: Client, name: string): Promise<Map<string, string>> {
  const { rows } = await target.query<{ column: string; type: string }>(
    `SELECT column_name AS column, data_type AS type FROM information_schema.columns
     WHERE table_schema = current_schema() AND table_name = $1`,
    [name],
  );
  return new Map(rows.map(({ column, type }) => [column, type]));
}

/** Sequences go on where the source's counters stand, those of removed rows included. */
async function countOn(source: DatabaseSync, target: Client): Promise<void> {
  const counters = new Map(
    source
      .prepare('SELECT name, seq FROM sqlite_sequence')
      .all()
      .map(({ name, seq }) => [String(name), Number(seq)]),
  );
  for (const { name, counted } of movedTables) {
    if (counted === undefined) continue;
    const { rows } = await target.query<{ most: number }>(
      `SELECT coalesce(max(${counted}), 0) AS most FROM ${name}`,
    );
    const last = Math.max(counters.get(name) ?? 0, rows[0]?.most ?? 0);
    const sequence = `pg_get_serial_sequence('${name}', '${counted}')`;
    await target.query(`SELECT setval(${sequence}, $1, $2)`, [Math.max(1, last), last > 0]);
  }
}

/** The indexes for searching are made anew, by the server, bit by bit: what is in them now is nothing. */
async function makeSearch(target: Client): Promise<void> {
  await target.query(
    `UPDATE message_search_progress SET
      cursor = coalesce((SELECT max(cursor) FROM feed), (SELECT cursor FROM feed_forgotten)),
      unread_id = coalesce((SELECT max(id) FROM messages), 0)`,
  );
  await target.query(
    `INSERT INTO customer_changes (customer_id)
      SELECT id FROM customers WHERE id NOT IN (SELECT customer_id FROM customer_changes) ORDER BY id`,
  );
}
