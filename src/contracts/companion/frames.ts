import type { Message } from '../../core/conversations/conversations.ts';
import type { ParleyError } from '../../core/errors.ts';
import type { FeedItem } from '../../core/realtime/feed.ts';
import { ownerAfter } from '../../core/realtime/owner-change.ts';
import type { Signal } from '../../core/realtime/signals.ts';
import { failureOf, isLeftToOthers } from '../../core/turns/turn.ts';
import { presentMessage, timeOf } from './present.ts';

/** What a socket is told, without its cursor. */
export interface CompanionFrame {
  type: 'message' | 'status' | 'message_removed' | 'error' | 'reset' | 'pong';
  /** Of the client's frame that is answered. */
  id?: string | number;
  timestamp?: string;
  data?: object;
}

/**
 * A change in the contract's words, in an order and number that depend on nothing but the change: a client that has seen
 * some of them is told the others.
 */
export function framesOf(item: FeedItem): CompanionFrame[] {
  const { type, data, at, conversationId, message, messageId } = item;
  switch (type) {
    case 'asked':
      return message === null ? [] : questionFrames(message, data?.['turnId']);
    case 'answered':
      return message === null ? [] : answerFrames(message, at);
    case 'replied':
      return message === null ? [] : [messageFrame(message)];
    case 'status':
      return ownerFrames(item);
    case 'receipt':
      return [receiptFrame(data as unknown as Receipt, conversationId, at)];
    case 'message_removed':
      return [removedFrame(messageId, conversationId, at)];
    default:
      return [];
  }
}

/** An AI has and reads a question as soon as it is stored. */
function questionFrames(question: Message, turnId: unknown): CompanionFrame[] {
  const { id, conversationId, createdAt } = question;
  const about = { id: String(id), sessionId: String(conversationId) };
  const status = (content: string) => statusFrame('user', content, createdAt, about);
  const stored = [messageFrame({ ...question, receipt: 'sent' }), status('sent')];
  if (typeof turnId !== 'number') return stored;
  return [...stored, status('delivered'), status('read'), typingFrame(turnId, conversationId, createdAt)];
}

/** That a person has taken over, also from another, or has left; nothing while one is only waited for. */
function ownerFrames(item: FeedItem): CompanionFrame[] {
  const owner = ownerAfter(item);
  if (owner === undefined) return [];
  const { status, assigneeId, assigneeName: name, formerAssigneeId } = owner;
  const about = { sessionId: String(item.conversationId), sender_type: 'human' };
  if (status === 'open' && assigneeId !== null) {
    const agent = { id: String(assigneeId), name };
    return [statusFrame('assistant', 'human_joined', item.at, { ...about, agent })];
  }
  return formerAssigneeId === null ? [] : [statusFrame('assistant', 'human_left', item.at, about)];
}

/**
 * An answer with what went wrong, if something did; without a text, that alone. Nothing of one that a person took over before it
 * said a word.
 */
export function answerFrames(answer: Message, at: number): CompanionFrame[] {
  if (isLeftToOthers(answer)) return [];
  const failure = failureOf(answer);
  if (failure === undefined) return [messageFrame(answer)];
  const { id, conversationId, content } = answer;
  const about = { id: String(id), sessionId: String(conversationId) };
  const error = errorFrame(failure, at, about);
  return content === '' ? [error] : [messageFrame(answer), error];
}

interface Receipt {
  receipt: 'delivered' | 'read';
  messageIds: number[];
  by?: string;
}

/** One frame, for the newest of the answers, or of the questions that staff have; the older ones are named beside it. */
function receiptFrame(
  { receipt, messageIds, by }: Receipt,
  conversationId: number,
  at: number,
): CompanionFrame {
  const ids = messageIds.map(String);
  return statusFrame(by === 'staff' ? 'user' : 'assistant', receipt, at, {
    id: ids.at(-1) ?? '',
    sessionId: String(conversationId),
    ids,
  });
}

/** A message is gone. */
function removedFrame(messageId: number | null, conversationId: number, at: number): CompanionFrame {
  const about = { id: String(messageId), sessionId: String(conversationId) };
  return {
    type: 'message_removed',
    data: { role: 'system', content: '', timestamp: timeOf(at), ...about },
  };
}

export function messageFrame(message: Message): CompanionFrame {
  return { type: 'message', data: presentMessage(message) };
}

/** The text so far of an answer on its way. */
export function streamingFrame(
  turnId: number,
  conversationId: number,
  content: string,
  at: number,
): CompanionFrame {
  const data = { id: String(turnId), sessionId: String(conversationId), role: 'assistant', content };
  return { type: 'message', data: { ...data, timestamp: timeOf(at), status: 'streaming', state: 'running' } };
}

export function typingFrame(turnId: number, conversationId: number, at: number): CompanionFrame {
  const about = { id: String(turnId), sessionId: String(conversationId) };
  return statusFrame('assistant', 'typing', at, about);
}

/** A person is typing; undefined for the customer's own typing, and where somebody has stopped: the contract has no word for that. */
export function personTypingFrame(
  { conversationId, from, isTyping }: Signal,
  at: number,
): CompanionFrame | undefined {
  if (from.kind !== 'agent' || !isTyping) return undefined;
  const agent = { id: String(from.id), name: from.name };
  const about = { sessionId: String(conversationId), sender_type: 'human', agent };
  return statusFrame('assistant', 'typing', at, about);
}

function statusFrame(
  role: 'user' | 'assistant',
  content: string,
  at: number,
  about: { sessionId: string; [key: string]: unknown },
): CompanionFrame {
  return { type: 'status', data: { role, content, timestamp: timeOf(at), ...about } };
}

/** contracts/README, "Settled besides". */
export function errorFrame(error: ParleyError, at: number, about: object = {}): CompanionFrame {
  return {
    type: 'error',
    data: { role: 'system', content: error.message, timestamp: timeOf(at), ...about },
  };
}
