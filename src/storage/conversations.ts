import { sql } from 'kysely';
import { compileConversationChanges } from './conversation-changes.ts';
import { compileBareBegin } from './conversation-begin.ts';
import type { BeginningGuard } from './conversation-begin.ts';
import {
  conversationColumns,
  listedColumns,
  presentConversation,
  presentListed,
} from './conversation-rows.ts';
import type { Database, SqlValue } from './database.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Ids } from './ids.ts';
import { accepted } from './storage-error.ts';
import { createUserCounters } from './user-counters.ts';
import type { Claim } from './idempotency-keys.ts';
import type { NewCustomer } from './customers.ts';

export type ConversationStatus = 'open' | 'pending' | 'resolved' | 'closed';
export type AgentType = 'ai' | 'human';
export type Priority = 'low' | 'medium' | 'high' | 'urgent';

/** A conversation. Times are milliseconds since the epoch. */
export interface Conversation {
  id: number;
  /** Unguessable; opens conversations that belong to nobody. Without prefix. */
  key: string;
  /** Null where it belongs to nobody. */
  userId: number | null;
  /** The contract through which it began. */
  channel: string;
  /** Empty as long as nobody has named it. */
  title: string;
  /** The model that answers in it; null: whatever the default is. */
  model: string | null;
  /** Who is in charge: see `Handoff` of core. */
  status: ConversationStatus;
  agentType: AgentType;
  assigneeId: number | null;
  /** Rises with every change of who is in charge. */
  ownerFence: number;
  priority: Priority;
  tags: string[];
  customerId: number;
  /** Since when the customer has waited for a person's answer; null where nobody waits. */
  waitingSince: number | null;
  systemPrompt: string | null;
  /** What the guest's page said when the conversation began. */
  metadata: Record<string, unknown> | null;
  /** Without those that were removed. */
  messageCount: number;
  createdAt: number;
  /** Of the last change: a message, a new title. */
  updatedAt: number;
  lastMessageAt: number;
}

/** A conversation in a list. */
export type ListedConversation = Omit<Conversation, 'systemPrompt' | 'metadata'>;

/** A page of a list: `skip` 0 and up, `limit` 1 and up. */
export interface Page {
  skip: number;
  limit: number;
}

/** A conversation that begins before anything is said. `id` comes from `Conversations.nextId`. */
export interface NewConversation extends BeginningGuard {
  id: number;
  key: string;
  userId: number | null;
  customer: NewCustomer;
  channel: string;
  /** Empty: it is yet to be named. */
  title: string;
  model: string | null;
  metadata: Record<string, unknown> | null;
  at: number;
  day: string;
  /** The model that the day's sums count it for. */
  countedModel: string;
}

export interface Renaming {
  id: number;
  /** The conversation's; null where it belongs to nobody, here and below. */
  userId: number | null;
  title: string;
  at: number;
}

export interface NewRating {
  conversationId: number;
  userId: number | null;
  channel: string;
  /** 1 to 5. */
  score: number;
  comment: string | null;
  day: string;
  at: number;
}

export interface Rating {
  score: number;
  comment: string | null;
  createdAt: number;
}

/** Conversations. What begins or continues one is a turn: `Turns.begin`. */
export interface Conversations {
  /** An id that no other conversation has or had. */
  nextId(): Promise<number>;
  find(id: number): Promise<Conversation | undefined>;
  findByKey(key: string): Promise<Conversation | undefined>;
  /**
   * One unit: a conversation without a message, its customer, the counts and sums, an event `begun`, the claim. Rejects with `isRefusedUnit`
   * where its guard does not hold.
   */
  begin(conversation: NewConversation, claim?: Claim): Promise<void>;
  /** A user's, the newest first. A page deep inside costs what the first costs, as long as none was deleted. */
  listOf(userId: number, page: Page): Promise<ListedConversation[]>;
  /** The same with their number, of those whose model is `filter.model`, or, with `orNone`, which have none. */
  pageOf(
    userId: number,
    filter: { model: string; orNone: boolean } | undefined,
    page: Page,
  ): Promise<{ conversations: ListedConversation[]; total: number }>;
  /** The newest of a user's that began through `channel`. */
  newestOf(userId: number, channel: string): Promise<Conversation | undefined>;
  /** How many the user has. */
  countOf(userId: number): Promise<number>;
  /** How many have ever begun: the next one has the `userPlace` after it. */
  lastPlaceOf(userId: number): Promise<number>;
  /** Also an event `renamed` with `{title}`. False where the user has no such conversation. */
  rename(renaming: Renaming, claim?: Claim): Promise<boolean>;
  /**
   * With its messages, turns, log and rating; the statistics keep what was counted, also as resolved or with a person. Also an event `removed`. False where
   * the user has no such conversation.
   */
  remove(removal: { id: number; userId: number | null; at: number }, claim?: Claim): Promise<boolean>;
  /**
   * Stores or replaces the rating, takes the replaced one out of its day's sums and adds the new one to its own (4 and 5 are
   * `satisfied`; the helpdesk's sums count the scores), and an event `rated` with `{score}`. False where the user has no such conversation.
   */
  rate(rating: NewRating, claim?: Claim): Promise<boolean>;
  ratingOf(id: number): Promise<Rating | undefined>;
}

