import type {
  Conversation,
  Conversations as ConversationRows,
  ListedConversation,
  Page,
  Rating,
} from '../../storage/conversations.ts';
import type { Feed } from '../../storage/feed.ts';
import type { Messages } from '../../storage/messages.ts';
import type { Catalogue } from '../completions/catalogue.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import type { Caller, GuestCaller, Participant, UserCaller } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';
import type { DayOf } from '../statistics/calendar.ts';
import { begin } from './begin.ts';
import { createConversationWrites } from './conversation-writes.ts';
import { createMessageReads, type MessageReads } from './message-reads.ts';
import { belongsToAnother, noSuchConversation, ownConversation } from './own.ts';
import type { Whose } from './own.ts';

export type { Conversation, ListedConversation, Page, Rating } from '../../storage/conversations.ts';
export type { Message } from '../../storage/messages.ts';
export type { WholeMessage } from './whole-message.ts';

/** What a user thinks of a conversation. */
export interface NewRating {
  /** 1 to 5. */
  score: number;
  /** Up to 2,000 characters. */
  comment?: string | null | undefined;
}

export interface GivenRating extends Rating {
  conversationId: number;
}

/** That a user has answers, or has read them. */
export interface Acknowledgement {
  /** Left out: all conversations of the user. */
  conversationId?: number | undefined;
  /** The newest message concerned; older ones are with it. */
  upTo: number;
  receipt: 'delivered' | 'read';
}

/**
 * Conversations as those see them who take part. Somebody else's is `not_found`, like one that does not exist: who asks must
 * not learn which. The content of a running answer is what it has said so far.
 */
export interface Conversations extends ConversationWrites, MessageReads {
  /** The guest who shows the key of a conversation that belongs to nobody; undefined for any other key. */
  asGuest(ip: string, key: string): Promise<GuestCaller | undefined>;
  /** A conversation that begins before anything is said: a user's own, or, for a guest, nobody's. */
  begin(caller: Caller, start: ConversationStart, idempotency?: Idempotency): Promise<Conversation>;
  /** The caller's, newest first. */
  list(caller: UserCaller, page: Page): Promise<ListedConversation[]>;
  /** The same with their number; with a `model`, only those in which it answers: the default does where none was chosen. */
  page(
    caller: UserCaller,
    filter: { model?: string | undefined },
    page: Page,
  ): Promise<{ conversations: ListedConversation[]; total: number }>;
  /** Whether it is there and somebody else's, or nobody's. */
  belongsToAnother(caller: UserCaller, what: Whose): Promise<boolean>;
  get(caller: Participant, id: number): Promise<Conversation>;
  /** By its unguessable key, which opens what belongs to nobody to everybody; else to the owner, agents and administrators. */
  open(caller: Caller, key: string): Promise<Conversation>;
  /** The caller's newest conversation of a contract, as long as it is not idle for too long. */
  current(caller: UserCaller, channel: string): Promise<Conversation | undefined>;
  /** The same however long it has been idle. */
  newest(caller: UserCaller, channel: string): Promise<Conversation | undefined>;
}

/** What changes conversations, beside turns. */
export interface ConversationWrites {
  /** Throws `invalid_request` unless the title has 1 to 200 characters. */
  rename(caller: UserCaller, id: number, title: string, idempotency?: Idempotency): Promise<Conversation>;
  /** With all its messages; answers on their way are stopped. */
  remove(caller: Participant, id: number, idempotency?: Idempotency): Promise<void>;
  /** One's own, or an answer to oneself; of an answer on its way, and of its question, the answer is stopped first. Throws `not_found`. */
  removeMessage(caller: UserCaller, messageId: number, idempotency?: Idempotency): Promise<void>;
  /** Replaces an earlier rating. A repeat resolves to the rating that it gave, of whatever conversation. Throws `invalid_request`. */
  rate(caller: Participant, id: number, rating: NewRating, idempotency?: Idempotency): Promise<GivenRating>;
  /** Receipts only move forward, so that a repeat changes nothing. */
  acknowledge(caller: Participant, acknowledgement: Acknowledgement): Promise<void>;
}

/** How a conversation begins. */
export interface ConversationStart {
  contract: string;
  /** What the page calls its visitor; one is made up where it is left out, and it means nothing for who is logged in. */
  guestId?: string | undefined;
  /** 1 to 200 characters; left out, the first message with words names it. */
  title?: string | undefined;
  /** The model that is to answer, by id or alias; left out, whatever the default is. Throws `model_not_found`, and `invalid_request` where it does not chat. */
  model?: string | undefined;
  /** At most 8 KiB as JSON. */
  metadata?: Record<string, unknown> | undefined;
}

export interface ConversationsParts {
  conversations: ConversationRows;
  messages: Messages;
  feed: Pick<Feed, 'head' | 'after'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  /** How long a conversation stays current without a message. */
  idleMs: number;
  /** Conversations that a user may have. */
  conversationsPerUser: number;
  runtime: Pick<Runtime, 'now' | 'token'>;
  dayOf: DayOf;
  /** Tells those who watch that something changed. */
  wake: (conversationId: number, userId: number | null) => void;
  /** What a running answer has said so far. */
  textOf: (id: number) => Promise<string>;
  catalogue: Pick<Catalogue, 'get'>;
  /** The model of who chose none. */
  defaultModel: () => string;
  /** Ends the turn of a conversation whose question or answer the message is, if there is one; resolves when it has. */
  stopTurnsOf: (conversationId: number, messageId: number) => Promise<void>;
  /** Ends the turns of a conversation; resolves when they have. */
  stopTurns: (conversationId: number) => Promise<void>;
}

export function createConversations(parts: ConversationsParts): Conversations {
  const { conversations, runtime, idleMs } = parts;
  const get: Conversations['get'] = (caller, id) => ownConversation(conversations, caller, id);
  const open: Conversations['open'] = async (caller, key) => {
    const found = await conversations.findByKey(key);
    if (found === undefined || !mayOpen(caller, found)) throw noSuchConversation();
    return found;
  };

  return {
    ...createConversationWrites(parts),
    ...createMessageReads(parts, { get, open }),
    async asGuest(ip, key) {
      const found = await conversations.findByKey(key);
      if (found?.userId !== null) return undefined;
      return { kind: 'guest', ip, conversationId: found.id, userId: null };
    },
    begin: (caller, start, idempotency) => begin(parts, caller, start, idempotency),
    get,
    list: (caller, page) => conversations.listOf(caller.userId, page),
    page: ({ userId }, { model }, page) =>
      conversations.pageOf(
        userId,
        model === undefined ? undefined : { model, orNone: model === parts.defaultModel() },
        page,
      ),
    belongsToAnother: (caller, what) => belongsToAnother(parts, caller, what),
    open,
    async current(caller, channel) {
      const newest = await conversations.newestOf(caller.userId, channel);
      return newest !== undefined && runtime.now() - newest.lastMessageAt <= idleMs ? newest : undefined;
    },
    newest: (caller, channel) => conversations.newestOf(caller.userId, channel),
  };
}

function mayOpen(caller: Caller, { userId }: Conversation): boolean {
  if (userId === null) return true;
  return caller.kind === 'user' && (caller.userId === userId || caller.role !== 'user');
}
