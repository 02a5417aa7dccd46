import { usageRow } from './api-call.ts';
import type { NewApiCall } from './api-call.ts';
import { compileCallStatements } from './call-statements.ts';
import type { Database, WriteOptions } from './database.ts';
import type { Queries } from './dialect.ts';
import type { UsageDailyTable } from './schema.ts';

/** Calls in one unit at most. */
const maxGathered = 500;

/** Calls that leave together. */
interface Gathering {
  calls: NewApiCall[];
  patient: boolean;
  written: Promise<void>;
}

/**
 * Records calls: whatever comes until the next batch leaves goes into one unit, where the daily sums are written once for
 * all calls that share them.
 */
export function createCallRecorder(database: Database, queries: Queries) {
  const statements = compileCallStatements(queries);
  let gathering: Gathering | undefined;

  const begin = (options: WriteOptions | undefined): Gathering => {
    const calls: NewApiCall[] = [];
    const close = () => {
      if (gathering?.calls === calls) gathering = undefined;
    };
    const leave = () => {
      close();
      return [...calls.map(statements.insert), ...sumsOf(calls).map(statements.addUp)];
    };
    const written = database.write(leave, options).then(
      () => {},
      (error: unknown) => {
        close();
        throw error;
      },
    );
    return { calls, patient: options?.patient === true, written };
  };

  return (call: NewApiCall, options?: WriteOptions): Promise<void> => {
    if (gathering === undefined || gathering.calls.length >= maxGathered) gathering = begin(options);
    gathering.calls.push(call);
    const { written } = gathering;
    if (gathering.patient && options?.patient !== true) {
      gathering.patient = false;
      void hurry(database);
    }
    return written;
  };
}

/** Nothing to write, but somebody to wait for it: the batch leaves at the end of this turn. */
async function hurry(database: Database): Promise<void> {
  await database.write([]).catch(() => {});
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
