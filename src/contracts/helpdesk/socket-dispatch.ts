import { invalidField, ParleyError } from '../../core/errors.ts';
import { frameIdempotencyOf } from '../../http/idempotency.ts';
import { takeSocketAllowance } from '../../http/rate-limit.ts';
import { askAs, questionOf } from './input.ts';
import { mostContent } from './schemas/sessions.ts';
import { authenticate, joinSession } from './socket-admission.ts';
import { answerFrame, aiTypingFrame, messageFrame, pingFrame } from './socket-frames.ts';
import type { Input } from './socket-input.ts';
import { tell, type Screen } from './socket-screen.ts';
import type { Seat } from './socket-staff.ts';
import { callerOf, send, type FrameId, type Pace, type Visit } from './socket-visit.ts';

/** Where frames come in, as part of what they ask. */
const path = '/ws';

/** A client's pings are answered no more often. */
const pingEveryMs = 1_000;
/** Signals of one socket that are passed on in a second; more are left out. */
const mostSignals = 4;

/** What a frame asks, with the frame. */
export interface Asking<Type extends Input['type']> {
  input: Extract<Input, { type: Type }>;
  frame: Readonly<Record<string, unknown>>;
  id: FrameId;
}

/** Characters, not code units. */
const shortContent = new RegExp(`^[^]{0,${mostContent}}$`, 'u');

/** Does what a frame asks. Rejects with what is to be told of a refusal. */
export function dispatch(visit: Visit, asking: Asking<Input['type']>): Promise<void> | void {
  const { input, id } = asking;
  switch (input.type) {
    case 'auth':
      return authenticate(visit, input, id);
    case 'message':
      return sendMessage(visit, asking as Asking<'message'>);
    case 'typing':
      return signalTyping(visit, input);
    case 'read':
      return markRead(visit, input);
    case 'stop':
      return stop(visit, asking as Asking<'stop'>);
    case 'presence':
      return setPresence(visit, input);
    case 'ping':
      return answerPing(visit, id);
  }
}

async function sendMessage(visit: Visit, asking: Asking<'message'>): Promise<void> {
  const { core, limits, messageLimit } = visit.door.options;
  const { sessionId, content } = asking.input;
  const caller = callerOf(visit);
  core.maintenance.check(caller);
  await takeSocketAllowance(limits, caller, messageLimit);
  if (content.trim() === '') throw invalidField('content', { kind: 'empty' });
  if (!shortContent.test(content)) throw invalidField('content', { kind: 'length', max: mostContent });
  const place = await joinSession(visit, sessionId);
  if ('screen' in place) await ask(place.screen, asking);
  else await reply(place.seat, place.conversationId, place.key, asking);
}

async function ask(screen: Screen, { input, frame, id }: Asking<'message'>): Promise<void> {
  const { visit, as, conversationId, channel } = screen;
  const { core } = visit.door.options;
  const idempotency = frameIdempotencyOf(path, frame, frame['id']);
  const from = { endpoint: path, requestId: visit.requestId, idempotency };
  const question = questionOf(core, { id: conversationId, channel }, input.content, from);
  const asked = askAs(core, as, question);
  screen.asking = asked
    .then(({ repeated, questionId }) => {
      if (!repeated && id !== undefined) (screen.names ??= new Map()).set(questionId, id);
    })
    .catch(() => {});
  const { repeated, questionId, turnId } = await asked;
  await screen.asking;
  screen.asking = undefined;
  if (repeated) await showAgain(screen, questionId, turnId, id);
}

/** To one who asks again, what there is. */
async function showAgain(
  screen: Screen,
  questionId: number,
  turnId: number | null,
  id: FrameId,
): Promise<void> {
  const { visit, as, conversationId, key } = screen;
  const { conversations } = visit.door.options.core;
  const question = await conversations.message(as, conversationId, questionId);
  await tell(screen, messageFrame(key, question, visit.language), id);
  if (turnId === null) return;
  const answer = await conversations.message(as, conversationId, turnId);
  const isMade = answer.state !== 'queued' && answer.state !== 'running';
  const frame = isMade ? answerFrame(key, answer, visit.language) : aiTypingFrame(key);
  if (frame !== undefined) await tell(screen, frame, id);
}

