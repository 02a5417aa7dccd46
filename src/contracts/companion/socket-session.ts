import type { RawData, WebSocket } from 'ws';
import { asParleyError } from '../../core/errors.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import type { Rooms } from '../../core/realtime/rooms.ts';
import { signalTyping, type Typist } from '../../core/realtime/typing.ts';
import { createFrameCheck, frameIdOf, frameTypeOf, parseFrame, type FrameCheck } from '../../http/frames.ts';
import { frameIdempotencyOf } from '../../http/idempotency.ts';
import { takeSocketAllowance } from '../../http/rate-limit.ts';
import { answerFrames, errorFrame, messageFrame, typingFrame } from './frames.ts';
import { chatToStop } from './chat-to-stop.ts';
import type { CompanionOptions } from './options.ts';
import { timeOf } from './present.ts';
import { messageFrameSchema, type MessageFrame } from './schemas.ts';
import { tell, unwatch, watch, type Watching } from './watching.ts';

const path = '/ws/chat';

/** What clients may send. */
export const frameTypes = ['message', 'typing', 'read', 'stop', 'ping'] as const;

const checkMessageFrame: FrameCheck<MessageFrame> = createFrameCheck(messageFrameSchema);

/** An open socket: idle ones are many, so this is all that there is of one. */
interface Session extends Watching, Typist {
  /** Frames of the client's that wait for the one before; null where none is handled. */
  inbox: { data: Buffer; isBinary: boolean }[] | null;
}

export interface SessionStart {
  caller: UserCaller;
  requestId: string;
  /** Whether answers are shown while they are made. */
  streams: boolean;
  /** Where the client was before; null where it comes for the first time. */
  cursor: string | null;
}

/** Speaks the contract's frames on an admitted, paused socket until it closes; resolves when it may be resumed. */
export async function beginSession(
  options: CompanionOptions,
  rooms: Rooms<Watching>,
  socket: WebSocket,
  { caller, requestId, streams, cursor }: SessionStart,
): Promise<void> {
  const session: Session = {
    options,
    rooms,
    conversationId: 0,
    next: undefined,
    socket,
    caller,
    requestId,
    streams,
    position: { after: 0, seen: 0 },
    shown: 0,
    turns: null,
    stop: null,
    inbox: null,
    typed: undefined,
  };
  socket.on('close', () => unwatch(session));
  await watch(session, cursor);
  if (socket.readyState !== socket.OPEN) return unwatch(session);
  socket.on('message', (data, isBinary) => receive(session, data, isBinary));
}

/** One frame after the other; a client that sends faster is not read meanwhile. */
function receive(session: Session, data: RawData, isBinary: boolean): void {
  const received = { data: data as Buffer, isBinary };
  if (session.inbox !== null) return void session.inbox.push(received);
  session.inbox = [received];
  session.socket.pause();
  void handleAll(session, session.inbox);
}

async function handleAll(session: Session, inbox: NonNullable<Session['inbox']>): Promise<void> {
  const { socket } = session;
  for (const { data, isBinary } of inbox) {
    if (socket.readyState === socket.OPEN) await handle(session, data, isBinary);
  }
  session.inbox = null;
  socket.resume();
}

/** Never rejects. */
async function handle(session: Session, data: Buffer, isBinary: boolean): Promise<void> {
  const { options } = session;
  let id: string | number | undefined;
  try {
    const frame = parseFrame(data, isBinary, options.socketFrameBytes);
    id = frameIdOf(frame);
    await dispatch(session, frame, id);
  } catch (thrown) {
    const error = asParleyError(thrown);
    if (error.code === 'internal') options.log.error({ err: thrown }, 'a frame could not be handled');
    await tell(session, { ...errorFrame(error, options.runtime.now()), ...(id !== undefined && { id }) });
  }
}

function dispatch(
  session: Session,
  frame: Record<string, unknown>,
  id: string | number | undefined,
): Promise<void> | void {
  switch (frameTypeOf(frame, frameTypes)) {
    case 'message':
      return ask(session, frame);
    case 'typing':
      return tellTyping(session, frame);
    case 'read':
      return markRead(session);
    case 'stop':
      return stopAnswers(session, frame);
    case 'ping':
      return tell(session, {
        type: 'pong',
        ...(id !== undefined && { id }),
        timestamp: timeOf(session.options.runtime.now()),
      });
    case undefined:
      return;
  }
}

/** A client that only ever says `typing` is typing; where nothing was asked yet, nobody cares. */
function tellTyping(session: Session, { is_typing }: Record<string, unknown>): void {
  const { options, conversationId } = session;
  if (conversationId === 0) return;
  const isTyping = is_typing !== false;
  signalTyping(options.core.signals, session, { conversationId, isTyping, now: options.runtime.elapsed() });
}

/** What comes of it, everybody who watches is told; of a repeat, the one who sent it. */
async function ask(session: Session, frame: Record<string, unknown>): Promise<void> {
  const { options, caller, requestId } = session;
  const { core, limits, chatLimit } = options;
  checkMessageFrame(frame);
  const idempotency = frameIdempotencyOf(path, frame, frame.id);
  core.maintenance.check(caller);
  await takeSocketAllowance(limits, caller, chatLimit);
  const asked = await core.turns.ask(caller, {
    contract: 'companion',
    endpoint: path,
    requestId,
    place: { kind: 'current' },
    text: frame.content,
    idempotency,
  });
  if (!asked.repeated) return;
  const { conversationId, questionId, turnId } = asked;
  await tell(session, messageFrame(await core.conversations.message(caller, conversationId, questionId)));
  if (turnId === null) return;
  const answer = await core.conversations.message(caller, conversationId, turnId);
  const isMade = answer.state !== 'queued' && answer.state !== 'running';
  const frames = isMade
    ? answerFrames(answer, answer.createdAt)
    : [typingFrame(turnId, conversationId, options.runtime.now())];
  for (const again of frames) await tell(session, again);
}

/** The answers that this socket has shown, and all before them; where it has shown none, those that its user saw elsewhere. */
function markRead({ options, caller, shown }: Session): Promise<void> {
  const upTo = shown === 0 ? Number.MAX_SAFE_INTEGER : shown;
  return options.core.conversations.acknowledge(caller, { upTo, receipt: 'read' });
}

async function stopAnswers({ options, caller }: Session, frame: Record<string, unknown>): Promise<void> {
  const idempotency = frameIdempotencyOf(path, frame, frame['id']);
  const chat = await chatToStop(options.core, caller);
  if (chat !== undefined) await options.core.turns.stop(caller, chat, idempotency);
}
