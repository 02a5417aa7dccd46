import type { FastifyReply } from 'fastify';
import type { Core } from '../../core/core.ts';
import { asParleyError, type ParleyError } from '../../core/errors.ts';
import type { Message } from '../../core/conversations/conversations.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import { failureOf, isLeftToOthers, type TurnEvent } from '../../core/turns/turn.ts';
import { eventStreamTimes, sendEventStream, type Frame } from '../../http/event-stream.ts';
import { presentError } from './errors.ts';
import type { AssistantOptions } from './options.ts';
import { presentAnswer } from './present.ts';

/** A turn, and from where on its text is wanted. */
export interface StreamedTurn {
  sessionId: number;
  turnId: number;
  start: number;
}

/** `told` is the answer, or the question where somebody else is to answer it. */
type StreamEvent =
  { type: 'start' } | Extract<TurnEvent, { type: 'delta' }> | { type: 'end'; answer: Message; told: Message };

/**
 * Sends what a turn says as Server-Sent Events, each with the id from which a client goes on that lost the stream after it. The caller of
 * this has checked that the turn belongs to the session. Whoever is logged out meanwhile hears no more of it.
 */
export async function streamTurn(
  { core, userSockets }: Pick<AssistantOptions, 'core' | 'userSockets'>,
  reply: FastifyReply,
  caller: UserCaller,
  streamed: StreamedTurn,
  signal: AbortSignal,
): Promise<FastifyReply> {
  const login = userSockets.whileLoggedIn(caller);
  const either = AbortSignal.any([signal, login.signal]);
  const events = eventsOf(core, caller, core.turns.follow(caller, streamed.turnId, streamed.start, either));
  const frame = (event: StreamEvent) => presentEvent(streamed, event);
  const failureFrame = (thrown: unknown) => failure(asParleyError(thrown));
  try {
    await sendEventStream(reply, events, { ...eventStreamTimes, frame, failureFrame });
  } finally {
    login.release();
  }
  return reply;
}

/** Tells that a question was stored which a person will answer: it is all that there is. */
export async function streamQuestion(reply: FastifyReply, question: Message): Promise<FastifyReply> {
  const { id, conversationId } = question;
  const start = { type: 'start', session_id: conversationId, message_id: id, turn_id: null };
  const done = { type: 'done', ...presentAnswer(question) };
  await sendEventStream(reply, both([start, done]), {
    ...eventStreamTimes,
    frame: (event: object) => JSON.stringify(event),
    failureFrame: (thrown: unknown) => failure(asParleyError(thrown)),
  });
  return reply;
}

async function* both(events: object[]): AsyncGenerator<object[]> {
  yield await Promise.resolve(events);
}

async function* eventsOf(
  core: Core,
  caller: UserCaller,
  turn: AsyncGenerator<TurnEvent[]>,
): AsyncGenerator<StreamEvent[]> {
  yield [{ type: 'start' }];
  for await (const group of turn) {
    yield await Promise.all(
      group.map(async (event) => {
        if (event.type !== 'end') return event;
        const { answer } = event;
        const told = isLeftToOthers(answer) ? await questionTo(core, caller, answer) : answer;
        return { ...event, told };
      }),
    );
  }
}

/** What was asked, of an answer that somebody else took over before it said a word. */
export async function questionTo(core: Core, caller: UserCaller, answer: Message): Promise<Message> {
  const { conversationId, questionId } = answer;
  return questionId === null ? answer : core.conversations.message(caller, conversationId, questionId);
}

function presentEvent({ sessionId, turnId, start }: StreamedTurn, event: StreamEvent): Frame {
  const framed = (offset: number, data: string) => ({ id: `${turnId}:${offset}`, data });
  switch (event.type) {
    case 'start': {
      const place = { session_id: sessionId, message_id: turnId, turn_id: turnId };
      return framed(start, JSON.stringify({ type: 'start', ...place }));
    }
    case 'delta': {
      const { text, start: offset } = event;
      return framed(offset + text.length, JSON.stringify({ type: 'delta', content: text, offset }));
    }
    case 'end': {
      const { answer, told } = event;
      const failed = failureOf(told);
      const data =
        failed === undefined ? JSON.stringify({ type: 'done', ...presentAnswer(told) }) : failure(failed);
      return framed(answer.content.length, data);
    }
    default:
      return event satisfies never;
  }
}

function failure(error: ParleyError): string {
  return JSON.stringify({ type: 'error', ...presentError(error) });
}
