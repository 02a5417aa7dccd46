import { lockDatabase } from './database-lock.ts';
import type { DatabaseUse } from './database-lock.ts';
import { openPostgresStorage } from './postgres-storage.ts';
import { openStorage } from './storage.ts';
import type { Storage, StorageOptions } from './storage.ts';

/** Where the store is: `sqlite:` and a path, `sqlite::memory:`, or `postgres://…`. */
export interface StorageAtOptions extends Omit<StorageOptions, 'path'> {
  url: string;
  /** What for; see `lockDatabase`. Any number of processes may use one on PostgreSQL. */
  use: DatabaseUse;
}

/** Whether other processes may use the store at the same time. */
export function isShared(url: string): boolean {
  return !url.startsWith('sqlite:');
}

/** Opens the store and brings its schema up to date. Rejects with `StorageError`. */
export async function openStorageAt({ url, use, ...options }: StorageAtOptions): Promise<Storage> {
  if (isShared(url)) return openPostgresStorage({ ...options, url });
  const path = url.slice('sqlite:'.length);
  const lock = lockDatabase(path, use);
  try {
    const storage = await openStorage({ ...options, path });
    return { ...storage, close: () => storage.close().finally(lock.release) };
  } catch (error) {
    lock.release();
    throw error;
  }
}
