import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { SqlRow, SqlValue } from './database.ts';
import { leftTables, movedTables } from './move-tables.ts';
import type { MovedTable } from './move-tables.ts';
import { sent } from './postgres-pipeline.ts';
import { StorageError } from './storage-error.ts';

export const rowsAtOnce = 1_000;
/** Rows with images and long texts are copied fewer at a time. */
export const bytesAtOnce = 8 * 2 ** 20;

/** A table that nobody thought of would be lost in silence. */
export function refuseUnknownTables(source: DatabaseSync): void {
  const known = new Set([...movedTables.map(({ name }) => name), ...leftTables]);
  const rows = source
    .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
    .all();
  const unknown = rows
    .map(({ name }) => String(name))
    .filter((name) => !known.has(name) && !/^(?:message|customer)_search_/.test(name));
  if (unknown.length > 0) {
    throw new StorageError(
      'unavailable',
      `The source has tables that cannot be moved: ${unknown.join(', ')}`,
    );
  }
}

/** The same as long as nobody writes to it. */
export function identityOf(source: DatabaseSync): string {
  const hash = createHash('sha256');
  for (const { name, key } of movedTables) {
    const columns = key.map((column) => `max(${column})`).join(', ');
    const row = source.prepare(`SELECT count(*), ${columns} FROM ${name}`).get();
    hash.update(JSON.stringify([name, row]));
  }
  return hash.digest('hex');
}

export function columnsOf(source: DatabaseSync, { name }: MovedTable): string[] {
  return source
    .prepare(`SELECT name FROM pragma_table_info('${name}')`)
    .all()
    .map((column) => String(column['name']));
}

/** Rows in the order of their key, and the key of the last: there are none behind them where it is undefined. */
export interface MovedPage {
  rows: SqlRow[];
  last: SqlValue[] | undefined;
}

/** The next rows behind `last`, as PostgreSQL is to have them; the key is as the source has it. */
export async function readSource(
  source: DatabaseSync,
  { name, key }: MovedTable,
  columns: readonly string[],
  last: readonly SqlValue[] | null,
): Promise<MovedPage> {
  const behind = last === null ? '' : `WHERE (${key.join(', ')}) > (${key.map(() => '?').join(', ')})`;
  const text = `SELECT ${columns.join(', ')} FROM ${name} ${behind} ORDER BY ${key.join(', ')} LIMIT ${rowsAtOnce}`;
  const rows: SqlRow[] = [];
  let end: SqlValue[] | undefined;
  let bytes = 0;
  for (const row of source.prepare(text).iterate(...(last ?? []))) {
    rows.push(asPostgresHasIt(name, row));
    end = key.map((column) => row[column] ?? null);
    for (const value of Object.values(row)) bytes += sizeOf(value);
    if (bytes > bytesAtOnce) break;
  }
  // Others get their turn: it may be long.
  await new Promise((resolve) => setImmediate(resolve));
  return { rows, last: end };
}

function sizeOf(value: SqlValue): number {
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
}

/** See `turn-log.ts` for how its texts are kept; all others lose U+0000. */
function asPostgresHasIt(table: string, row: SqlRow): SqlRow {
  const there: SqlRow = {};
  for (const [name, value] of Object.entries(row)) {
    if (table === 'turn_log' && name === 'delta') {
      const text = typeof value === 'string' ? value : Buffer.from(value as Uint8Array).toString('utf16le');
      there[name] = JSON.stringify(text);
    } else {
      there[name] = typeof value === 'string' ? (sent(value) as string) : value;
    }
  }
  return there;
}
