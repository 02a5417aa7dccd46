import type { DatabaseSync } from 'node:sqlite';
import type { Database } from './database.ts';
import { openReadConnection } from './sqlite-connection.ts';
import { failureOf, storageErrorOf } from './sqlite-errors.ts';
import { createSqliteReader } from './sqlite-reader.ts';
import type { StorageError } from './storage-error.ts';
import { createWriteQueue } from './write-queue.ts';
import { startWriterThread } from './writer-thread.ts';

/** How to open a SQLite database. */
export interface SqliteDatabaseOptions {
  /** The database file; created where missing. */
  path: string;
  /** Units waiting to be written at most (default 200,000); more are refused with `overloaded`. */
  maxPendingUnits?: number | undefined;
  /** Called once if the writer thread dies; every later write rejects with `unavailable`. */
  onFatal?: ((error: StorageError) => void) | undefined;
}

/** Opens a SQLite file: writes on a thread of their own, reads on the calling one. Throws `StorageError`. */
export async function openSqliteDatabase(options: SqliteDatabaseOptions): Promise<Database> {
  const thread = await startWriterThread('sqlite', options.path);
  const queue = createWriteQueue({
    thread,
    maxPendingUnits: options.maxPendingUnits ?? 200_000,
    onFatal: options.onFatal ?? (() => undefined),
  });
  const connection = await openReader(options.path, () => queue.close());
  const reader = createSqliteReader(connection);
  return {
    read: (query) => reader.read(query),
    write: (unit, options) => queue.write(unit, options),
    flush: () => queue.flush(),
    stats: () => queue.stats(),
    // The reader first: the last connection to close checkpoints and removes the log, which a reader cannot do.
    close: () => queue.close(() => reader.close()),
  };
}

async function openReader(path: string, undo: () => Promise<void>): Promise<DatabaseSync> {
  try {
    return openReadConnection(path);
  } catch (error) {
    await undo();
    throw storageErrorOf(failureOf(error), error);
  }
}
