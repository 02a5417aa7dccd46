import type { Failure } from './sqlite-errors.ts';

/** Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html that say something about the data or the statement, not about the database. */
const constraintClass = '23';
const duplicate = '23505';
const invalidClasses = new Set(['0A', '21', '22', '26', '34', '42']);
/** The whole transaction was given up for another's sake, and may be tried again. */
const retryable = new Set(['40001', '40P01']);

/** Sorts what `pg` threw into the codes of `StorageError`. */
export function failureOfPostgres(thrown: unknown): Failure {
  const { code, message, table, detail } = thrown as Record<string, unknown>;
  const text = typeof message === 'string' && message !== '' ? message : String(thrown);
  if (typeof code !== 'string' || !isSqlState(code)) return { code: 'unavailable', message: text };
  if (code === duplicate) return { code: 'conflict', message: text, constraint: constraintOf(table, detail) };
  if (code.startsWith(constraintClass)) return { code: 'constraint', message: text };
  return { code: invalidClasses.has(code.slice(0, 2)) ? 'invalid' : 'unavailable', message: text };
}

export function isRetryable(thrown: unknown): boolean {
  return retryable.has(String((thrown as { code?: unknown }).code));
}

/** Whether only the unit is at fault, in which the statement was. */
export function isOfUnit(thrown: unknown): boolean {
  return failureOfPostgres(thrown).code !== 'unavailable';
}

/** Node's own codes, such as ECONNREFUSED, are longer. */
function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code);
}

/** As SQLite says it: `table.column`, several comma separated. */
function constraintOf(table: unknown, detail: unknown): string | undefined {
  const columns = /^Key \((.+?)\)=/.exec(String(detail))?.[1];
  return columns
    ?.split(', ')
    .map((column) => `${String(table)}.${column}`)
    .join(', ');
}