async function reply(
  seat: Seat,
  conversationId: number,
  key: string,
  { input, frame, id }: Asking<'message'>,
): Promise<void> {
  const { visit, caller, name } = seat;
  const { handoff } = visit.door.options.core;
  const replied = handoff.reply(
    caller,
    conversationId,
    input.content,
    frameIdempotencyOf(path, frame, frame['id']),
  );
  seat.asking = replied
    .then(({ repeated, message }) => {
      if (!repeated && id !== undefined) (seat.names ??= new Map()).set(message.id, id);
    })
    .catch(() => {});
  const { repeated, message } = await replied;
  await seat.asking;
  seat.asking = undefined;
  if (repeated)
    await send(visit, messageFrame(key, message, visit.language, { id: caller.userId, name }), id);
}

async function signalTyping(visit: Visit, { sessionId, isTyping }: Asking<'typing'>['input']): Promise<void> {
  const place = await joinSession(visit, sessionId);
  if (!maySignal(visit)) return;
  const { signals } = visit.door.options.core;
  if ('screen' in place) {
    const { conversationId } = place.screen;
    signals.send({ type: 'typing', conversationId, from: { kind: 'customer' }, isTyping });
    return;
  }
  const { caller, name } = place.seat;
  const from = { kind: 'agent', id: caller.userId, name } as const;
  signals.send({ type: 'typing', conversationId: place.conversationId, from, isTyping });
}

function maySignal(visit: Visit): boolean {
  const now = visit.door.options.runtime.elapsed();
  const pace = paceOf(visit);
  if (now - pace.signalledAt >= 1_000) {
    pace.signalledAt = now;
    pace.signals = 0;
  }
  return ++pace.signals <= mostSignals;
}

function paceOf(visit: Visit): Pace {
  const never = Number.NEGATIVE_INFINITY;
  return (visit.pace ??= { pingedAt: never, signalledAt: never, signals: 0 });
}

async function markRead(visit: Visit, { sessionId, upTo }: Asking<'read'>['input']): Promise<void> {
  const { core } = visit.door.options;
  const place = await joinSession(visit, sessionId);
  if ('screen' in place) {
    const { as, conversationId } = place.screen;
    const all = upTo ?? Number.MAX_SAFE_INTEGER;
    await core.conversations.acknowledge(as, { conversationId, upTo: all, receipt: 'read' });
    return;
  }
  await core.deskFeed.read(place.seat.caller, place.conversationId, upTo ?? Number.MAX_SAFE_INTEGER);
}

async function stop(visit: Visit, { input, frame }: Asking<'stop'>): Promise<void> {
  const place = await joinSession(visit, input.sessionId);
  if (!('screen' in place)) {
    throw new ParleyError('forbidden', 'An agent ends an answer of the AI by taking the conversation over.');
  }
  const { as, conversationId } = place.screen;
  await visit.door.options.core.turns.stop(as, conversationId, frameIdempotencyOf(path, frame, frame['id']));
}

async function setPresence(visit: Visit, { status }: Asking<'presence'>['input']): Promise<void> {
  const { seat } = visit;
  if (seat === null) throw new ParleyError('forbidden', 'Only agents say whether they are there.');
  await visit.door.options.core.presence.setAvailability(seat.caller, status);
}

function answerPing(visit: Visit, id: FrameId): Promise<void> | void {
  const now = visit.door.options.runtime.elapsed();
  const pace = paceOf(visit);
  if (now - pace.pingedAt < pingEveryMs) return;
  pace.pingedAt = now;
  return send(visit, pingFrame, id);
}
