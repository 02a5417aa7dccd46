import { sql } from 'kysely';
import type { SqlValue, Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Acknowledgement } from './messages.ts';

/** The unit that moves receipts forward: the events, then the messages, whose number is that of its last changes. */
export function compileAcknowledging(queries: Queries): (acknowledgement: Acknowledgement) => Statement[] {
  const ofAll = compileMove(queries, false);
  const ofOne = compileMove(queries, true);
  return ({ userId, conversationId, upTo, receipt, at }) => {
    const { note, move } = conversationId === undefined ? ofAll : ofOne;
    const which: SqlValue[] = [userId, upTo, receipt];
    if (conversationId !== undefined) which.push(conversationId);
    return [withValues(note, [at, receipt, ...which]), withValues(move, [receipt, ...which])];
  };
}

function compileMove(queries: Queries, ofOne: boolean) {
  const behind = sql<boolean>`user_id = ${0} and id <= ${0} and receipt <> 'read' and receipt <> ${''}`;
  const where = ofOne ? sql<boolean>`${behind} and conversation_id = ${0}` : behind;
  const events = queries
    .selectFrom('messages')
    .select([
      'conversation_id',
      'user_id',
      sql.lit('receipt').as('type'),
      sql<number>`${0}`.as('at'),
      sql<string>`json_object('receipt', ${''}, 'messageIds', json_group_array(id order by id))`.as('data'),
    ])
    .where(where)
    .groupBy(['conversation_id', 'user_id']);
  return {
    note: compileStatement(
      queries
        .insertInto('feed')
        .columns(['conversation_id', 'user_id', 'type', 'at', 'data'])
        .expression(events),
    ),
    move: compileStatement(queries.updateTable('messages').set({ receipt: '' }).where(where)),
  };
}
