import { sql } from 'kysely';
import { compileChatShare } from './chat-totals.ts';
import { compileSaying } from './conversation-touch.ts';
import { compileCustomerWrites } from './customer-writes.ts';
import type { Database, Statement } from './database.ts';
import { compileDeskMarks } from './desk-sums.ts';
import { compileStatement, greater, isSame, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import type { Ids } from './ids.ts';
import { compileParts, mediaIdsFor } from './media.ts';
import type { StoredParts } from './media.ts';
import type { NewPart } from './messages.ts';
import { accepted } from './storage-error.ts';
import { compileUserCounts } from './user-counters.ts';

/** A message that no answer is begun for: a customer's to a person, or a person's to a customer. */
export interface NewPost {
  /** From `Messages.nextId`. */
  id: number;
  conversationId: number;
  /** Of the conversation. */
  userId: number | null;
  channel: string;
  /** The agent who writes; null for the customer. */
  agentId: number | null;
  /** Its plain text. */
  content: string;
  /** What it consists of, where that is more than one text. */
  parts?: readonly NewPart[] | undefined;
  /** Names the conversation where nobody has named it yet. */
  title?: string | undefined;
  tokens: number;
  at: number;
  day: string;
  /** The model that the day's sums count it for. */
  countedModel: string;
}

/** Messages without a turn. */
export interface Posts {
  /**
   * One unit: the message (a customer's: role `user`, receipt `sent`; an agent's: role `assistant`, `senderType` `human`, state `completed`, receipt
   * `sent`), the counters, the day's sums, an event `asked` with `{turnId: null}` or `replied`, the claim. A customer's message sets
   * `waitingSince` where nobody waits yet; an agent's ends the wait, which counts as response time in the helpdesk's sums. False,
   * and nothing stored, unless who is in charge is who it must be: for a customer's message a person, or the queue (`agentType` `human`, and
   * not over); for an agent's that agent (`open`, `human`, the assignee).
   */
  post(post: NewPost, claim?: Claim): Promise<boolean>;
}

/** Posts kept in `database`. */
export function createPosts(database: Database, queries: Queries, ids: Ids): Posts {
  const ofCustomer = compileOfCustomer(queries);
  const ofAgent = compileOfAgent(queries);
  const claiming = compileClaim(queries);
  const share = compileChatShare(queries);
  const partsOf = compileParts(queries);
  const unit = (post: NewPost, claim: Claim | undefined, mediaIds: readonly number[]): Statement[] => {
    const { userId, day, channel, agentId, at, countedModel: model } = post;
    const parts = partsOf(post.id, post.parts, mediaIds);
    return [
      ...claiming(claim, at),
      ...(agentId === null ? ofCustomer(post, parts) : ofAgent(post, parts, agentId)),
      ...parts.media,
      share({ userId, day, channel, model, messages: 1 }),
    ];
  };
  return {
    async post(post, claim) {
      const asked = mediaIdsFor(ids, post.parts);
      // Waited for only where there is something: units run in the order of the calls.
      const mediaIds = asked === undefined ? [] : await asked;
      return accepted(database.write(unit(post, claim, mediaIds)));
    },
  };
}

function compileOfCustomer(queries: Queries): (post: NewPost, parts: StoredParts) => Statement[] {
  const counts = compileUserCounts(queries);
  const customers = compileCustomerWrites(queries);
  const event = compileEvent(queries);
  const insert = compileInsert(queries, 'customer');
  const say = compileStatement(
    compileSaying(queries, 1)
      .set(({ fn, ref, val }) => ({ waiting_since: fn.coalesce(ref('waiting_since'), val(0)) }))
      .where('id', '=', 0)
      .where(isSame('user_id'))
      .where(sql<boolean>`agent_type = 'human' and status in ('open', 'pending')`),
    1,
  );
  return (post, parts) => {
    const { conversationId, userId, title = null, at, id } = post;
    return [
      withValues(say, [at, at, title, at, conversationId, userId]),
      ...counts.adds(userId, 1),
      withValues(insert, rowOf(post, parts)),
      customers.isSeen(conversationId, at),
      event({ conversationId, userId, type: 'asked', messageId: id, at, data: { turnId: null } }),
    ];
  };
}

function compileOfAgent(
  queries: Queries,
): (post: NewPost, parts: StoredParts, agentId: number) => Statement[] {
  const counts = compileUserCounts(queries);
  const marks = compileDeskMarks(queries);
  const event = compileEvent(queries);
  const insert = compileInsert(queries, 'agent');
  const endWait = compileEndOfWait(queries);
  const say = compileStatement(
    compileSaying(queries, 1)
      .set((eb) => ({ waiting_since: eb.lit(null), human: eb.lit(1) }))
      .where('id', '=', 0)
      .where(isSame('user_id'))
      .where(sql<boolean>`agent_type = 'human' and status = 'open' and assignee_id = ${0}`),
    1,
  );
  return (post, parts, agentId) => {
    const { conversationId, userId, at, day, id } = post;
    return [
      marks.countHuman(conversationId),
      withValues(endWait, [day, at, conversationId]),
      withValues(say, [at, at, null, conversationId, userId, agentId]),
      ...counts.adds(userId, 1),
      withValues(insert, [...rowOf(post, parts), agentId]),
      event({ conversationId, userId, type: 'replied', messageId: id, at, data: null }),
    ];
  };
}

/** Adds how long the customer has waited to the day's sums, before the wait ends; nothing where nobody waits. */
function compileEndOfWait(queries: Queries): Statement {
  const wait = queries
    .selectFrom('conversations')
    .select((eb) => [
      eb.val('').as('day'),
      eb.lit(0).as('begun'),
      eb.lit(0).as('human'),
      eb.lit(0).as('over'),
      eb.lit(1).as('replies'),
      greater(queries, sql.lit(0), sql`${0} - waiting_since`).as('reply_ms'),
      eb.lit(0).as('ratings'),
      eb.lit(0).as('scores'),
    ])
    .where('id', '=', 0)
    .where('waiting_since', 'is not', null);
  return compileStatement(
    queries
      .insertInto('desk_daily')
      .columns(['day', 'begun', 'human', 'over', 'replies', 'reply_ms', 'ratings', 'scores'])
      .expression(wait)
      .onConflict((conflict) =>
        conflict.column('day').doUpdateSet((eb) => ({
          replies: eb('desk_daily.replies', '+', eb.ref('excluded.replies')),
          reply_ms: eb('desk_daily.reply_ms', '+', eb.ref('excluded.reply_ms')),
        })),
      ),
  );
}

/** In the order of `compileInsert`. */
function rowOf({ id, conversationId, userId, at, tokens, content }: NewPost, parts: StoredParts) {
  return [id, conversationId, conversationId, userId, userId, at, tokens, content, parts.row];
}

/** The conversation's last message; it and its user have counted it already. */
function compileInsert(queries: Queries, by: 'customer' | 'agent'): Statement {
  const place = queries.selectFrom('conversations').select('message_count').where('id', '=', 0);
  const userPlace = queries.selectFrom('user_counters').select('last_message_place').where('user_id', '=', 0);
  const [role, senderType, state] =
    by === 'customer' ? ['user', 'user', 'sent'] : ['assistant', 'human', 'completed'];
  return compileStatement(
    queries.insertInto('messages').values((eb) => ({
      id: 0,
      conversation_id: 0,
      place,
      user_id: 0,
      user_place: userPlace,
      role: sql.lit(role),
      sender_type: sql.lit(senderType),
      state: sql.lit(state),
      receipt: sql.lit('sent'),
      created_at: 0,
      tokens: 0,
      estimated: eb.lit(1),
      content: '',
      parts: '',
      ...(by === 'agent' ? { sender_id: 0 } : {}),
    })),
  );
}
