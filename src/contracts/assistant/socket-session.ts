import type { RawData, WebSocket } from 'ws';
import { asParleyError } from '../../core/errors.ts';
import { signalTyping } from '../../core/realtime/typing.ts';
import { isLeftToOthers, type Asked } from '../../core/turns/turn.ts';
import { createFrameCheck, frameIdOf, frameTypeOf, parseFrame, type FrameCheck } from '../../http/frames.ts';
import { frameIdempotencyOf } from '../../http/idempotency.ts';
import { takeSocketAllowance } from '../../http/rate-limit.ts';
import { errorFrame, errorOf, messageFrame, typingFrame, type Cursor } from './frames.ts';
import { questionOf } from './input.ts';
import { messageFrameSchema, type MessageFrame } from './schemas.ts';
import {
  closeScreen,
  createScreen,
  openScreen,
  send,
  type OpenedSocket,
  type Screen,
} from './socket-screen.ts';

/** What clients may send. */
export const frameTypes = ['message', 'typing', 'stop', 'ping'] as const;

const checkMessageFrame: FrameCheck<MessageFrame> = createFrameCheck(messageFrameSchema);

/** Listeners are shared: what is made for a socket is one object. */
const screens = new WeakMap<WebSocket, Screen>();

/** Speaks the contract's frames on an admitted, paused socket until it closes. What it asks goes on without it. */
export async function openSession(opened: OpenedSocket, cursor: Cursor | undefined): Promise<void> {
  const { socket } = opened;
  const screen = createScreen(opened);
  screens.set(socket, screen);
  socket.on('close', closed);
  await openScreen(screen, cursor);
  if (socket.readyState !== socket.OPEN) return;
  socket.on('message', received);
  socket.resume();
}

function closed(this: WebSocket): void {
  const screen = screens.get(this);
  if (screen !== undefined) closeScreen(screen);
}

function received(this: WebSocket, data: RawData, isBinary: boolean): void {
  const screen = screens.get(this);
  if (screen === undefined) return;
  let id: Id;
  try {
    const frame = parseFrame(data, isBinary, screen.options.socketFrameBytes);
    id = frameIdOf(frame);
    dispatch(screen, frame, id);
  } catch (thrown) {
    fail(screen, id, thrown);
  }
}

type Id = ReturnType<typeof frameIdOf>;

function fail(screen: Screen, id: Id, thrown: unknown): void {
  const error = asParleyError(thrown);
  if (error.code === 'internal') screen.options.log.error({ err: thrown }, 'a frame could not be handled');
  void send(screen, errorFrame(error), id);
}

function dispatch(screen: Screen, frame: Record<string, unknown>, id: Id): void {
  switch (frameTypeOf(frame, frameTypes)) {
    case 'message':
      checkMessageFrame(frame);
      return askInOrder(screen, frame);
    case 'stop':
      stop(screen, frame).catch((thrown: unknown) => fail(screen, id, thrown));
      return;
    case 'ping':
      return void send(screen, { type: 'pong', data: {} }, id);
    case 'typing':
      return tellTyping(screen, frame);
    case undefined:
      return;
  }
}

async function stop(
  { options, caller, conversationId }: Screen,
  frame: Record<string, unknown>,
): Promise<void> {
  const idempotency = frameIdempotencyOf(pathOf(conversationId), frame, frame['id']);
  await options.core.turns.stop(caller, conversationId, idempotency);
}

/** A client that only ever says `typing` is typing. */
function tellTyping(screen: Screen, { data }: Record<string, unknown>): void {
  const { options, conversationId } = screen;
  const isTyping = (data as { is_typing?: unknown } | null | undefined)?.is_typing !== false;
  signalTyping(options.core.signals, screen, { conversationId, isTyping, now: options.runtime.elapsed() });
}

/** One question after the other; a client that sends faster is not read meanwhile. */
function askInOrder(screen: Screen, frame: MessageFrame): void {
  screen.socket.pause();
  const before = screen.asking ?? Promise.resolve();
  const asking = before
    .then(() => ask(screen, frame))
    .catch((thrown: unknown) => fail(screen, frame.id ?? undefined, thrown))
    .finally(() => {
      if (screen.asking !== asking) return;
      screen.asking = undefined;
      screen.socket.resume();
    });
  screen.asking = asking;
}

async function ask(screen: Screen, frame: MessageFrame): Promise<void> {
  const { options, caller, conversationId, requestId } = screen;
  const { core, limits, chatLimit } = options;
  const { data } = frame;
  const id = frame.id ?? undefined;
  core.maintenance.check(caller);
  await takeSocketAllowance(limits, caller, chatLimit);
  const idempotency = frameIdempotencyOf(pathOf(conversationId), frame, id);
  const from = { endpoint: '/ws/chat/:session_id', requestId, idempotency };
  const question = questionOf(data, data.content, { kind: 'existing', id: conversationId }, from);
  const asked = await core.turns.ask(caller, question);
  if (asked.repeated) await showAgain(screen, asked, id);
  else if (id !== undefined) (screen.names ??= new Map()).set(asked.questionId, id);
}

/** Part of what a frame asks: the same on another session is something else. */
function pathOf(conversationId: number): string {
  return `/ws/chat/${conversationId}`;
}

/** To one who asks again, what there is. */
async function showAgain(screen: Screen, { questionId, turnId }: Asked, id: Id): Promise<void> {
  const { options, caller, conversationId } = screen;
  const { conversations } = options.core;
  const question = await conversations.message(caller, conversationId, questionId);
  void send(screen, messageFrame(question), id);
  if (turnId === null) return;
  const answer = await conversations.message(caller, conversationId, turnId);
  if (isLeftToOthers(answer)) return;
  if (answer.state === 'queued' || answer.state === 'running') {
    return void send(screen, typingFrame(turnId), id);
  }
  void send(screen, messageFrame(answer), id);
  const error = errorOf(answer);
  if (error !== undefined) void send(screen, errorFrame(error), id);
}
