import type { SqlRow, WriteResult } from './database.ts';
import { storageErrorOf } from './sqlite-errors.ts';
import type { Failure } from './sqlite-errors.ts';
import type { PendingUnit } from './write-queue.ts';
import type { BatchCommitted } from './writer-protocol.ts';

const noRows: readonly SqlRow[] = Object.freeze([]);

/** Gives every unit of a committed batch its results, or the failure it met alone. */
export function settleCommitted(
  units: readonly PendingUnit[],
  { changes, rows, failures }: BatchCommitted,
): void {
  let statementAt = 0;
  let rowsAt = 0;
  let failureAt = 0;
  for (const [position, unit] of units.entries()) {
    const end = statementAt + unit.statements.length;
    const failure = failures[failureAt];
    if (failure?.unit === position) {
      failureAt++;
      statementAt = end;
      unit.reject(storageErrorOf(failure));
      continue;
    }
    const results: WriteResult[] = [];
    for (; statementAt < end; statementAt++) {
      const returned = rows[rowsAt]?.[0] === statementAt ? rows[rowsAt++] : undefined;
      results.push({
        changes: changes[statementAt] as number,
        rows: returned?.[1] ?? noRows,
      });
    }
    unit.resolve(results);
  }
}

/** Rejects every unit of a batch of which nothing was committed. */
export function settleLost(units: readonly PendingUnit[], failure: Failure): void {
  for (const unit of units) unit.reject(storageErrorOf(failure));
}
