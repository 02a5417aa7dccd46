import type { Failure } from './sqlite-errors.ts';

/** Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html that say something about the data or the statement, not about the database. */
const constraintClass = '23';
const duplicate = '23505';
const invalidClasses = new Set(['0A', '21', '22', '34', '42', '54']);
/** Not as many parameters as the statement has places, if it is no more than an error. */
const wrongCount = '08P01';
/** The whole transaction was given up for another's sake, or waited for it in vain, and may be tried again. */
const retryable = new Set(['40001', '40P01', '55P03']);

/** Sorts what `pg` threw into the codes of `StorageError`. */
export function failureOfPostgres(thrown: unknown): Failure {
  const { code, message, table, detail, severity } = thrown as Record<string, unknown>;
  const text = typeof message === 'string' && message !== '' ? message : String(thrown);
  if (typeof code !== 'string' || !isSqlState(code)) return { code: 'unavailable', message: text };
  if (code === duplicate) return { code: 'conflict', message: text, constraint: constraintOf(table, detail) };
  if (code.startsWith(constraintClass)) return { code: 'constraint', message: text };
  const isWrong = invalidClasses.has(code.slice(0, 2)) || (code === wrongCount && severity === 'ERROR');
  return { code: isWrong ? 'invalid' : 'unavailable', message: text };
}

/** The connection is over, or has forgotten what was prepared on it: another one may be as good as new. */
const lostClasses = new Set(['08', '26']);
/** The server goes down or comes up, an administrator ended the connection, or its transaction took too long. */
const lostCodes = new Set(['57P01', '57P02', '57P03', '57P05', '25P03']);
/** As `pg` says it; that it took too long is no reason to take as long again. */
const tookTooLong = new Set(['Query read timeout', 'timeout expired']);

/** Whether another connection may do what could not be done on one that was good before. */
export function isLost(thrown: unknown): boolean {
  const { code, message } = thrown as Record<string, unknown>;
  if (typeof code !== 'string' || !isSqlState(code)) return !tookTooLong.has(String(message));
  return lostCodes.has(code) || lostClasses.has(code.slice(0, 2));
}

/** Whether the server said that an administrator took it down, or ended the connection. */
export function wentDownInOrder(thrown: unknown): boolean {
  return (thrown as { code?: unknown }).code === '57P01';
}

/** Whether the server gave up the statement alone: it took too long. */
export function isCancelled(thrown: unknown): boolean {
  return (thrown as { code?: unknown }).code === '57014';
}

/** Whether another transaction was waited for in vain. */
export function waitedInVain(thrown: unknown): boolean {
  return (thrown as { code?: unknown }).code === '55P03';
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
