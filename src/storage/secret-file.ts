import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { StorageError } from './storage-error.ts';

const minLength = 16;

/**
 * The secret in the file at `path`, which is made, readable by its owner only, where it is missing; `make` gives a new secret of 16
 * characters and more. Processes that do this at once end with the same secret. Throws `unavailable`.
 */
export function ensureSecret(path: string, make: () => string): string {
  try {
    return read(path) ?? claim(path, make());
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    throw new StorageError(
      'unavailable',
      `The secret file ${path} cannot be read or made: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function read(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (text.length >= minLength) return text;
  throw new StorageError(
    'unavailable',
    `The secret file ${path} holds fewer than ${minLength} characters. Restore it, or remove it to have a new one made: ` +
      'then everybody must log in again.',
  );
}

/** A link appears whole or not at all, and only where there is none: the first process wins, the others read its secret. */
function claim(path: string, secret: string): string {
  const draft = `${path}.${randomUUID()}`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    writeDurably(draft, `${secret}\n`);
    linkSync(draft, path);
    return secret;
  } catch (error) {
    const winner = (error as NodeJS.ErrnoException).code === 'EEXIST' ? read(path) : undefined;
    if (winner !== undefined) return winner;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

function writeDurably(path: string, text: string): void {
  const file = openSync(path, 'wx', 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
