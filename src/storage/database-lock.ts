import { closeSync, existsSync, openSync, realpathSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { ensureFolder } from './database-file.ts';
import { failureOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/**
 * What somebody does with a database file: `serve`, which one process may at a time; `visit`, which any number may, beside a server too;
 * `replace`, which nobody else may use it for.
 */
export type DatabaseUse = 'serve' | 'visit' | 'replace';

/** Held until it is released, or its process ends in whatever way. */
export interface DatabaseLock {
  /** Safe to repeat. */
  release(): void;
}

/** SQLite's own locks on an empty file beside the database: they mean the same on every system, and end with their process. */
const taking: Record<DatabaseUse, string> = {
  serve: 'BEGIN IMMEDIATE',
  visit: 'BEGIN; SELECT count(*) FROM sqlite_schema',
  replace: 'BEGIN EXCLUSIVE',
};

/** A connection that nobody refers to any more is closed some time, and its locks are gone. */
const held = new Set<DatabaseSync>();

/** How long one waits for another that is about to end, in milliseconds. */
const patienceMs = 2_000;

/** Marks the SQLite file at `path` as in use; throws `unavailable` where it is used by others in a way that does not go with `use`. */
export function lockDatabase(path: string, use: DatabaseUse): DatabaseLock {
  // Whoever comes by another name finds the same file.
  const file = `${existsSync(path) ? realpathSync(path) : path}.lock`;
  let connection: DatabaseSync | undefined;
  try {
    ensureLockFile(file);
    connection = new DatabaseSync(file, { timeout: patienceMs });
    connection.exec('PRAGMA journal_mode = MEMORY');
    connection.exec(taking[use]);
  } catch (cause) {
    connection?.close();
    throw new StorageError('unavailable', refusalOf(path, use, cause), { cause });
  }
  const lock = connection;
  held.add(lock);
  return {
    release() {
      if (held.delete(lock)) lock.close();
    },
  };
}

/** It is never opened where it exists: to close it again would end the locks that this process has on it. */
function ensureLockFile(file: string): void {
  ensureFolder(file);
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

const busyCode = 5;

function refusalOf(path: string, use: DatabaseUse, cause: unknown): string {
  if ((cause as { errcode?: unknown }).errcode !== busyCode) {
    return `The database ${path} cannot be locked: ${failureOf(cause).message}`;
  }
  if (use === 'visit')
    return `The database ${path} is being replaced by a backup: try again when that is done`;
  return use === 'serve'
    ? `The database ${path} is in use by another server, or being restored: one server at a time may use a SQLite database`
    : `The database ${path} is in use by a server or a command: stop it first`;
}
