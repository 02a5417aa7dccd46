import type { FastifyReply } from 'fastify';
import { asParleyError, type ParleyError } from '../../core/errors.ts';
import type { Message } from '../../core/conversations/conversations.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import { failureOf, isLeftToOthers, type TurnEvent } from '../../core/turns/turn.ts';
import { eventStreamTimes, sendEventStream, type Frame } from '../../http/event-stream.ts';
import { presentFault } from './errors.ts';
import type { StudioOptions } from './options.ts';
import { presentAnswer } from './present-messages.ts';

/** A reply on its way, and from where on its text is wanted. */
export interface StreamedReply {
  conversationId: number;
  /** The message that it replies to; null where that is not known any more. */
  messageId: number | null;
  /** The turn, and the reply's id; null where a person will reply. */
  turnId: number | null;
  start: number;
  english: boolean;
}

/** `answer` is null where a person replies, or is waited for. */
type StreamEvent =
  { type: 'start' } | Extract<TurnEvent, { type: 'delta' }> | { type: 'end'; answer: Message | null };

/**
 * Sends a reply as Server-Sent Events, each with the id from which a client goes on that lost the stream after it. The caller of this has
 * checked that the turn belongs to the conversation. Whoever is logged out meanwhile hears no more of it.
 */
export async function streamReply(
  { core, userSockets }: Pick<StudioOptions, 'core' | 'userSockets'>,
  reply: FastifyReply,
  caller: UserCaller,
  streamed: StreamedReply,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const { turnId, start, english } = streamed;
  const login = userSockets.whileLoggedIn(caller);
  const either = AbortSignal.any([signal, login.signal]);
  const turn = turnId === null ? undefined : core.turns.follow(caller, turnId, start, either);
  try {
    await sendEventStream(reply, eventsOf(turn), {
      ...eventStreamTimes,
      frame: (event) => presentEvent(streamed, event),
      failureFrame: (thrown) => failure(asParleyError(thrown), english),
    });
  } finally {
    login.release();
  }
  return reply;
}

async function* eventsOf(turn: AsyncGenerator<TurnEvent[]> | undefined): AsyncGenerator<StreamEvent[]> {
  yield [{ type: 'start' }];
  if (turn === undefined) yield [{ type: 'end', answer: null }];
  else yield* turn;
}

function presentEvent(streamed: StreamedReply, event: StreamEvent): Frame {
  const { conversationId, messageId, turnId, start, english } = streamed;
  const framed = (offset: number, data: string) =>
    turnId === null ? data : { id: `${turnId}:${offset}`, data };
  switch (event.type) {
    case 'start': {
      const place = { conversation_id: conversationId, message_id: messageId, reply_id: turnId };
      return framed(start, JSON.stringify({ type: 'start', ...place }));
    }
    case 'delta': {
      const { text, start: offset } = event;
      return framed(offset + text.length, JSON.stringify({ type: 'delta', content: text, offset }));
    }
    case 'end': {
      const { answer } = event;
      return framed(answer?.content.length ?? 0, endOf(answer, english));
    }
    default:
      return event satisfies never;
  }
}

function endOf(answer: Message | null, english: boolean): string {
  if (answer === null || isLeftToOthers(answer)) return JSON.stringify({ type: 'done', reply: null });
  const failed = failureOf(answer);
  if (failed !== undefined) return failure(failed, english);
  return JSON.stringify({ type: 'done', reply: presentAnswer(answer, english) });
}

function failure(error: ParleyError, english: boolean): string {
  return JSON.stringify({ type: 'error', ...presentFault(error, english) });
}
