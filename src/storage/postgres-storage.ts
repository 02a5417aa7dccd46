import { createPostgresQueries } from './dialect.ts';
import { readPostgresIds } from './ids.ts';
import { migratePostgres } from './migrate-postgres.ts';
import { migrations } from './migrations/list.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { createStorage } from './storage.ts';
import type { Storage } from './storage.ts';
import type { StorageError } from './storage-error.ts';

/** How to open the store on PostgreSQL. */
export interface PostgresStorageOptions {
  /** `postgres://…`; nodes with the same address and search path share a store. */
  url: string;
  /** Units waiting to be written at most (default 200,000); more are refused with `overloaded`. */
  maxPendingUnits?: number;
  /** Called once if the writer dies; from then on every write rejects with `unavailable`. */
  onFatal?: (error: StorageError) => void;
  /** Wall clock, milliseconds since the epoch. */
  now?: () => number;
}

/** Opens the store on PostgreSQL and brings its schema up to date. Rejects with `StorageError`. */
export async function openPostgresStorage(options: PostgresStorageOptions): Promise<Storage> {
  const { url, maxPendingUnits, onFatal, now = Date.now } = options;
  await migratePostgres({ url, migrations, now });
  const database = await openPostgresDatabase({ url, maxPendingUnits, onFatal });
  const queries = createPostgresQueries();
  return createStorage(database, queries, readPostgresIds(database));
}
