/**
 * Why a write or read failed.
 * - `conflict`: the row exists already (unique key), or not the expected number of rows changed
 * - `constraint`: another constraint of the table refused the row (NOT NULL, CHECK, foreign key)
 * - `unavailable`: disk full, I/O error, locked for too long, closed, writer gone; whether it was stored is not known
 * - `overloaded`: the queue of writes is full; nothing was stored
 * - `invalid`: the statement itself is wrong, which is a mistake in the program
 */
export type StorageErrorCode = 'conflict' | 'constraint' | 'unavailable' | 'overloaded' | 'invalid';

/** What a `StorageError` may carry besides its message. */
export interface StorageErrorOptions {
  cause?: unknown;
  /** The unique key that was taken, as `table.column` (several: comma separated). */
  constraint?: string | undefined;
}

/** Whether a unit was rolled back because not the expected number of rows changed; nothing of it was stored. */
export function isRefusedUnit(error: unknown): boolean {
  return error instanceof StorageError && error.code === 'conflict' && error.constraint === undefined;
}

/** Whether a unit was stored: false where not the expected number of rows changed. Any other failure is thrown. */
export async function accepted(written: Promise<unknown>): Promise<boolean> {
  try {
    await written;
    return true;
  } catch (error) {
    if (isRefusedUnit(error)) return false;
    throw error;
  }
}

/** A failure of the store. `message` is for the operator's log, not for clients: it names tables and columns. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: StorageErrorCode;
  readonly constraint: string | undefined;

  constructor(code: StorageErrorCode, message: string, options: StorageErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.constraint = options.constraint;
  }
}
