import { sql } from 'kysely';
import { compileChatShare } from './chat-totals.ts';
import { compileConversationCounts } from './conversation-counts.ts';
import type { NewRating, Renaming } from './conversations.ts';
import { compileCustomerWrites } from './customer-writes.ts';
import type { Statement } from './database.ts';
import { compileDeskShare } from './desk-sums.ts';
import { compileStatement, isSame, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';

/** The units that change a conversation; each is refused where the user has no such conversation. */
export function compileConversationChanges(queries: Queries) {
  const claiming = compileClaim(queries);
  const event = compileEvent(queries);
  const removing = compileRemoval(queries);
  const rating = compileRating(queries);
  const rename = compileStatement(
    queries
      .updateTable('conversations')
      .set({ title: '', updated_at: 0 })
      .where('id', '=', 0)
      .where(isSame('user_id')),
    1,
  );

  return {
    rename: ({ id, userId, title, at }: Renaming, claim?: Claim): Statement[] => [
      ...claiming(claim, at),
      withValues(rename, [title, at, id, userId]),
      event({ conversationId: id, userId, type: 'renamed', messageId: null, at, data: { title } }),
    ],
    remove: (
      { id, userId, at }: { id: number; userId: number | null; at: number },
      claim?: Claim,
    ): Statement[] => [
      ...claiming(claim, at),
      ...removing(id, userId),
      event({ conversationId: id, userId, type: 'removed', messageId: null, at, data: null }),
    ],
    rate: (newRating: NewRating, claim?: Claim): Statement[] => {
      const { conversationId, userId, score, at } = newRating;
      return [
        ...claiming(claim, at),
        ...rating(newRating),
        event({ conversationId, userId, type: 'rated', messageId: null, at, data: { score } }),
      ];
    },
  };
}

function compileRemoval(queries: Queries): (id: number, userId: number | null) => Statement[] {
  const counts = compileConversationCounts(queries);
  const customers = compileCustomerWrites(queries);
  const running = queries.selectFrom('turns').select('id').where('conversation_id', '=', 0);
  const removeLog = compileStatement(queries.deleteFrom('turn_log').where('turn_id', 'in', running));
  const uncount = compileUncount(queries);
  // Messages, turns and the rating go with it.
  const remove = compileStatement(
    queries.deleteFrom('conversations').where('id', '=', 0).where(isSame('user_id')),
    1,
  );
  return (id, userId) => [
    ...(userId === null ? [] : [withValues(uncount, [id, userId, id, userId])]),
    counts.uncount(id),
    customers.loses(id),
    withValues(removeLog, [id]),
    withValues(remove, [id, userId]),
  ];
}

function compileUncount(queries: Queries): Statement {
  const messages = queries
    .selectFrom('conversations')
    .select(({ eb }) => eb('message_count', '-', eb.ref('removed_messages')).as('messages'))
    .where('id', '=', 0);
  return compileStatement(
    queries
      .updateTable('user_counters')
      .set((eb) => ({
        conversations: eb('conversations', '-', eb.lit(1)),
        messages: eb('messages', '-', messages),
      }))
      .where('user_id', '=', 0)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('conversations')
            .select('conversations.id')
            .where('conversations.id', '=', 0)
            .where('conversations.user_id', '=', 0),
        ),
      ),
    1,
  );
}

function compileRating(queries: Queries): (rating: NewRating) => Statement[] {
  const share = compileChatShare(queries);
  const takeBack = compileStatement(
    queries
      .updateTable('chat_daily')
      .from('ratings')
      .set((eb) => ({
        ratings: eb('chat_daily.ratings', '-', eb.lit(1)),
        satisfied: sql<number>`satisfied - (case when ratings.score >= 4 then 1 else 0 end)`,
      }))
      .where('ratings.conversation_id', '=', 0)
      .where(sql<boolean>`chat_daily.user_id in (0, ratings.user_id)`)
      .whereRef('chat_daily.day', '=', 'ratings.day')
      .whereRef('chat_daily.channel', '=', 'ratings.channel')
      .where('chat_daily.model', '=', sql.lit('')),
  );
  const takeBackScore = compileStatement(
    queries
      .updateTable('desk_daily')
      .from('ratings')
      .set((eb) => ({
        ratings: eb('desk_daily.ratings', '-', eb.lit(1)),
        scores: eb('desk_daily.scores', '-', eb.ref('ratings.score')),
      }))
      .where('ratings.conversation_id', '=', 0)
      .whereRef('desk_daily.day', '=', 'ratings.day'),
  );
  const deskShare = compileDeskShare(queries);
  const put = compilePut(queries);
  return ({ conversationId, userId, channel, score, comment, day, at }) => [
    withValues(takeBack, [conversationId]),
    withValues(takeBackScore, [conversationId]),
    withValues(put, [channel, score, comment, day, at, conversationId, userId]),
    share({ userId, day, channel, ratings: 1, satisfied: score >= 4 ? 1 : 0 }),
    deskShare({ day, ratings: 1, scores: score }),
  ];
}

function compilePut(queries: Queries): Statement {
  const replaced = ['channel', 'score', 'comment', 'day', 'created_at'] as const;
  const row = queries
    .selectFrom('conversations')
    .select(({ val }) => [
      'id',
      'user_id',
      val('').as('channel'),
      val(0).as('score'),
      val<string | null>('').as('comment'),
      val('').as('day'),
      val(0).as('created_at'),
    ])
    .where('id', '=', 0)
    .where(isSame('user_id'));
  return compileStatement(
    queries
      .insertInto('ratings')
      .columns(['conversation_id', 'user_id', ...replaced])
      .expression(row)
      .onConflict((conflict) =>
        conflict
          .column('conversation_id')
          .doUpdateSet((eb) =>
            Object.fromEntries(replaced.map((name) => [name, eb.ref(`excluded.${name}`)])),
          ),
      ),
    1,
  );
}
