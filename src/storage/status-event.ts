import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { StatusChange } from './feed.ts';
import { agentName } from './shown-name.ts';

/** What an event `status` says beside how things are. */
export interface StatusCause extends Pick<StatusChange, 'formerAssigneeId' | 'cause' | 'actorId' | 'reason'> {
  conversationId: number;
  at: number;
}

/** The statement with which a unit, after it has changed the conversation, stores its event `status`. */
export function compileStatusEvent(queries: Queries): (cause: StatusCause) => Statement {
  const name = queries
    .selectFrom('users')
    .select(agentName('users').as('name'))
    .whereRef('users.id', '=', 'conversations.assignee_id' as never);
  const data = sql<string>`json_object('status', status, 'agentType', agent_type, 'assigneeId', assignee_id,
    'assigneeName', (${name}), 'formerAssigneeId', ${0}, 'priority', priority, 'tags', json(tags), 'cause', ${''}, 'actorId', ${0}, 'reason', ${''})`;
  const change = queries
    .selectFrom('conversations')
    .select(['id', 'user_id', sql.lit('status').as('type'), sql<number>`${0}`.as('at'), data.as('data')])
    .where('id', '=', 0);
  const insert = compileStatement(
    queries
      .insertInto('feed')
      .columns(['conversation_id', 'user_id', 'type', 'at', 'data'])
      .expression(change),
    1,
  );
  return ({ conversationId, at, formerAssigneeId, cause, actorId, reason }) =>
    withValues(insert, [at, formerAssigneeId, cause, actorId, reason, conversationId]);
}
