import { sql } from 'kysely';
import type { Statement } from './database.ts';
import { aNumber, aText, compileStatement, isPostgres, jsonObject, withValues } from './dialect.ts';
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
  const tags = isPostgres(queries) ? sql`tags::json` : sql`json(tags)`;
  const data = jsonObject(queries, {
    status: sql.ref('status'),
    agentType: sql.ref('agent_type'),
    assigneeId: sql.ref('assignee_id'),
    assigneeName: sql`(${name})`,
    formerAssigneeId: aNumber(queries),
    priority: sql.ref('priority'),
    tags,
    cause: aText(queries),
    actorId: aNumber(queries),
    reason: aText(queries),
  });
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
