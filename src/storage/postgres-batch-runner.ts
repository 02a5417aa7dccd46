import type { SqlRow } from './database.ts';
import { failureOfPostgres, isLost, isRetryable, waitedInVain } from './postgres-errors.ts';
import { endStuck } from './postgres-stuck.ts';
import { fateOf, openWriteConnection, UnansweredCommit } from './postgres-write-connection.ts';
import type { Outcome, Unit, WriteConnection } from './postgres-write-connection.ts';
import type { BatchCommitted, BatchLost, BatchMessage, UnitFailure } from './writer-protocol.ts';
import { layoutStride } from './writer-protocol.ts';

/** Runs batches, one at a time, on a connection that is made anew where it was lost. */
export interface PostgresBatchRunner {
  run(batch: BatchMessage): Promise<BatchCommitted | BatchLost>;
  close(): Promise<void>;
}

/** How often a batch is tried of which it is certain that nothing was stored. */
const mostAttempts = 5;

export function createPostgresBatchRunner(url: string): PostgresBatchRunner {
  let sqls: string[] = [];
  let connection: WriteConnection | undefined;

  const connect = async () => (connection ??= await openWriteConnection(url));
  const drop = () => {
    void connection?.end();
    connection = undefined;
  };

  async function attempt(units: readonly Unit[]): Promise<Outcome[]> {
    for (let tries = 1; ; tries++) {
      const wasGood = connection !== undefined;
      try {
        return await (await connect()).write(units);
      } catch (thrown) {
        drop();
        if (waitedInVain(thrown)) await endStuck(url);
        const fate = thrown instanceof UnansweredCommit ? await fateOf(url, thrown) : 'aborted';
        if (fate === 'committed') return (thrown as UnansweredCommit).outcomes;
        const mayHelp =
          thrown instanceof UnansweredCommit || isRetryable(thrown) || (wasGood && isLost(thrown));
        if (fate === 'unknown' || !mayHelp || tries >= mostAttempts) throw thrown;
      }
    }
  }

  return {
    async run(batch) {
      if (batch.resetSqls) {
        sqls = [];
        await connection?.forget().catch(drop);
      }
      sqls.push(...batch.newSqls);
      try {
        const outcomes = batch.statements === 0 ? [] : await attempt(unitsOf(batch, sqls));
        return committed(batch, outcomes);
      } catch (thrown) {
        return { kind: 'lost', failure: { ...failureOfPostgres(thrown), code: 'unavailable' } };
      }
    },
    async close() {
      await connection?.end();
      connection = undefined;
    },
  };
}

function unitsOf({ layout, parameters, units }: BatchMessage, sqls: readonly string[]): Unit[] {
  let at = 0;
  let parameterAt = 0;
  return Array.from({ length: units }, () => {
    const size = layout[at++] as number;
    return Array.from({ length: size }, () => {
      const [id, count, expect] = layout.subarray(at, at + layoutStride) as unknown as [
        number,
        number,
        number,
      ];
      at += layoutStride;
      parameterAt += count;
      return {
        sql: sqls[id] as string,
        parameters: parameters.slice(parameterAt - count, parameterAt),
        expect,
      };
    });
  });
}

function committed(batch: BatchMessage, outcomes: readonly Outcome[]): BatchCommitted {
  const changes = new Float64Array(batch.statements);
  const rows: [number, SqlRow[]][] = [];
  const failures: UnitFailure[] = [];
  let at = 0;
  let layoutAt = 0;
  for (const [unit, outcome] of outcomes.entries()) {
    const size = batch.layout[layoutAt] as number;
    layoutAt += 1 + size * layoutStride;
    if (!Array.isArray(outcome)) failures.push({ unit, ...outcome });
    else {
      for (const [index, result] of outcome.entries()) {
        changes[at + index] = result.changes;
        if (result.rows !== undefined) rows.push([at + index, result.rows]);
      }
    }
    at += size;
  }
  return { kind: 'committed', changes, rows, failures };
}
