import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Client } from 'pg';
import type { SqlRow, SqlValue } from './database.ts';
import { bytesAtOnce, columnsOf, readSource, rowsAtOnce } from './move-source.ts';
import type { MovedPage } from './move-source.ts';
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
  const theirs = await digestOf(columns, (last) => readSource(source, table, columns, last));
  const ours = await digestOf(columns, (last) => readTarget(target, table, columns, last));
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
): Promise<MovedPage> {
  const keys = key.join(', ');
  const behind = last === null ? '' : `WHERE (${keys}) > (${key.map((_, at) => `$${at + 1}`).join(', ')})`;
  const size = columns.map((column) => `coalesce(octet_length(${column}::text), 0)`).join(' + ');
  // As many as are not too large together, and one at least.
  const text = `SELECT ${columns.join(', ')} FROM (
      SELECT *, sum(${size}) OVER (ORDER BY ${keys} ROWS UNBOUNDED PRECEDING) - (${size}) AS bytes_before
      FROM (SELECT * FROM ${name} ${behind} ORDER BY ${keys} LIMIT ${rowsAtOnce}) AS next
    ) AS sized WHERE bytes_before < ${bytesAtOnce} ORDER BY ${keys}`;
  const { rows } = await target.query<SqlRow>(text, [...(last ?? [])]);
  const end = rows.at(-1);
  return { rows, last: end && key.map((column) => end[column] ?? null) };
}

/** The sum of all rows' SHA-256: both sides may have them in another order, where U+0000 was in a key. */
async function digestOf(
  columns: readonly string[],
  read: (last: readonly SqlValue[] | null) => Promise<MovedPage>,
): Promise<{ rows: number; digest: string }> {
  let sum = 0n;
  let rows = 0;
  for (let last: SqlValue[] | null = null; ;) {
    const page: MovedPage = await read(last);
    if (page.last === undefined)
      return { rows, digest: BigInt.asUintN(256, sum).toString(16).padStart(64, '0') };
    for (const row of page.rows) {
      const text = JSON.stringify(columns.map((column) => written(row[column] ?? null)));
      sum += BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);
    }
    rows += page.rows.length;
    last = page.last;
  }
}

function written(value: SqlValue): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  return typeof value === 'string' ? value.toWellFormed() : value;
}
