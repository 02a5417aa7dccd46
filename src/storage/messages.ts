import { compileAcknowledging, compileStaffAcknowledging } from './acknowledging.ts';
import type { Database, SqlValue } from './database.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { Ids } from './ids.ts';
import { createMedia, partsFrom } from './media.ts';
import { createMessagePages } from './message-pages.ts';
import { compileMessageRemoval } from './message-removal.ts';
import { messageColumns, presentMessage } from './message-rows.ts';
import { accepted } from './storage-error.ts';
import { createUserCounters } from './user-counters.ts';
import type { Page } from './conversations.ts';
import type { Claim } from './idempotency-keys.ts';

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
  /** The plain text; of a running answer empty, for its text is in the log of its turn. */
  content: string;
  /** What the message consists of; null where that is one text, its content. */
  parts: MessagePart[] | null;
}

/** A part of a message. What came within the message itself is kept as a medium: see `Messages.mediaOf`. */
export type MessagePart =
  | { type: 'text'; text: string }
  | { type: 'image' | 'video'; url: string }
  | { type: 'image' | 'video'; mediaId: number; bytes: number };

/** A part of a message that is yet to be stored: of an image or video the `https:` or `data:` URL. */
export type NewPart = { type: 'text'; text: string } | { type: 'image' | 'video'; url: string };

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

/** A page of a conversation. */
export interface MessagePage {
  /** Oldest first. */
  messages: Message[];
  total: number;
  /** The ids of answers that have not ended, the oldest first. */
  pending: number[];
}

export interface MessageRemoval {
  id: number;
  conversationId: number;
  /** Of the conversation. */
  userId: number | null;
  at: number;
}

/** Messages. They are written by `Turns`. */
export interface Messages {
  /** An id that no other message has or had. */
  nextId(): Promise<number>;
  find(id: number): Promise<Message | undefined>;
  /** Oldest first. A page deep inside costs what the first costs. */
  listOf(conversationId: number, page: Page): Promise<Message[]>;
  /**
   * The same without the answers that have not ended, which are `pending`, and those that somebody else took over before they said a word;
   * `total` is without them too.
   */
  pageOf(conversationId: number, page: Page): Promise<MessagePage>;
  /** The newest of a conversation with a place below `beforePlace`, newest first. */
  newestBefore(conversationId: number, beforePlace: number, limit: number): Promise<Message[]>;
  /** `newestBefore`, with only what a model's context is made of. */
  contextBefore(conversationId: number, beforePlace: number, limit: number): Promise<ContextMessage[]>;
  /** All of a user's conversations together, in the order of their making or, `newestFirst`, the reverse; deep pages as `listOf`, as long as nothing was deleted. */
  historyOf(userId: number, page: Page & { newestFirst: boolean }): Promise<Message[]>;
  /** The `data:` URLs of media by their ids. Of one that was removed there is none. */
  mediaOf(ids: readonly number[]): Promise<Map<number, string>>;
  /** How many the user has in `historyOf`. */
  countOf(userId: number): Promise<number>;
  /**
   * One unit: the message with its media, its turn and log where it is an answer on its way; the counters fall, the places stay, and so do the statistics; an
   * event `message_removed`, the claim. False where the conversation has no such message, or the user no such conversation.
   */
  remove(removal: MessageRemoval, claim?: Claim): Promise<boolean>;
  /**
   * Moves the receipts of a user's answers up to the message `upTo` (an id, included), of one conversation or of all, forward to `receipt`, with
   * one event `receipt` of `{receipt, messageIds}` for each conversation concerned. Resolves to how many moved.
   */
  acknowledge(acknowledgement: Acknowledgement): Promise<number>;
  /** The same for the customer's messages of a conversation; the event's data have `by: 'staff'` besides. What the AI was asked is read at once. */
  acknowledgeByStaff(acknowledgement: StaffAcknowledgement): Promise<number>;
}

export type ContextMessage = Pick<
  Message,
  'id' | 'place' | 'role' | 'state' | 'tokens' | 'content' | 'parts'
>;

export interface StaffAcknowledgement {
  conversationId: number;
  upTo: number;
  receipt: 'delivered' | 'read';
  at: number;
}

/** With `userId` null, of a conversation that belongs to nobody. */
export type Acknowledgement = Omit<StaffAcknowledgement, 'conversationId'> &
  ({ userId: number; conversationId?: number | undefined } | { userId: null; conversationId: number });

/** Messages kept in `database`. */
export function createMessages(database: Database, queries: Queries, ids: Ids): Messages {
  const selects = compileSelects(queries);
  const counters = createUserCounters(database, queries);
  const media = createMedia(database, queries);
  const pages = createMessagePages(database, queries);
  const removing = compileMessageRemoval(queries);
  const acknowledging = compileAcknowledging(queries);
  const staffAcknowledging = compileStaffAcknowledging(queries);
  const list = async (query: typeof selects.byId, values: SqlValue[]): Promise<Message[]> =>
    (await database.read(withValues(query, values))).map(presentMessage);

  return {
    nextId: () => ids.nextMessage(),
    find: async (id) => (await list(selects.byId, [id]))[0],
    listOf: pages.listOf,
    pageOf: pages.pageOf,
    newestBefore: (conversationId, beforePlace, limit) =>
      list(selects.preceding, [conversationId, beforePlace, limit]),
    contextBefore: async (conversationId, beforePlace, limit) => {
      const rows = await database.read(withValues(selects.context, [conversationId, beforePlace, limit]));
      return rows.map((row) => ({ ...row, parts: partsFrom(row.parts) }) as ContextMessage);
    },
    mediaOf: (mediaIds) => media.of(mediaIds),
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
    remove: (removal, claim) => accepted(database.write(removing(removal, claim))),
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
    .select(['id', 'place', 'role', 'state', 'tokens', 'content', 'parts']);
  const ofConversation = select.where('conversation_id', '=', 0);
  const ofUser = select.where('user_id', '=', 0);
  const oldest = ofUser.orderBy('user_place');
  const newest = ofUser.orderBy('user_place', 'desc');
  return {
    byId: compileQuery(select.where('id', '=', 0)),
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
