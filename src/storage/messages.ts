import { compileAcknowledging, compileStaffAcknowledging } from './acknowledging.ts';
import type { Database, SqlValue } from './database.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Ids } from './ids.ts';
import { createUserCounters } from './user-counters.ts';
import type { Page } from './conversations.ts';

/**
 * How far a message is. A question is `sent`, or `failed` where nothing answers it; an answer is `queued`, then `running`, and ends
 * `completed`, `failed`, `cancelled` or `interrupted`.
 */
export type MessageState =
  'sent' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted';

/** Whether its reader has it: stored, on an open socket of the reader, read. Only moves forward. */
export type Receipt = 'sent' | 'delivered' | 'read';

/** A message. Times are milliseconds since the epoch. */
export interface Message {
  id: number;
  conversationId: number;
  /** Its number within the conversation, from 1. */
  place: number;
  userId: number | null;
  role: 'user' | 'assistant';
  senderType: 'user' | 'ai' | 'human';
  /** Of a person's answer: the agent. */
  senderId: number | null;
  state: MessageState;
  receipt: Receipt;
  /** Of an answer: when it ended, or as long as it has not, when it was asked for. */
  createdAt: number;
  /** Of the message alone. */
  tokens: number;
  /** Of an answer: prompt and completion together. */
  exchangeTokens: number | null;
  /** Whether the tokens are our estimate. */
  estimated: boolean;
  /** Of an answer: the message that it answers. */
  questionId: number | null;
  /** Of an answer: the model that gave it. */
  model: string | null;
  finishReason: string | null;
  /** Of a failed answer. */
  errorCode: string | null;
  errorText: string | null;
  /** Of an answer: what in the knowledge base it rests on; null where on nothing. */
  citations: Citation[] | null;
  /** Of a running answer: empty, for its text is in the log of its turn. */
  content: string;
}

/** A place in the knowledge base. */
export interface Citation {
  /** Its number in the answer's text, from 1: `[1]`. */
  number: number;
  /** Null for what came from a file. */
  articleId: number | null;
  title: string;
  /** The passage's, within its document. */
  section: string | null;
}

/** Messages. They are written by `Turns`. */
export interface Messages {
  /** An id that no other message has or had. */
  nextId(): number;
  find(id: number): Promise<Message | undefined>;
  /** Oldest first. A page deep inside costs what the first costs. */
  listOf(conversationId: number, page: Page): Promise<Message[]>;
  /** The newest of a conversation with a place below `beforePlace`, newest first. */
  newestBefore(conversationId: number, beforePlace: number, limit: number): Promise<Message[]>;
  /** `newestBefore`, with only what a model's context is made of. */
  contextBefore(conversationId: number, beforePlace: number, limit: number): Promise<ContextMessage[]>;
  /** All of a user's conversations together, in the order of their making or, `newestFirst`, the reverse; deep pages as `listOf`, as long as nothing was deleted. */
  historyOf(userId: number, page: Page & { newestFirst: boolean }): Promise<Message[]>;
  /** How many the user has in `historyOf`. */
  countOf(userId: number): Promise<number>;
  /**
   * Moves the receipts of a user's answers up to the message `upTo` (an id, included), of one conversation or of all, forward to `receipt`, with
   * one event `receipt` of `{receipt, messageIds}` for each conversation concerned. Resolves to how many moved.
   */
  acknowledge(acknowledgement: Acknowledgement): Promise<number>;
  /** The same for the customer's messages of a conversation; the event's data have `by: 'staff'` besides. What the AI was asked is read at once. */
  acknowledgeByStaff(acknowledgement: StaffAcknowledgement): Promise<number>;
}

export type ContextMessage = Pick<Message, 'id' | 'place' | 'role' | 'state' | 'tokens' | 'content'>;

export interface StaffAcknowledgement {
  conversationId: number;
  upTo: number;
  receipt: 'delivered' | 'read';
  at: number;
}

/** With `userId` null, of a conversation that belongs to nobody. */
export type Acknowledgement = Omit<StaffAcknowledgement, 'conversationId'> &
  ({ userId: number; conversationId?: number | undefined } | { userId: null; conversationId: number });

