import type { Database } from './database.ts';
import { createPostgresReader } from './postgres-reader.ts';
import type { StorageError } from './storage-error.ts';
import { createWriteQueue } from './write-queue.ts';
import { startWriterThread } from './writer-thread.ts';

/** How to open a PostgreSQL database whose schema is up to date. */
export interface PostgresDatabaseOptions {
  /** `postgres://…` */
  url: string;
  /** Units waiting to be written at most (default 200,000); more are refused with `overloaded`. */
  maxPendingUnits?: number | undefined;
  /** Called once if the writer thread dies; every later write rejects with `unavailable`. */
  onFatal?: ((error: StorageError) => void) | undefined;
}

/**
 * Writes on one connection, grouped, one batch of one node at a time; reads on a pool. While the server is away, calls reject with
 * `unavailable`; connections are made anew when it is back.
 */
export async function openPostgresDatabase(options: PostgresDatabaseOptions): Promise<Database> {
  const queue = createWriteQueue({
    thread: await startWriterThread('postgres', options.url),
    maxPendingUnits: options.maxPendingUnits ?? 200_000,
    onFatal: options.onFatal ?? (() => undefined),
  });
  const reader = createPostgresReader(options.url);
  return {
    read: (query) => reader.read(query),
    write: (unit, writing) => queue.write(unit, writing),
    flush: () => queue.flush(),
    stats: () => queue.stats(),
    async close() {
      await queue.close();
      await reader.close();
    },
  };
}
