import { usageRow } from './api-call.ts';
import type { NewApiCall } from './api-call.ts';
import { compileCallStatements } from './call-statements.ts';
import type { Database, WriteOptions } from './database.ts';
import type { Queries } from './dialect.ts';
import { createGatherer } from './gathering.ts';
import type { UsageDailyTable } from './schema.ts';

/**
 * Records calls: whatever comes until the next batch leaves goes into one unit, where the daily sums are written once for
 * all calls that share them.
 */
export function createCallRecorder(database: Database, queries: Queries) {
  const statements = compileCallStatements(queries);
  const gather = createGatherer<NewApiCall, void>({
    database,
    statementsOf: (calls) => [
      ...calls.flatMap(statements.insert),
      ...sumsOf(calls).flatMap(statements.addUp),
    ],
    outcomeOf: () => {},
  });

  return (call: NewApiCall, options?: WriteOptions): Promise<void> => {
    const { items, written } = gather(options?.patient === true);
    items.push(call);
    return written;
  };
}

/** The calls' shares of `usage_daily`, added up. */
function sumsOf(calls: readonly NewApiCall[]): UsageDailyTable[] {
  const sums = new Map<string, UsageDailyTable>();
  for (const call of calls) {
    const row = usageRow(call);
    const { day, contract, owner, user_id, api_key_id, model, outcome, currency } = row;
    const key = JSON.stringify([day, contract, owner, user_id, api_key_id, model, outcome, currency]);
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, row);
      continue;
    }
    sum.calls += row.calls;
    sum.prompt_tokens += row.prompt_tokens;
    sum.completion_tokens += row.completion_tokens;
    sum.cost_nano += row.cost_nano;
    sum.duration_ms += row.duration_ms;
  }
  return [...sums.values()];
}
