import { sql } from 'kysely';
import { compileChatShare } from './chat-totals.ts';
import { aiInCharge, compileSaying } from './conversation-touch.ts';
import { compileCustomerWrites } from './customer-writes.ts';
import type { Statement } from './database.ts';
import { compileStatement, isSame, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import type { JoiningQuestion } from './turns.ts';
import { compileUserCounts } from './user-counters.ts';

/** The unit in which a question joins a turn. */
export function compileJoin(queries: Queries): (question: JoiningQuestion, claim?: Claim) => Statement[] {
  const claiming = compileClaim(queries);
  const counts = compileUserCounts(queries);
  const customers = compileCustomerWrites(queries);
  const event = compileEvent(queries);
  const share = compileChatShare(queries);
  const { requeue, say, moveOn, insert, moveLast } = compileSteps(queries);

  return (question, claim) => {
    const { turnId, fence, conversationId, userId, channel, questionId, questionTokens, at, day } = question;
    const row = [questionId, conversationId, turnId, userId, turnId, at, questionTokens, question.question];
    return [
      ...claiming(claim, at),
      withValues(requeue, [questionId, turnId, fence, conversationId, turnId]),
      withValues(say, [at, at, null, conversationId, userId]),
      ...counts.adds(userId, 1),
      withValues(moveOn, [questionId, at, turnId, conversationId]),
      withValues(insert, row),
      ...(userId === null ? [] : [withValues(moveLast, [userId, turnId])]),
      customers.isSeen(conversationId, at),
      event({ conversationId, userId, type: 'asked', messageId: questionId, at, data: { turnId } }),
      share({ userId, day, channel, model: question.countedModel, messages: 1 }),
    ];
  };
}

/** A place is free before the question takes it: the answer's place moves first, and its place with the user after that. */
function compileSteps(queries: Queries) {
  const said = queries.selectFrom('turn_log').select('turn_id').where('turn_id', '=', 0);
  const requeue = queries
    .updateTable('turns')
    .set({ state: sql.lit('queued'), question_id: 0 })
    .where('id', '=', 0)
    .where('fence', '=', 0)
    .where('conversation_id', '=', 0)
    .where(({ not, exists }) => not(exists(said)));
  // Only the conversation's last message can move.
  const previous = queries
    .selectFrom('conversations')
    .select(({ eb }) => eb('message_count', '-', eb.lit(1)).as('place'))
    .where('id', '=', 0);
  const moveOn = queries
    .updateTable('messages')
    .set((eb) => ({
      place: eb('place', '+', eb.lit(1)),
      state: sql.lit('queued'),
      question_id: 0,
      created_at: 0,
    }))
    .where('id', '=', 0)
    .where('place', '=', previous);
  const last = queries.selectFrom('user_counters').select('last_message_place').where('user_id', '=', 0);
  return {
    requeue: compileStatement(requeue, 1),
    say: compileStatement(
      compileSaying(queries, 1).where('id', '=', 0).where(isSame('user_id')).where(aiInCharge),
      1,
    ),
    moveOn: compileStatement(moveOn, 1),
    insert: compileInsert(queries),
    moveLast: compileStatement(queries.updateTable('messages').set({ user_place: last }).where('id', '=', 0)),
  };
}

/** In front of the answer, which has already moved on in the conversation, but not with the user. */
function compileInsert(queries: Queries): Statement {
  const answer = queries.selectFrom('messages').where('id', '=', 0);
  return compileStatement(
    queries.insertInto('messages').values((eb) => ({
      id: 0,
      conversation_id: 0,
      place: answer.select((of) => of('place', '-', of.lit(1)).as('place')),
      user_id: 0,
      user_place: answer.select('user_place'),
      role: sql.lit('user'),
      sender_type: sql.lit('user'),
      state: sql.lit('sent'),
      receipt: sql.lit('read'),
      created_at: 0,
      tokens: 0,
      estimated: eb.lit(1),
      content: '',
    })),
  );
}
