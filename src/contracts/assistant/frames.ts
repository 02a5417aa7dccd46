import type { Message } from '../../core/conversations/conversations.ts';
import type { ParleyError } from '../../core/errors.ts';
import type { FeedItem } from '../../core/realtime/feed.ts';
import { ownerAfter } from '../../core/realtime/owner-change.ts';
import type { Signal } from '../../core/realtime/signals.ts';
import { failureOf } from '../../core/turns/turn.ts';
import { presentError } from './errors.ts';
import { numberOf } from './input.ts';
import { presentMessage, sessionStatusOf } from './present.ts';

/** The frames of `WS /ws/chat/{session_id}` (assistant.md, "WebSocket Interface"), without their cursors. */
export interface Frame {
  type: 'message' | 'typing' | 'status' | 'message_removed' | 'error' | 'pong' | 'reset';
  /** Of the client's frame that this one answers. */
  id?: string | number;
  data: object;
}

export function messageFrame(message: Message): Frame {
  const error = errorOf(message);
  const data = presentMessage(message);
  return { type: 'message', data: error === undefined ? data : { ...data, error: error.message } };
}

/** A message is gone. */
export function removedFrame(messageId: number): Frame {
  return { type: 'message_removed', data: { id: messageId } };
}

/** What an answer has said so far, of which `delta` is new since `offset`. */
export function streamingFrame(turnId: number, content: string, offset: number): Frame {
  const delta = content.slice(offset);
  const data = { id: turnId, role: 'assistant', content, status: 'streaming', delta, offset };
  return { type: 'message', data };
}

export function typingFrame(turnId: number): Frame {
  return { type: 'typing', data: { id: turnId, role: 'assistant' } };
}

/** A person is typing, or has stopped; undefined for the customer's own typing. */
export function personTypingFrame({ from, isTyping }: Signal): Frame | undefined {
  if (from.kind !== 'agent') return undefined;
  const agent = { id: from.id, name: from.name };
  return { type: 'typing', data: { role: 'assistant', sender_type: 'human', agent, is_typing: isTyping } };
}

/** Who is in charge of the session from now on; undefined where nothing of it has changed. */
export function statusFrame(item: FeedItem): Frame | undefined {
  const owner = ownerAfter(item);
  if (owner === undefined) return undefined;
  const { agentType, assigneeId, assigneeName: name } = owner;
  const assignee = assigneeId === null ? null : { id: assigneeId, name };
  return { type: 'status', data: { agent_type: agentType, assignee, status: sessionStatusOf(owner.status) } };
}

export function errorFrame(error: ParleyError): Frame {
  const { code, message, details } = presentError(error).error;
  return { type: 'error', data: { error: message, code, details } };
}

/** What is to be told of an answer that is none. One who stopped an answer need not be told. */
export function errorOf(message: Message): ParleyError | undefined {
  return message.state === 'cancelled' ? undefined : failureOf(message);
}

/** How far a client has been told: all changes up to `feed`, and of the answer that is being made, `offset` code units. */
export interface Cursor {
  feed: number;
  turn: { id: number; offset: number } | undefined;
}

/** Later than everything: whoever claims to have seen this is told to begin anew. */
const unknown: Cursor = { feed: Number.MAX_SAFE_INTEGER, turn: undefined };

/** The cursor that a client shows; undefined where it shows none. */
export function cursorFrom(text: string | null): Cursor | undefined {
  if (text === null || text === '') return undefined;
  const [feed, id, offset, ...rest] = text.split(':').map(numberOf);
  if (feed === undefined || rest.length > 0) return unknown;
  if (id !== undefined && offset !== undefined) return { feed, turn: { id, offset } };
  return text.includes(':') ? unknown : { feed, turn: undefined };
}

export function cursorText({ feed, turn }: Cursor): string {
  return turn === undefined ? String(feed) : `${feed}:${turn.id}:${turn.offset}`;
}