export const messageColumns = [
  'id',
  'conversation_id as conversationId',
  'place',
  'user_id as userId',
  'role',
  'sender_type as senderType',
  'state',
  'receipt',
  'created_at as createdAt',
  'tokens',
  'exchange_tokens as exchangeTokens',
  'estimated',
  'question_id as questionId',
  'model',
  'finish_reason as finishReason',
  'error_code as errorCode',
  'error_text as errorText',
  'content',
  'sender_id as senderId',
  'citations',
] as const;

/** A row of a message. */
export type MessageRow = Omit<Message, 'estimated' | 'citations' | Labelled> &
  Record<Labelled, string> & { estimated: number; citations: string | null };
type Labelled = 'role' | 'senderType' | 'state' | 'receipt';

export function presentMessage(row: MessageRow): Message {
  const citations = row.citations === null ? null : (JSON.parse(row.citations) as Citation[]);
  return { ...row, estimated: row.estimated === 1, citations } as Message;
}

/** Messages kept in `database`. */
export function createMessages(database: Database, queries: Queries, ids: Ids): Messages {
  const selects = compileSelects(queries);
  const counters = createUserCounters(database, queries);
  const acknowledging = compileAcknowledging(queries);
  const staffAcknowledging = compileStaffAcknowledging(queries);
  const list = async (query: typeof selects.byId, values: SqlValue[]): Promise<Message[]> =>
    (await database.read(withValues(query, values))).map(presentMessage);

  return {
    nextId: () => ids.nextMessage(),
    find: async (id) => (await list(selects.byId, [id]))[0],
    listOf: (conversationId, { skip, limit }) => list(selects.following, [conversationId, skip, limit]),
    newestBefore: (conversationId, beforePlace, limit) =>
      list(selects.preceding, [conversationId, beforePlace, limit]),
    contextBefore: async (conversationId, beforePlace, limit) => {
      const rows = await database.read(withValues(selects.context, [conversationId, beforePlace, limit]));
      return rows as ContextMessage[];
    },
    async historyOf(userId, { skip, limit, newestFirst }) {
      const { count, lastPlace } = await counters.messagesOf(userId);
      const { oldest, newest } = selects;
      if (count !== lastPlace) {
        return list((newestFirst ? newest : oldest).skipping, [userId, limit, skip]);
      }
      return newestFirst
        ? list(newest.from, [userId, lastPlace - skip, limit])
        : list(oldest.from, [userId, skip + 1, limit]);
    },
    countOf: async (userId) => (await counters.messagesOf(userId)).count,
    async acknowledge(acknowledgement) {
      const [, moved] = await database.write(acknowledging(acknowledgement));
      return moved?.changes ?? 0;
    },
    async acknowledgeByStaff(acknowledgement) {
      const [, moved] = await database.write(staffAcknowledging(acknowledgement));
      return moved?.changes ?? 0;
    },
  };
}

function compileSelects(queries: Queries) {
  const select = queries.selectFrom('messages').select(messageColumns);
  const context = queries
    .selectFrom('messages')
    .select(['id', 'place', 'role', 'state', 'tokens', 'content']);
  const ofConversation = select.where('conversation_id', '=', 0);
  const ofUser = select.where('user_id', '=', 0);
  const oldest = ofUser.orderBy('user_place');
  const newest = ofUser.orderBy('user_place', 'desc');
  return {
    byId: compileQuery(select.where('id', '=', 0)),
    // The places of a conversation have no gaps.
    following: compileQuery(ofConversation.where('place', '>', 0).orderBy('place').limit(0)),
    context: compileQuery(
      context.where('conversation_id', '=', 0).where('place', '<', 0).orderBy('place', 'desc').limit(0),
    ),
    preceding: compileQuery(ofConversation.where('place', '<', 0).orderBy('place', 'desc').limit(0)),
    oldest: {
      from: compileQuery(oldest.where('user_place', '>=', 0).limit(0)),
      skipping: compileQuery(oldest.limit(0).offset(0)),
    },
    newest: {
      from: compileQuery(newest.where('user_place', '<=', 0).limit(0)),
      skipping: compileQuery(newest.limit(0).offset(0)),
    },
  };
}
