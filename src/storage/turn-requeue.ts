import { sql } from 'kysely';
import { usageRow } from './api-call.ts';
import type { NewApiCall } from './api-call.ts';
import { compileCallStatements } from './call-statements.ts';
import { compileChatShare } from './chat-totals.ts';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Requeuing } from './turns.ts';

/** The unit that lets a turn which was cut off begin again. */
export function compileRequeue(queries: Queries): (turn: Requeuing) => Statement[] {
  const calls = compileCallStatements(queries);
  const share = compileChatShare(queries);
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

  const lost = ({ userId, channel }: Requeuing, call: NewApiCall) => {
    const { day, model, promptTokens, completionTokens } = call;
    const tokens = promptTokens + completionTokens;
    return [
      ...calls.insert(call),
      ...calls.addUp(usageRow(call)),
      share({ userId, day, channel, model, tokens }),
    ];
  };

  return (turn) => [
    withValues(requeue, [turn.node, turn.leaseUntil, turn.id, turn.fence, turn.id]),
    withValues(requeueAnswer, [turn.id]),
    ...(turn.call === null ? [] : lost(turn, turn.call)),
  ];
}
