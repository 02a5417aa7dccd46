import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from './storage-error.ts';

/**
 * Makes sure that `path` exists: only the owner may enter a folder or read a file made here; SQLite gives its log files the
 * rights of the database file. What exists keeps its rights. Throws `unavailable`.
 */
export function ensureDatabaseFile(path: string): void {
  try {
    ensureFolder(path);
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    throw new StorageError(
      'unavailable',
      `The database file ${path} cannot be opened: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

/** Makes sure that the folder of `path` exists; only the owner may enter one that is made here. */
export function ensureFolder(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
}
