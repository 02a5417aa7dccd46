import type { Message } from '../../core/conversations/conversations.ts';
import type { ParleyError } from '../../core/errors.ts';
import type { FeedItem } from '../../core/realtime/feed.ts';
import { failureOf } from '../../core/turns/turn.ts';
import { presentMessage, timeOf } from './present.ts';

/** What a socket is told, without its cursor. */
export interface CompanionFrame {
  type: 'message' | 'status' | 'error' | 'reset' | 'pong';
  /** Of the client's frame that is answered. */
  id?: string | number;
  timestamp?: string;
  data?: object;
}

/**
 * A change in the contract's words, in an order and number that depend on nothing but the change: a client that has seen
 * some of them is told the others.
 */
export function framesOf({ type, data, at, conversationId, message }: FeedItem): CompanionFrame[] {
  switch (type) {
    case 'asked':
      return message === null ? [] : questionFrames(message, data?.['turnId']);
    case 'answered':
      return message === null ? [] : answerFrames(message, at);
    case 'receipt':
      return [receiptFrame(data as unknown as Receipt, conversationId, at)];
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

/** An answer with what went wrong, if something did; without a text, that alone. */
export function answerFrames(answer: Message, at: number): CompanionFrame[] {
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
}

/** One frame, for the newest of the answers; the older ones are named beside it. */
function receiptFrame({ receipt, messageIds }: Receipt, conversationId: number, at: number): CompanionFrame {
  const ids = messageIds.map(String);
  return statusFrame('assistant', receipt, at, {
    id: ids.at(-1) ?? '',
    sessionId: String(conversationId),
    ids,
  });
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

function statusFrame(
  role: 'user' | 'assistant',
  content: string,
  at: number,
  about: { id: string; sessionId: string; ids?: string[] },
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
