import { sql } from 'kysely';
import { compileChatShare } from './chat-totals.ts';
import { compileConversationCounts } from './conversation-counts.ts';
import type { NewConversation } from './conversations.ts';
import { compileCustomerWrites, customerKey } from './customer-writes.ts';
import type { Statement } from './database.ts';
import { compileDeskShare } from './desk-sums.ts';
import { compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileEvent } from './feed.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import { compileUserCounts } from './user-counters.ts';

/** What must hold for a user's conversation to begin; left out: whatever holds. */
export interface BeginningGuard {
  /** It is the user's conversation with this number, counted from 1 and with those that were removed: no other has begun since that was read. */
  userPlace?: number | undefined;
  /** The user has no more conversations than this, with it. */
  mostOfUser?: number | undefined;
}

/** A conversation that begins, with as many messages as the rest of its unit stores. */
export interface ConversationStart extends Omit<NewConversation, 'countedModel'>, BeginningGuard {
  systemPrompt: string | null;
  messages: number;
}

/** The unit of a conversation that begins without a message. */
export function compileBareBegin(
  queries: Queries,
): (conversation: NewConversation, claim?: Claim) => Statement[] {
  const claiming = compileClaim(queries);
  const starting = compileStart(queries);
  const event = compileEvent(queries);
  const share = compileChatShare(queries);
  return (conversation, claim) => {
    const { id, userId, channel, at, day, countedModel } = conversation;
    return [
      ...claiming(claim, at),
      ...starting({ ...conversation, systemPrompt: null, messages: 0 }),
      event({ conversationId: id, userId, type: 'begun', messageId: null, at, data: null }),
      share({ userId, day, channel, model: countedModel, chats: 1 }),
    ];
  };
}

/** The conversation's row with its user's counters, its customer, and whatever counts conversations. */
export function compileStart(queries: Queries): (start: ConversationStart) => Statement[] {
  const counts = compileConversationCounts(queries);
  const customers = compileCustomerWrites(queries);
  const userCounts = compileUserCounts(queries);
  const deskShare = compileDeskShare(queries);
  const insert = compileInsert(queries);

  return (start) => {
    const { id, key, userId, customer, channel, title, model, systemPrompt, metadata, messages, at, day } =
      start;
    const row = [id, key, userId, userId, channel, title, messages, at, at, at, customerKey(customer), day];
    const rest = [metadata === null ? null : JSON.stringify(metadata), model, systemPrompt];
    return [
      customers.begins(customer, at),
      ...userCounts.begins(userId, messages),
      ...userCounts.allows(userId, start),
      withValues(insert, [...row, ...rest]),
      counts.count(id),
      deskShare({ day, begun: 1 }),
    ];
  };
}

function compileInsert(queries: Queries): Statement {
  const place = queries
    .selectFrom('user_counters')
    .select('last_conversation_place')
    .where('user_id', '=', 0);
  const customer = queries.selectFrom('customers').select('customers.id').where('customers.key', '=', '');
  return compileStatement(
    queries.insertInto('conversations').values({
      id: 0,
      key: '',
      user_id: 0,
      user_place: place,
      channel: '',
      title: '',
      status: sql.lit('open'),
      message_count: 0,
      created_at: 0,
      updated_at: 0,
      last_message_at: 0,
      customer_id: customer,
      day: '',
      metadata: '',
      model: '',
      system_prompt: '',
    }),
  );
}
