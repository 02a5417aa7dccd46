import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Client } from 'pg';
import type { SqlRow, SqlValue } from './database.ts';
import { columnsOf, readSource } from './move-source.ts';
import type { MovedTable } from './move-tables.ts';
import { StorageError } from './storage-error.ts';

/** Tables that the target has more, or other, rows of: see `makeSearch`. */
const notCompared = new Set(['message_search_progress', 'customer_changes']);

/** Reads all rows of both sides and compares them; throws `unavailable` where they differ. */
export async function verifyTable(
  source: DatabaseSync,
  target: Client,
  table: MovedTable,
): Promise<{ rows: number; digest: string }> {
  const columns = columnsOf(source, table);
  const theirs = await digestOf(columns, (last) => readSource(source, table, columns, last), table);
  const ours = await digestOf(columns, (last) => readTarget(target, table, columns, last), table);
  const isSame = ours.rows === theirs.rows && ours.digest === theirs.digest;
  if (isSame || notCompared.has(table.name)) return theirs;
  throw new StorageError(
    'unavailable',
    `The table ${table.name} differs after the move: ${theirs.rows} rows (${theirs.digest.slice(0, 12)}) there, ` +
      `${ours.rows} (${ours.digest.slice(0, 12)}) here. Empty the target and move again`,
  );
}

async function readTarget(
  target: Client,
  { name, key }: MovedTable,
  columns: readonly string[],
  last: readonly SqlValue[] | null,
): Promise<SqlRow[]> {
  const behind =
    last === null ? '' : `WHERE (${key.join(', ')}) > (${key.map((_, at) => `$${at + 1}`).join(', ')})`;
  const text = `SELECT ${columns.join(', ')} FROM ${name} ${behind} ORDER BY ${key.join(', ')} LIMIT 200`;
  const { rows } = await target.query<SqlRow>(text, [...(last ?? [])]);
  return rows;
}

/** SHA-256 of all rows in the order of the key. */
async function digestOf(
  columns: readonly string[],
  read: (last: readonly SqlValue[] | null) => Promise<SqlRow[]>,
  { key }: MovedTable,
): Promise<{ rows: number; digest: string }> {
  const hash = createHash('sha256');
  let rows = 0;
  for (let last: SqlValue[] | null = null; ;) {
    const page: SqlRow[] = await read(last);
    const end = page.at(-1);
    if (end === undefined) return { rows, digest: hash.digest('hex') };
    for (const row of page)
      hash.update(`${JSON.stringify(columns.map((column) => written(row[column] ?? null)))}\n`);
    rows += page.length;
    last = key.map((column) => end[column] ?? null);
  }
}

function written(value: SqlValue): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  return typeof value === 'string' ? value.toWellFormed() : value;
}
