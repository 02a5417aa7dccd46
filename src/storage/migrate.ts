import { openWriteConnection } from './sqlite-connection.ts';
import type { DatabaseSync } from 'node:sqlite';
import type { Migration } from './migrations/list.ts';
import { failureOf, storageErrorOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** What to bring up to date. */
export interface MigrateParts {
  /** The SQLite file. */
  path: string;
  migrations: readonly Migration[];
  /** Wall clock, milliseconds since the epoch. */
  now: () => number;
}

/**
 * Runs the migrations that the file has not seen, all in one transaction, and returns their names. Two processes may
 * do this at once: the second waits, then finds nothing to do. A file that a newer version has migrated is
 * refused with `unavailable` and left as it is.
 */
export function migrate({ path, migrations, now }: MigrateParts): string[] {
  try {
    const connection = openWriteConnection(path);
    try {
      return inTransaction(connection, () => applyMissing(connection, path, migrations, now()));
    } finally {
      connection.close();
    }
  } catch (error) {
    throw error instanceof StorageError ? error : unusable(path, error);
  }
}

/** Who starts the server must know which file it is. */
function unusable(path: string, cause: unknown): StorageError {
  const failure = failureOf(cause);
  return storageErrorOf(
    { ...failure, message: `The database ${path} cannot be used: ${failure.message}` },
    cause,
  );
}

function inTransaction<Result>(connection: DatabaseSync, work: () => Result): Result {
  connection.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    connection.exec('COMMIT');
    return result;
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    throw error;
  }
}

function applyMissing(
  connection: DatabaseSync,
  path: string,
  migrations: readonly Migration[],
  at: number,
): string[] {
  connection.exec(
    'CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, applied_at INTEGER NOT NULL) STRICT',
  );
  const rows = connection.prepare('SELECT name FROM migrations ORDER BY name').all();
  const applied = new Set(rows.map((row) => String(row['name'])));
  refuseUnknown(path, migrations, applied);
  const missing = migrations.filter(({ name }) => !applied.has(name));
  const note = connection.prepare('INSERT INTO migrations (name, applied_at) VALUES (?, ?)');
  for (const { name, sqlite } of missing) {
    for (const sql of sqlite) connection.exec(sql);
    note.run(name, at);
  }
  return missing.map(({ name }) => name);
}

/** Throws `unavailable` where a newer version has written the database at `path`. */
export function refuseUnknown(
  path: string,
  migrations: readonly Migration[],
  applied: ReadonlySet<string>,
): void {
  const known = new Set(migrations.map(({ name }) => name));
  const unknown = [...applied].filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new StorageError(
    'unavailable',
    `The database ${path} was written by a newer version of Parley: it has ${unknown.join(', ')}, and this version ` +
      `knows only up to ${migrations.at(-1)?.name ?? 'an empty database'}. Start the newer version, or restore a backup.`,
  );
}