/** Conversations kept in `database`. */
export function createConversations(database: Database, queries: Queries, ids: Ids): Conversations {
  const selects = compileSelects(queries);
  const counters = createUserCounters(database, queries);
  const changes = compileConversationChanges(queries);
  const beginning = compileBareBegin(queries);
  const list = async (query: typeof selects.upTo, values: SqlValue[]): Promise<ListedConversation[]> =>
    (await database.read(withValues(query, values))).map(presentListed);
  const first = async (query: typeof selects.byId, values: SqlValue[]): Promise<Conversation | undefined> => {
    const [row] = await database.read(withValues(query, values));
    return row && presentConversation(row);
  };
  const listOf: Conversations['listOf'] = async (userId, { skip, limit }) => {
    const { count, lastPlace } = await counters.conversationsOf(userId);
    return count === lastPlace
      ? list(selects.upTo, [userId, lastPlace - skip, limit])
      : list(selects.skipping, [userId, limit, skip]);
  };

  return {
    nextId: () => ids.nextConversation(),
    find: (id) => first(selects.byId, [id]),
    findByKey: (key) => first(selects.byKey, [key]),
    async begin(conversation, claim) {
      await database.write(beginning(conversation, claim));
    },
    listOf,
    pageOf: async (userId, filter, page) => {
      if (filter === undefined) {
        const [conversations, { count }] = await Promise.all([
          listOf(userId, page),
          counters.conversationsOf(userId),
        ]);
        return { conversations, total: count };
      }
      const { skip, limit } = page;
      const { list: ofModel, count } = filter.orNone ? selects.ofModelOrNone : selects.ofModel;
      const conversations = await list(ofModel, [userId, filter.model, limit, skip]);
      const [counted] = await database.read(withValues(count, [userId, filter.model]));
      return { conversations, total: counted?.count ?? 0 };
    },
    newestOf: (userId, channel) => first(selects.newest, [userId, channel]),
    countOf: async (userId) => (await counters.conversationsOf(userId)).count,
    lastPlaceOf: async (userId) => (await counters.conversationsOf(userId)).lastPlace,
    rename: (renaming, claim) => accepted(database.write(changes.rename(renaming, claim))),
    remove: (removal, claim) => accepted(database.write(changes.remove(removal, claim))),
    rate: (rating, claim) => accepted(database.write(changes.rate(rating, claim))),
    async ratingOf(id) {
      const [row] = await database.read(withValues(selects.rating, [id]));
      return row && { ...row };
    },
  };
}

type Condition = ReturnType<typeof sql<boolean>>;

function compileSelects(queries: Queries) {
  const select = queries.selectFrom('conversations').select(conversationColumns);
  const ofUser = select.where('user_id', '=', 0);
  const newestFirst = queries
    .selectFrom('conversations')
    .select(listedColumns)
    .where('user_id', '=', 0)
    .orderBy('user_place', 'desc');
  const ofModels = (which: Condition) => ({
    list: compileQuery(newestFirst.where(which).limit(0).offset(0)),
    count: compileQuery(
      queries
        .selectFrom('conversations')
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .where('user_id', '=', 0)
        .where(which),
    ),
  });
  const rating = queries.selectFrom('ratings').select(['score', 'comment', 'created_at as createdAt']);
  return {
    byId: compileQuery(select.where('id', '=', 0)),
    byKey: compileQuery(select.where('key', '=', '')),
    upTo: compileQuery(newestFirst.where('user_place', '<=', 0).limit(0)),
    skipping: compileQuery(newestFirst.limit(0).offset(0)),
    ofModel: ofModels(sql`model = ${''}`),
    ofModelOrNone: ofModels(sql`(model = ${''} or model is null)`),
    newest: compileQuery(ofUser.where('channel', '=', '').orderBy('id', 'desc').limit(sql.lit(1))),
    rating: compileQuery(rating.where('conversation_id', '=', 0)),
  };
}
