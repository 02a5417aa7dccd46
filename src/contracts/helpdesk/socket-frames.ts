import type { Message } from '../../core/conversations/conversations.ts';
import type { DeskChange } from '../../core/desk/desk-feed.ts';
import type { Availability } from '../../core/desk/presence.ts';
import type { ParleyError } from '../../core/errors.ts';
import type { Account } from '../../core/identity/accounts.ts';
import type { FeedItem } from '../../core/realtime/feed.ts';
import type { Signal } from '../../core/realtime/signals.ts';
import { failureOf } from '../../core/turns/turn.ts';
import { socketErrorOf } from './errors.ts';
import { presentMessage, sessionIdOf, sessionStatusOf } from './present.ts';
import { takeoverText } from './takeover-text.ts';

/** What a socket is told (helpdesk.md, "消息格式"), without its cursor. */
export interface Frame {
  type: string;
  data: object;
}

/** Chinese unless English is preferred. */
export type Language = 'zh' | 'en';

export function authFrame(account: Account | undefined, sessionId: string | undefined): Frame {
  const user =
    account === undefined
      ? null
      : { id: account.id, email: account.email, full_name: account.fullName, role: account.role };
  return { type: 'auth', data: { authenticated: user !== null, user, session_id: sessionId ?? null } };
}

/** A message as it is kept, with what went wrong where something did. */
export function messageFrame(
  key: string,
  message: Message,
  language: Language,
  sender: { id: number; name: string } | null = null,
): Frame {
  const error = errorOf(message);
  const data = presentMessage(
    { key },
    message,
    sender === null ? noNames : new Map([[sender.id, sender.name]]),
  );
  const failure = error && { error: socketErrorOf(error, language === 'en') };
  return { type: 'message', data: { ...data, ...failure } };
}

const noNames: ReadonlyMap<number, string> = new Map();

/** A message is gone. */
export function removedFrame(key: string, { messageId }: FeedItem): Frame {
  return { type: 'message_removed', data: { session_id: sessionIdOf(key), message_id: `msg_${messageId}` } };
}

/** An answer that ended: without a word, that it failed, or nothing. */
export function answerFrame(key: string, answer: Message, language: Language): Frame | undefined {
  if (answer.content !== '') return messageFrame(key, answer, language);
  const error = errorOf(answer);
  return (
    error && errorFrame(error, language, { session_id: sessionIdOf(key), message_id: `msg_${answer.id}` })
  );
}

/** What is to be told of an answer that is none. One who stopped it, or has taken over, need not be told. */
function errorOf(message: Message): ParleyError | undefined {
  return message.state === 'cancelled' ? undefined : failureOf(message);
}

/** A part of an answer on its way, and all of it so far. */
export function streamFrame(key: string, part: string, full: string, isComplete: boolean): Frame {
  const data = { session_id: sessionIdOf(key), content: part, is_complete: isComplete, full_content: full };
  return { type: 'ai_stream', data };
}

/** The AI is about to answer. */
export function aiTypingFrame(key: string): Frame {
  return { type: 'typing', data: { session_id: sessionIdOf(key), is_typing: true, sender_type: 'ai' } };
}

export function typingFrame(key: string, { from, isTyping }: Signal): Frame {
  const session = { session_id: sessionIdOf(key), is_typing: isTyping };
  if (from.kind === 'customer') return { type: 'typing', data: { ...session, sender_type: 'user' } };
  const agent = { id: from.id, name: from.name };
  return { type: 'typing', data: { ...session, sender_type: 'human', agent } };
}

interface Status {
  status: string;
  agentType: string;
  assigneeId: number | null;
  assigneeName: string | null;
  cause: string;
}

/** Who is in charge; undefined where only a label has changed. */
export function statusFrame(key: string, { data }: FeedItem, language: Language): Frame | undefined {
  const status = data as Status | null;
  if (status === null || status.cause === 'priority' || status.cause === 'tags') return undefined;
  const { agentType, assigneeId, assigneeName } = status;
  return {
    type: 'status_update',
    data: {
      session_id: sessionIdOf(key),
      agent_type: agentType,
      assignee: assigneeId === null ? null : { id: assigneeId, name: assigneeName ?? '' },
      message: takeoverText(status, language),
      status: sessionStatusOf(status.status),
    },
  };
}

/** `by` is whose reading it is: staff have or read the customer's messages, the customer those of the AI and of staff. */
export function receiptFrame(key: string, { data }: FeedItem): Frame {
  const { receipt, messageIds, by } = data as { receipt: string; messageIds: number[]; by?: string };
  const ids = messageIds.map((id) => `msg_${id}`);
  const reader = by === 'staff' ? 'staff' : 'customer';
  return { type: 'receipt', data: { session_id: sessionIdOf(key), receipt, message_ids: ids, by: reader } };
}

export function noteFrame(key: string, { note }: DeskChange): Frame | undefined {
  if (note === null) return undefined;
  const { id, conversationId, authorId, authorName, content, createdAt } = note;
  const author = { id: authorId, name: authorName };
  const created = new Date(createdAt).toISOString();
  const data = { id, conversation_id: conversationId, session_id: sessionIdOf(key), author, content };
  return { type: 'note', data: { ...data, created_at: created } };
}

export function ratingFrame(key: string, { conversationId, data, at }: FeedItem): Frame {
  const score = data?.['score'];
  const created = new Date(at).toISOString();
  const about = { conversation_id: conversationId, session_id: sessionIdOf(key) };
  return { type: 'rating', data: { ...about, score, created_at: created } };
}

export function presenceFrame(agentId: number, name: string, status: Availability): Frame {
  return { type: 'presence', data: { agent: { id: agentId, name }, status } };
}

export function errorFrame(error: ParleyError, language: Language, about?: object): Frame {
  const { details, ...told } = socketErrorOf(error, language === 'en');
  return {
    type: 'error',
    data: { ...told, details: about === undefined ? details : { ...details, ...about } },
  };
}

export const pingFrame: Frame = { type: 'ping', data: {} };
export const resetFrame: Frame = { type: 'reset', data: {} };
