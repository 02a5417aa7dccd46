import type { Conversation, Page } from '../../storage/conversations.ts';
import type { Message, Messages } from '../../storage/messages.ts';
import type { Caller, Participant, UserCaller } from '../identity/caller.ts';
import type { Conversations, ConversationsParts } from './conversations.ts';
import { isOwn, noSuchMessage } from './own.ts';
import { withMedia, type WholeMessage } from './whole-message.ts';

/** What was said, for those who take part. */
export interface MessageReads {
  /** Oldest first. */
  messages(caller: Participant, id: number, page: Page): Promise<Message[]>;
  /** The same without the answers on their way, which are `pending`, by their ids. `total` is without them too. */
  messagePage(
    caller: Participant,
    id: number,
    page: Page,
  ): Promise<{ messages: Message[]; total: number; pending: number[] }>;
  /** With all that they consist of. A page of them may be more than fits into memory: see `inPortions`. */
  whole(messages: readonly Message[]): Promise<WholeMessage[]>;
  /** One message of the conversation `id`. */
  message(caller: Participant, id: number, messageId: number): Promise<Message>;
  /**
   * Of a conversation that `open` opens, with it. Answers that have ended without a word are left out: a page with such is shorter than
   * its limit.
   */
  messagesByKey(
    caller: Caller,
    key: string,
    page: Page,
  ): Promise<{ conversation: Conversation; messages: Message[] }>;
  /** The newest `limit`, oldest first. */
  recent(caller: Participant, id: number, limit: number): Promise<Message[]>;
  /** Over all the caller's conversations, whatever the contract. */
  history(
    caller: UserCaller,
    page: Page & { newestFirst: boolean },
  ): Promise<{ messages: Message[]; total: number }>;
}

export function createMessageReads(
  parts: Pick<ConversationsParts, 'messages' | 'textOf'>,
  { get, open }: Pick<Conversations, 'get' | 'open'>,
): MessageReads {
  const { messages } = parts;
  const shown = (rows: Message[]) => Promise.all(rows.map((row) => withText(parts, row)));
  return {
    async messagesByKey(caller, key, page) {
      const conversation = await open(caller, key);
      const rows = await messages.listOf(conversation.id, page);
      return { conversation, messages: await shown(rows.filter(saysSomething)) };
    },
    async messages(caller, id, page) {
      await get(caller, id);
      return shown(await messages.listOf(id, page));
    },
    async messagePage(caller, id, page) {
      await get(caller, id);
      return messages.pageOf(id, page);
    },
    whole: (rows) => withMedia(messages, rows),
    async message(caller, id, messageId) {
      const found = await messages.find(messageId);
      // The message says whose it is: another read would only say the same.
      const isTheirs = found?.conversationId === id && isOwn(caller, { id, userId: found.userId });
      if (!isTheirs) throw noSuchMessage();
      return withText(parts, found);
    },
    async recent(caller, id, limit) {
      await get(caller, id);
      const newest = await messages.newestBefore(id, Number.MAX_SAFE_INTEGER, limit);
      return shown(newest.reverse());
    },
    async history({ userId }, page) {
      const [rows, total] = await Promise.all([messages.historyOf(userId, page), messages.countOf(userId)]);
      return { messages: await shown(rows), total };
    },
  };
}

/** An answer that has ended without a word says nothing. */
export function saysSomething({ content, state }: Message): boolean {
  return content !== '' || state === 'queued' || state === 'running';
}

/** The answer may end between the reads, and its log with it: then the message is read again. */
export async function withText(
  { messages, textOf }: Pick<ConversationsParts, 'textOf'> & { messages: Pick<Messages, 'find'> },
  message: Message,
): Promise<Message> {
  if (message.state !== 'running') return message;
  const content = await textOf(message.id);
  const now = (await messages.find(message.id)) ?? message;
  return now.state === 'running' ? { ...now, content } : now;
}
