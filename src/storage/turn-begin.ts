import { sql } from 'kysely';
import { compileChatShare } from './chat-totals.ts';
import { compileStart } from './conversation-begin.ts';
import { aiInCharge, compileSaying } from './conversation-touch.ts';
import { compileCustomerWrites } from './customer-writes.ts';
import type { Statement } from './database.ts';
import { aText, compileStatement, isSame, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { compileParts } from './media.ts';
import type { NewTurn } from './turns.ts';
import { compileUserCounts } from './user-counters.ts';

/** The unit that begins a turn. */
export function compileBegin(
  queries: Queries,
): (turn: NewTurn, claim: Claim | undefined, mediaIds: readonly number[]) => Statement[] {
  const claiming = compileClaim(queries);
  const conversationOf = compileConversation(queries);
  const insertMessages = compileMessages(queries);
  const insertTurn = compileTurn(queries);
  const partsOf = compileParts(queries);
  const event = compileEvent(queries);
  const share = compileChatShare(queries);

  return (turn, claim, mediaIds) => {
    const { id, questionId, userId, channel, at, day, countedModel: model } = turn;
    const chats = turn.conversation.kind === 'new' ? 1 : 0;
    const conversationId = turn.conversation.id;
    const state = [conversationId, turn.state];
    const own = [conversationId, userId];
    const parts = partsOf(questionId, turn.parts, mediaIds);
    const said = [turn.questionTokens, turn.question, parts.row];
    const question = [questionId, conversationId, ...own, userId, at, ...said];
    const answer = [id, conversationId, ...own, userId, ...state, at, questionId];
    const lease = [turn.node, turn.leaseUntil, at, JSON.stringify(turn.origin ?? null)];
    return [
      ...claiming(claim, at),
      ...conversationOf(turn),
      withValues(insertMessages, [...question, ...answer]),
      ...parts.media,
      withValues(insertTurn, [id, conversationId, questionId, userId, ...state, ...lease]),
      event({ conversationId, userId, type: 'asked', messageId: questionId, at, data: { turnId: id } }),
      share({ userId, day, channel, model, chats, messages: 1 }),
    ];
  };
}

/** The conversation, made or found, and its user's counters: both already count the two new messages. */
function compileConversation(queries: Queries): (turn: NewTurn) => Statement[] {
  const starting = compileStart(queries);
  const counts = compileUserCounts(queries);
  const customers = compileCustomerWrites(queries);
  const saying = compileSaying(queries, 2);
  const hasRoom = sql<boolean>`(select count(*) from turns where conversation_id = conversations.id) <= ${0}`;
  const continueIt = compileStatement(
    saying
      .set(({ fn, val, ref }) => ({ system_prompt: fn.coalesce(val(''), ref('system_prompt')) }))
      .where('id', '=', 0)
      .where(isSame('user_id'))
      .where(aiInCharge)
      .where(hasRoom),
    1,
  );

  return ({ conversation, userId, channel, systemPrompt = null, at, day }) => {
    const { id } = conversation;
    if (conversation.kind === 'new') {
      const { kind: _kind, ...began } = conversation;
      const start = { ...began, userId, channel, model: null, systemPrompt, metadata: null };
      return starting({ ...start, messages: 2, at, day });
    }
    return [
      withValues(continueIt, [
        at,
        at,
        conversation.title ?? null,
        systemPrompt,
        id,
        userId,
        conversation.mostWaiting ?? Number.MAX_SAFE_INTEGER,
      ]),
      ...counts.adds(userId, 2),
      customers.isSeen(id, at),
    ];
  };
}

/** Question and answer in one statement; their places follow from counts that include them. */
function compileMessages(queries: Queries): Statement {
  const place = (back: number) =>
    queries
      .selectFrom('conversations')
      .select(({ eb }) => eb('message_count', '-', eb.lit(back)).as('place'))
      .where('id', '=', 0);
  const userPlace = (back: number) =>
    queries
      .selectFrom('user_counters')
      .select(({ eb }) => eb('last_message_place', '-', eb.lit(back)).as('place'))
      .where('user_id', '=', 0);
  return compileStatement(
    queries.insertInto('messages').values((eb) => [
      {
        id: 0,
        conversation_id: 0,
        place: place(1),
        user_place: userPlace(1),
        user_id: 0,
        role: sql.lit('user'),
        sender_type: sql.lit('user'),
        state: sql.lit('sent'),
        receipt: sql.lit('read'),
        created_at: 0,
        tokens: 0,
        // No vendor reports the tokens of one message.
        estimated: eb.lit(1),
        question_id: eb.lit(null),
        content: '',
        parts: '',
      },
      {
        id: 0,
        conversation_id: 0,
        place: place(0),
        user_place: userPlace(0),
        user_id: 0,
        role: sql.lit('assistant'),
        sender_type: sql.lit('ai'),
        state: stateOf(queries),
        receipt: sql.lit('sent'),
        created_at: 0,
        tokens: eb.lit(0),
        estimated: eb.lit(0),
        question_id: 0,
        content: sql.lit(''),
        parts: eb.lit(null),
      },
    ]),
  );
}

function compileTurn(queries: Queries): Statement {
  return compileStatement(
    queries
      .insertInto('turns')
      .values((eb) => ({
        id: 0,
        conversation_id: 0,
        question_id: 0,
        user_id: 0,
        state: stateOf(queries),
        node: '',
        fence: eb.lit(1),
        lease_until: 0,
        began_at: 0,
        origin: '',
      }))
      .returning('state'),
  );
}

/** `queued` where the conversation of this place has a turn, else the state that takes the place after it. */
function stateOf(queries: Queries) {
  const earlier = queries.selectFrom('turns').select('id').where('conversation_id', '=', 0);
  return sql<string>`case when exists ${earlier} then 'queued' else ${aText(queries)} end`;
}
