import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** How a unit keeps the counts of conversations of each kind. */
export interface ConversationCounts {
  /** Before a change or removal: takes the conversation out of its kind. */
  uncount(id: number): Statement;
  /** After a change or beginning: adds it to its kind. */
  count(id: number): Statement;
}

export function compileConversationCounts(queries: Queries): ConversationCounts {
  const kind = ['status', 'agent_type', 'priority', 'assignee_id'] as const;
  const uncount = compileStatement(
    queries
      .updateTable('conversation_counts')
      .set((eb) => ({ conversations: eb('conversations', '-', eb.lit(1)) }))
      .where(
        sql<boolean>`(status, agent_type, priority, assignee_id) =
          (select status, agent_type, priority, coalesce(assignee_id, 0) from conversations where id = ${0})`,
      ),
  );
  const row = queries
    .selectFrom('conversations')
    .select(({ eb, fn, ref }) => [
      'status',
      'agent_type',
      'priority',
      fn.coalesce(ref('assignee_id'), eb.lit(0)).as('assignee_id'),
      eb.lit(1).as('conversations'),
    ])
    .where('id', '=', 0);
  const count = compileStatement(
    queries
      .insertInto('conversation_counts')
      .columns([...kind, 'conversations'])
      .expression(row)
      .onConflict((conflict) =>
        conflict.columns(kind).doUpdateSet((eb) => ({
          conversations: eb('conversation_counts.conversations', '+', eb.lit(1)),
        })),
      ),
  );
  return {
    uncount: (id) => withValues(uncount, [id]),
    count: (id) => withValues(count, [id]),
  };
}
