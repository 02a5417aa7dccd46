import { openPostgresStorage } from './postgres-storage.ts';
import { openStorage } from './storage.ts';
import type { Storage, StorageOptions } from './storage.ts';

/** Where the store is: `sqlite:` and a path, `sqlite::memory:`, or `postgres://…`. */
export interface StorageAtOptions extends Omit<StorageOptions, 'path'> {
  url: string;
}

/** Whether other processes may use the store at the same time. */
export function isShared(url: string): boolean {
  return !url.startsWith('sqlite:');
}

/** Opens the store and brings its schema up to date. Rejects with `StorageError`. */
export function openStorageAt({ url, ...options }: StorageAtOptions): Promise<Storage> {
  return isShared(url)
    ? openPostgresStorage({ ...options, url })
    : openStorage({ ...options, path: url.slice('sqlite:'.length) });
}
