import { sql } from 'kysely';
import { usageRow } from './api-call.ts';
import { compileCallStatements } from './call-statements.ts';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Requeuing } from './turns.ts';

/** The unit that lets a turn which was cut off begin again. */
export function compileRequeue(queries: Queries): (turn: Requeuing) => Statement[] {
  const calls = compileCallStatements(queries);
  const said = queries.selectFrom('turn_log').select('turn_id').where('turn_id', '=', 0);
  const queued = { state: sql.lit('queued') };
  const requeue = compileStatement(
    queries
      .updateTable('turns')
      .set({ ...queued, node: '', lease_until: 0 })
      .where('id', '=', 0)
      .where('fence', '=', 0)
      .where(({ not, exists }) => not(exists(said))),
    1,
  );
  const requeueAnswer = compileStatement(queries.updateTable('messages').set(queued).where('id', '=', 0), 1);

  return ({ id, fence, node, leaseUntil, call }) => [
    withValues(requeue, [node, leaseUntil, id, fence, id]),
    withValues(requeueAnswer, [id]),
    ...(call === null ? [] : [calls.insert(call), ...calls.addUp(usageRow(call))]),
  ];
}
