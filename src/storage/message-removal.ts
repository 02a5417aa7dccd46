import type { Statement } from './database.ts';
import { compileStatement, isSame, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import type { MessageRemoval } from './messages.ts';

/** The unit that removes a message; refused where the conversation has no such message, or the user no such conversation. */
export function compileMessageRemoval(
  queries: Queries,
): (removal: MessageRemoval, claim?: Claim) => Statement[] {
  const claiming = compileClaim(queries);
  const event = compileEvent(queries);
  const { uncount, uncountOfUser, removeLog, remove } = compileSteps(queries);
  return ({ id, conversationId, userId, at }, claim) => [
    ...claiming(claim, at),
    withValues(uncount, [at, conversationId, userId]),
    ...(userId === null ? [] : [withValues(uncountOfUser, [userId])]),
    withValues(removeLog, [id]),
    withValues(remove, [id, conversationId]),
    event({ conversationId, userId, type: 'message_removed', messageId: id, at, data: null }),
  ];
}

function compileSteps(queries: Queries) {
  const conversation = queries
    .updateTable('conversations')
    .set((eb) => ({ removed_messages: eb('removed_messages', '+', eb.lit(1)), updated_at: 0 }))
    .where('id', '=', 0)
    .where(isSame('user_id'));
  const counters = queries
    .updateTable('user_counters')
    .set((eb) => ({ messages: eb('messages', '-', eb.lit(1)) }))
    .where('user_id', '=', 0);
  return {
    uncount: compileStatement(conversation, 1),
    uncountOfUser: compileStatement(counters, 1),
    removeLog: compileStatement(queries.deleteFrom('turn_log').where('turn_id', '=', 0)),
    // Its media, and its turn where it is an answer on its way, go with it.
    remove: compileStatement(
      queries.deleteFrom('messages').where('id', '=', 0).where('conversation_id', '=', 0),
      1,
    ),
  };
}
