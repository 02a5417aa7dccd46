import type { RawData, WebSocket } from 'ws';
import { asParleyError, ParleyError } from '../../core/errors.ts';
import type { Asked } from '../../core/turns/turn.ts';
import { createFrameCheck, frameTypeOf, type FrameCheck } from '../../http/frame-check.ts';
import { frameIdempotencyOf } from '../../http/idempotency.ts';
import { takeSocketAllowance } from '../../http/rate-limit.ts';
import { errorFrame, errorOf, messageFrame, typingFrame, type Cursor } from './frames.ts';
import { questionOf } from './input.ts';
import { messageFrameSchema, type MessageFrame } from './schemas.ts';
import { createScreen, type OpenedSocket, type Screen } from './socket-screen.ts';

/** What clients may send. */
export const frameTypes = ['message', 'typing', 'stop', 'ping'] as const;

const checkMessageFrame: FrameCheck<MessageFrame> = createFrameCheck(messageFrameSchema);

/** What is kept of an open socket. There are thousands, most of them idle: no timers, no generators, listeners shared. */
interface Session extends OpenedSocket {
  screen: Screen;
  /** The last question that is being stored: those of one socket are asked in their order. */
  asking: Promise<void> | undefined;
}

const sessions = new WeakMap<WebSocket, Session>();

/** Speaks the contract's frames on an admitted, paused socket until it closes. What it asks goes on without it. */
export async function openSession(opened: OpenedSocket, cursor: Cursor | undefined): Promise<void> {
  const { socket } = opened;
  const session: Session = {
    ...opened,
    asking: undefined,
    screen: createScreen(opened, () => session.asking),
  };
  sessions.set(socket, session);
  socket.on('close', closed);
  await session.screen.open(cursor);
  if (socket.readyState !== socket.OPEN) return;
  socket.on('message', received);
  socket.resume();
}

function closed(this: WebSocket): void {
  sessions.get(this)?.screen.close();
}

function received(this: WebSocket, data: RawData, isBinary: boolean): void {
  const session = sessions.get(this);
  if (session === undefined) return;
  let id: Id;
  try {
    const frame = parseFrame(session, data, isBinary);
    id = idOf(frame['id']);
    dispatch(session, frame, id);
  } catch (thrown) {
    fail(session, id, thrown);
  }
}

type Id = string | number | undefined;

/** What is echoed; whether it will do is judged where it matters. */
function idOf(id: unknown): Id {
  if (typeof id === 'string') return id.slice(0, 255);
  return typeof id === 'number' ? id : undefined;
}

function fail({ screen }: Session, id: Id, thrown: unknown): void {
  void screen.send(errorFrame(asParleyError(thrown)), id);
}

function parseFrame({ options }: Session, data: RawData, isBinary: boolean): Record<string, unknown> {
  if (isBinary) throw badFrame('Binary frames are not understood; send JSON as text.', 'frame');
  const bytes = data as Buffer;
  if (bytes.length > options.socketFrameBytes) {
    throw badFrame(`The frame is larger than ${options.socketFrameBytes} bytes.`, 'frame');
  }
  let frame: unknown;
  try {
    frame = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw badFrame('The frame is not valid JSON.', 'frame');
  }
  if (typeof frame !== 'object' || frame === null || Array.isArray(frame)) {
    throw badFrame('The frame must be a JSON object with a "type".', 'type');
  }
  return frame as Record<string, unknown>;
}

function dispatch(session: Session, frame: Record<string, unknown>, id: Id): void {
  switch (frameTypeOf(frame, frameTypes)) {
    case 'message':
      checkMessageFrame(frame);
      return askInOrder(session, frame);
    case 'stop':
      session.options.core.turns
        .stop(session.caller, session.sessionId)
        .catch((thrown: unknown) => fail(session, id, thrown));
      return;
    case 'ping':
      return void session.screen.send({ type: 'pong', data: {} }, id);
    case 'typing':
    case undefined:
      return;
  }
}

function askInOrder(session: Session, frame: MessageFrame): void {
  const before = session.asking ?? Promise.resolve();
  const asking = before
    .then(() => ask(session, frame))
    .catch((thrown: unknown) => fail(session, frame.id ?? undefined, thrown))
    .finally(() => {
      if (session.asking === asking) session.asking = undefined;
    });
  session.asking = asking;
}

async function ask(session: Session, frame: MessageFrame): Promise<void> {
  const { options, caller, sessionId, requestId, screen } = session;
  const { core, limits, chatLimit } = options;
  const { data } = frame;
  const id = frame.id ?? undefined;
  core.maintenance.check(caller);
  await takeSocketAllowance(limits, caller, chatLimit);
  const endpoint = `/ws/chat/${sessionId}`;
  const idempotency = frameIdempotencyOf(endpoint, frame, id);
  const from = { endpoint: '/ws/chat/:session_id', requestId, idempotency };
  const question = questionOf(data, data.content, { kind: 'existing', id: sessionId }, from);
  const asked = await core.turns.ask(caller, question);
  if (asked.repeated) await showAgain(session, asked, id);
  else if (id !== undefined) screen.name(asked.questionId, id);
}

/** To one who asks again, what there is. */
async function showAgain(session: Session, { questionId, turnId }: Asked, id: Id): Promise<void> {
  const { options, caller, sessionId, screen } = session;
  const { conversations } = options.core;
  const question = await conversations.message(caller, sessionId, questionId);
  const answer = await conversations.message(caller, sessionId, turnId);
  void screen.send(messageFrame(question), id);
  if (answer.state === 'queued' || answer.state === 'running') {
    return void screen.send(typingFrame(turnId), id);
  }
  void screen.send(messageFrame(answer), id);
  const error = errorOf(answer);
  if (error !== undefined) void screen.send(errorFrame(error), id);
}

function badFrame(message: string, field: string): ParleyError {
  return new ParleyError('invalid_request', message, { field });
}
