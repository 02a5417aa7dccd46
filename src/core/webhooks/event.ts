import type { StatusChange } from '../../storage/feed.ts';
import type { Message } from '../../storage/messages.ts';
import type { NoteRow } from '../../storage/notes.ts';
import type { DeskConversation } from '../desk/desk.ts';
import type { FeedItem } from '../realtime/feed.ts';

/** What receivers can be told of. */
export const webhookEventTypes = [
  'conversation.created',
  'message.created',
  'conversation.status_changed',
  'conversation.assigned',
  'conversation.rated',
  'note.created',
] as const;

export type WebhookEventType = (typeof webhookEventTypes)[number];

/** Something that receivers are told of. */
export type WebhookEvent = {
  /** The same whenever and to whomever it is told. */
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
} & (
  | { type: 'conversation.created'; conversation: DeskConversation }
  | {
      type: 'message.created';
      conversation: DeskConversation;
      message: Message;
      /** The person who has answered; null for the customer and the AI. */
      sender: { id: number; name: string } | null;
    }
  | {
      type: 'conversation.status_changed' | 'conversation.assigned';
      conversation: DeskConversation;
      /** How things were after it. */
      change: StatusChange;
    }
  | { type: 'conversation.rated'; conversation: DeskConversation; score: number; comment: string | null }
  | { type: 'note.created'; conversation: DeskConversation; note: NoteRow }
  | { type: 'ping' }
);

/** What events are made of, beside what the feed says. */
export interface EventSources {
  /** A conversation as it is now. */
  conversation(id: number): Promise<DeskConversation | undefined>;
  note(id: number): Promise<NoteRow | undefined>;
  ratingComment(conversationId: number): Promise<string | null>;
  /** How persons are called, by their ids. */
  namesOf(ids: readonly number[]): Promise<Map<number, string>>;
}

/** The events among the `wanted` ones that a change is, in order: none, one or two. What is gone by now is told of no more. */
export async function eventsOf(
  change: FeedItem,
  sources: EventSources,
  wanted: ReadonlySet<string>,
): Promise<WebhookEvent[]> {
  const types = typesOf(change).filter((type) => wanted.has(type));
  if (types.length === 0) return [];
  const conversation = await sources.conversation(change.conversationId);
  if (conversation === undefined) return [];
  const made = await Promise.all(types.map((type) => eventOf(type, change, conversation, sources)));
  return made.filter((event) => event !== undefined);
}

function typesOf({ type, message, data }: FeedItem): WebhookEventType[] {
  switch (type) {
    case 'begun':
      return ['conversation.created'];
    case 'asked':
      // The first may have been removed since.
      return (message?.place ?? 1) === 1 ? ['conversation.created', 'message.created'] : ['message.created'];
    case 'answered':
    case 'replied':
      // An answer that ended without a word is no message to anybody.
      return message === null || message.content === '' ? [] : ['message.created'];
    case 'status':
      return typesOfStatus(data as StatusChange | null);
    case 'rated':
      return ['conversation.rated'];
    case 'noted':
      return ['note.created'];
    case 'renamed':
    case 'removed':
    case 'message_removed':
    case 'receipt':
      return [];
  }
}

function typesOfStatus(change: Pick<StatusChange, 'cause'> | null): WebhookEventType[] {
  switch (change?.cause) {
    case undefined:
    case 'priority':
    case 'tags':
      return [];
    case 'assigned':
    case 'taken':
      return ['conversation.status_changed', 'conversation.assigned'];
    default:
      return ['conversation.status_changed'];
  }
}

async function eventOf(
  type: WebhookEventType,
  { cursor, at, data, message, type: changed }: FeedItem,
  conversation: DeskConversation,
  sources: EventSources,
): Promise<WebhookEvent | undefined> {
  const of = { id: `evt_${cursor}`, at, conversation };
  switch (type) {
    case 'conversation.created':
      // One that has an event of its own began earlier than its first question.
      if (changed === 'asked' && conversation.createdAt !== at) return undefined;
      return { ...of, id: `evt_conversation_${conversation.id}`, type };
    case 'message.created':
      return message === null
        ? undefined
        : { ...of, type, message, sender: await senderOf(message, sources) };
    case 'conversation.status_changed':
      return { ...of, type, change: data as unknown as StatusChange };
    case 'conversation.assigned':
      return { ...of, id: `${of.id}_assigned`, type, change: data as unknown as StatusChange };
    case 'conversation.rated': {
      const comment = await sources.ratingComment(conversation.id);
      return { ...of, type, score: data?.['score'] as number, comment };
    }
    case 'note.created': {
      const note = await sources.note(data?.['noteId'] as number);
      return note && { ...of, type, note };
    }
  }
}

async function senderOf({ senderId: id }: Message, sources: EventSources) {
  return id === null ? null : { id, name: (await sources.namesOf([id])).get(id) ?? '' };
}
