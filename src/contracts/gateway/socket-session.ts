import type { RawData, WebSocket } from 'ws';
import type { CompletionEvent } from '../../core/completions/completions.ts';
import { asParleyError, ParleyError } from '../../core/errors.ts';
import type { Caller } from '../../core/identity/caller.ts';
import { badFrame, createFrameCheck, frameTypeOf, parseFrame, type FrameCheck } from '../../http/frames.ts';
import { takeSocketAllowance } from '../../http/rate-limit.ts';
import { refuseSocket, sendFrame } from '../../http/sockets.ts';
import { cachePolicyOf, completionInput } from './input.ts';
import { errorFrame } from './errors.ts';
import type { GatewayOptions } from './options.ts';
import { presentUsage } from './present.ts';
import { chatFrameSchema, type ChatFrame } from './schemas.ts';

/** What clients may send. */
export const frameTypes = ['chat', 'cancel', 'ping'] as const;

const checkChatFrame: FrameCheck<ChatFrame> = createFrameCheck(chatFrameSchema);

/** An answer on its way to a socket. */
interface Chat {
  controller: AbortController;
  text: string;
}

/** Who opened a socket. */
export interface SocketOpener {
  requestId: string;
  caller: Caller;
  /** The API key that was shown: one may be revoked, or expire, while the socket is open. */
  key: string | undefined;
}

interface Session extends SocketOpener {
  options: GatewayOptions;
  socket: WebSocket;
  chats: Map<string, Chat>;
  /** Lets the socket go; undefined while no answer is on its way. */
  release: (() => void) | undefined;
}

/** Speaks the contract's frames on an admitted socket until it closes; then its answers are given up. */
export function createSocketSession(
  options: GatewayOptions,
  socket: WebSocket,
  { requestId, caller, key }: SocketOpener,
): void {
  const session: Session = { options, socket, requestId, caller, key, chats: new Map(), release: undefined };
  socket.on('message', (data, isBinary) => receive(session, data, isBinary));
  socket.on('close', () => {
    for (const { controller } of session.chats.values()) controller.abort();
  });
}

function receive(session: Session, data: RawData, isBinary: boolean): void {
  let id: string | null = null;
  try {
    const frame = parseFrame(data, isBinary, session.options.socketFrameBytes);
    id = typeof frame['id'] === 'string' ? frame['id'].slice(0, 200) : null;
    dispatch(session, frame, id);
  } catch (thrown) {
    void sendFrame(session.socket, errorFrame(id, asParleyError(thrown)));
  }
}

function dispatch(session: Session, frame: Record<string, unknown>, id: string | null): void {
  switch (frameTypeOf(frame, frameTypes)) {
    case 'chat':
      return beginChat(session, frame);
    case 'cancel':
      return cancelChat(session, id);
    case 'ping':
      return void sendFrame(session.socket, {
        type: 'pong',
        id,
        timestamp: new Date(session.options.runtime.now()).toISOString(),
      });
    case undefined:
      return;
  }
}

function beginChat(session: Session, frame: Record<string, unknown>): void {
  const { chats, options } = session;
  checkChatFrame(frame);
  if (chats.has(frame.id)) throw badFrame(`An answer with the id "${frame.id}" is still on its way.`, 'id');
  if (chats.size >= options.answersPerSocket) {
    throw new ParleyError(
      'rate_limited',
      `At most ${options.answersPerSocket} answers can be on their way at once.`,
    );
  }
  const { controller, end } = options.running.begin();
  const chat: Chat = { controller, text: '' };
  chats.set(frame.id, chat);
  session.release ??= options.sockets.hold(session.socket);
  void answer(session, frame, chat)
    .catch((thrown: unknown) => {
      if (session.socket.readyState !== session.socket.OPEN) return;
      const cancelled = controller.signal.aborted && !(controller.signal.reason instanceof ParleyError);
      const reply = cancelled
        ? { type: 'cancelled', id: frame.id, data: { response: chat.text } }
        : errorFrame(frame.id, asParleyError(thrown));
      void sendFrame(session.socket, reply);
    })
    .finally(() => {
      chats.delete(frame.id);
      if (chats.size === 0) letGo(session);
      end();
    });
}

function letGo(session: Session): void {
  session.release?.();
  session.release = undefined;
}

async function answer(session: Session, { id, data }: ChatFrame, chat: Chat): Promise<void> {
  const { options, socket, caller, requestId } = session;
  await checkKey(session);
  options.core.maintenance.check(caller);
  await takeSocketAllowance(options.limits, caller, options.requestLimit);
  const input = completionInput(data, {
    endpoint: '/ws/chat',
    requestId,
    cache: cachePolicyOf(options.cacheEnabled, undefined),
  });
  const streamed = data.stream === true;
  let index = 0;
  let cached = false;
  const show = (event: CompletionEvent): Promise<void> | void => {
    if (event.type === 'start') cached = event.cache.status === 'HIT';
    if (event.type === 'text-delta') {
      chat.text += event.text;
      if (streamed) return sendFrame(socket, streamFrame(id, event.text, index++, false));
    }
    if (event.type !== 'finish') return;
    if (streamed) void sendFrame(socket, streamFrame(id, '', index, true));
    const { model, usage } = event;
    const complete = { response: chat.text, model, usage: presentUsage(usage), cached };
    return sendFrame(socket, { type: 'complete', id, data: complete });
  };
  for await (const group of options.core.completions.stream(caller, input, chat.controller.signal)) {
    for (const event of group) await show(event);
  }
}

/** Closes the socket of a key that is not valid any more, and throws. */
async function checkKey({ options, socket, caller, key }: Session): Promise<void> {
  if (key === undefined) return;
  try {
    await options.authenticator.identify({ apiKey: key, bearer: undefined }, caller.ip);
  } catch (thrown) {
    const error = asParleyError(thrown);
    refuseSocket(socket, error, errorFrame(null, error));
    throw error;
  }
}

function streamFrame(id: string, chunk: string, index: number, finished: boolean) {
  return { type: 'stream', id, data: { chunk, index, finished } };
}

function cancelChat({ chats }: Session, id: string | null): void {
  const chat = id === null ? undefined : chats.get(id);
  if (chat === undefined) {
    throw new ParleyError('not_found', 'No answer with this id is on its way.', { field: 'id' });
  }
  chat.controller.abort();
}
