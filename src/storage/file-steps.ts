import { closeSync, existsSync, fsyncSync, openSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Makes an empty file that only its owner may read; throws where there is one. */
export function makeOwnFile(path: string): void {
  closeSync(openSync(path, 'wx', 0o600));
}

/** Resolves when what was written to the file survives a power failure. */
export function syncFile(path: string): void {
  sync(path, 'r+');
}

/** So that names which were made, changed or removed in the folder of `path` survive a power failure; Windows does so by itself. */
export function syncFolderOf(path: string): void {
  if (process.platform !== 'win32') sync(dirname(path), 'r');
}

function sync(path: string, flags: string): void {
  const file = openSync(path, flags);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Whether both names lead to one file, which may have other names still. */
export function isSameFile(one: string, other: string): boolean {
  if (!existsSync(one) || !existsSync(other)) return false;
  const [a, b] = [statSync(one), statSync(other)];
  return realpathSync(one) === realpathSync(other) || (a.ino !== 0 && a.ino === b.ino && a.dev === b.dev);
}
