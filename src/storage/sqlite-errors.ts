import { StorageError } from './storage-error.ts';
import type { StorageErrorCode } from './storage-error.ts';

/** A failure in a form that can be posted between threads. */
export interface Failure {
  code: StorageErrorCode;
  message: string;
  constraint?: string | undefined;
}

/** SQLite's primary result codes, https://www.sqlite.org/rescode.html */
const unavailablePrimaryCodes = new Set([
  5, // BUSY
  6, // LOCKED
  7, // NOMEM
  8, // READONLY
  10, // IOERR
  11, // CORRUPT
  13, // FULL
  14, // CANTOPEN
  15, // PROTOCOL
  22, // NOLFS
  26, // NOTADB
]);
const constraintPrimaryCode = 19;
const duplicateCodes = new Set([
  1555, // CONSTRAINT_PRIMARYKEY
  2067, // CONSTRAINT_UNIQUE
  2579, // CONSTRAINT_ROWID
]);

/** Sorts what `node:sqlite` threw into the codes of `StorageError`. */
export function failureOf(thrown: unknown): Failure {
  const error = thrown as { errcode?: unknown; message?: unknown };
  const message = typeof error?.message === 'string' ? error.message : String(thrown);
  if (typeof error?.errcode !== 'number') return { code: 'invalid', message };
  if (duplicateCodes.has(error.errcode)) {
    return { code: 'conflict', message, constraint: /^UNIQUE constraint failed: (.+)$/.exec(message)?.[1] };
  }
  const primary = error.errcode & 0xff;
  if (primary === constraintPrimaryCode) return { code: 'constraint', message };
  return { code: unavailablePrimaryCodes.has(primary) ? 'unavailable' : 'invalid', message };
}

/** The error that callers get for a failure. */
export function storageErrorOf(failure: Failure, cause?: unknown): StorageError {
  return new StorageError(failure.code, failure.message, { cause, constraint: failure.constraint });
}
