import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileLostCall } from './lost-call.ts';
import type { Requeuing } from './turns.ts';

/** The unit that lets a turn which was cut off begin again. */
export function compileRequeue(queries: Queries): (turn: Requeuing) => Statement[] {
  const lost = compileLostCall(queries);
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

  return (turn) => [
    withValues(requeue, [turn.node, turn.leaseUntil, turn.id, turn.fence, turn.id]),
    withValues(requeueAnswer, [turn.id]),
    ...(turn.call === null ? [] : lost(turn, turn.call)),
  ];
}
