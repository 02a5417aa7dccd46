import type { SqlValue, Statement } from './database.ts';
import { StorageError } from './storage-error.ts';

/**
 * Why a unit cannot be sent, or undefined. Found here, a value that cannot be cloned or bound fails its own unit;
 * found while sending, it would fail the whole batch.
 */
export function refusalOf(unit: readonly Statement[]): StorageError | undefined {
  for (const { sql, parameters } of unit) {
    for (const value of parameters) {
      if (!isSqlValue(value)) {
        return new StorageError(
          'invalid',
          `A parameter is of type ${typeof value}, which has no place in SQL: ${sql}`,
        );
      }
    }
  }
  return undefined;
}

function isSqlValue(value: SqlValue): boolean {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
      return true;
    case 'object':
      return value === null || (value instanceof Uint8Array && !isDetached(value));
    default:
      return false;
  }
}

function isDetached(value: Uint8Array): boolean {
  return value.buffer instanceof ArrayBuffer && value.buffer.detached;
}
