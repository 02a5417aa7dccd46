import type { WebSocket } from 'ws';
import type { Message } from '../../core/conversations/conversations.ts';
import { asParleyError } from '../../core/errors.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import type { FeedItem } from '../../core/realtime/feed.ts';
import { refuseSocket, sendFrame } from '../../http/sockets.ts';
import {
  cursorText,
  errorFrame,
  errorOf,
  messageFrame,
  streamingFrame,
  typingFrame,
  type Cursor,
  type Frame,
} from './frames.ts';
import { noSession } from './input.ts';
import type { AssistantOptions } from './options.ts';

/** Who opened a socket, and on what. */
export interface OpenedSocket {
  options: AssistantOptions;
  socket: WebSocket;
  caller: UserCaller;
  sessionId: number;
  requestId: string;
  /** Whether answers are wanted as they are made. */
  streams: boolean;
}

/** What a socket shows of its session: every change once, and answers while they are made. */
export interface Screen {
  /** Shows what the client has missed since `cursor`, then what is on its way; from now on, what changes. */
  open(cursor: Cursor | undefined): Promise<void>;
  /** Sends a frame with the cursor; `id` is of the client's frame that it answers. */
  send(frame: Frame, id?: string | number): Promise<void> | void;
  /** The question will be shown with the id of the frame that asked it. */
  name(questionId: number, id: string | number): void;
  close(): void;
}

/** An answer that is being made, or waits to be. */
interface ShownTurn {
  id: number;
  /** How much of it was shown, in code units, and that text, as far as anything of it was shown here. */
  offset: number;
  said: string;
  begun: boolean;
  following: AbortController | undefined;
}

interface State extends OpenedSocket {
  /** The last change that was shown. */
  cursor: number;
  /** In their order; of the first, text may come. */
  turns: ShownTurn[];
  /** The newest answer that was shown ended. */
  ended: number;
  /** While the past is shown, nothing is said of the present. */
  replaying: boolean;
  names: Map<number, string | number> | undefined;
  asking: () => Promise<void> | undefined;
  stopWatching: (() => void) | undefined;
}

/** `asking` is what is being asked through the same socket. */
export function createScreen(opened: OpenedSocket, asking: State['asking']): Screen {
  const state: State = {
    ...opened,
    cursor: 0,
    turns: [],
    ended: 0,
    replaying: true,
    names: undefined,
    asking,
    stopWatching: undefined,
  };
  return {
    open: (cursor) => open(state, cursor),
    send: (frame, id) => send(state, frame, id),
    name: (questionId, id) => void (state.names ??= new Map()).set(questionId, id),
    close: () => close(state),
  };
}

function send(state: State, { type, data }: Frame, id?: string | number): Promise<void> | void {
  const [first] = state.turns;
  const cursor = cursorText({ feed: state.cursor, turn: state.streams ? first : undefined });
  return sendFrame(state.socket, { type, ...(id !== undefined && { id }), data, cursor });
}

async function open(state: State, cursor: Cursor | undefined): Promise<void> {
  const { feed } = state.options.core;
  const since = cursor?.feed ?? (await feed.head());
  state.cursor = since;
  const seen = cursor?.turn;
  if (seen !== undefined) state.turns.push({ ...newTurn(seen.id), offset: seen.offset });
  const stop = await feed.watch({ conversationId: state.sessionId }, since, {
    onItems: (items) => showAll(state, items),
    onReset(head) {
      state.cursor = head;
      state.turns = [];
      void send(state, { type: 'reset', data: {} });
    },
    onFailure: (thrown) => giveUp(state, thrown),
  });
  state.stopWatching = stop;
  if (state.socket.readyState !== state.socket.OPEN) return close(state);
  await join(state, seen);
}

function close(state: State): void {
  state.stopWatching?.();
  for (const { following } of state.turns) following?.abort();
  state.turns = [];
}

/** The client may come back with its cursor. */
function giveUp(state: State, thrown: unknown): void {
  state.options.log.error({ err: thrown }, 'a session could not be shown any further');
  void send(state, errorFrame(asParleyError(thrown)));
  state.socket.close(1011, 'internal');
}

/** Puts the answers that are on their way onto the screen, beside those of questions that were just shown. */
async function join(state: State, seen: Cursor['turn']): Promise<void> {
  const { options, caller, sessionId } = state;
  const active = [...options.core.turns.activeIn(sessionId)];
  // What a cursor says of a turn that is none of this session's, or has long ended, is not to be waited for.
  state.turns = state.turns.filter(({ id }) => id !== seen?.id || active.includes(id));
  for (const id of active) {
    const { state: made, content } = await options.core.conversations.message(caller, sessionId, id);
    if (id <= state.ended) continue;
    const known = state.turns.find((turn) => turn.id === id);
    if (known !== undefined) {
      if (known.offset > content.length) known.offset = 0;
      known.said = content.slice(0, known.offset);
    } else if (made === 'queued' || made === 'running') {
      // Its end is yet to be told.
      state.turns.push(newTurn(id));
    }
  }
  state.turns.sort((a, b) => a.id - b.id);
  state.replaying = false;
  begin(state);
}

async function showAll(state: State, items: FeedItem[]): Promise<void> {
  for (const item of items) await show(state, item);
}

async function show(state: State, item: FeedItem): Promise<void> {
  const { type, message, data, cursor } = item;
  if (type === 'removed') {
    state.cursor = cursor;
    void send(state, errorFrame(noSession()));
    return refuseSocket(state.socket, noSession());
  }
  if (message !== null && type === 'asked') {
    // Then it is known under which id the client asked it.
    await state.asking();
    state.cursor = cursor;
    const id = state.names?.get(message.id);
    state.names?.delete(message.id);
    await send(state, messageFrame(message), id);
    expect(state, data?.['turnId'] as number);
  } else if (message !== null && type === 'answered') {
    await showEnd(state, cursor, message);
  }
  state.cursor = cursor;
}

/** The rest of what was said, then the answer as it is kept. */
async function showEnd(state: State, cursor: number, answer: Message): Promise<void> {
  const { id, content } = answer;
  const wasFirst = state.turns[0]?.id === id;
  const shown = state.turns.find((turn) => turn.id === id) ?? newTurn(id);
  const others = state.turns.filter((turn) => turn !== shown);
  shown.following?.abort();
  const { offset } = shown;
  if (state.streams && content.length > offset) {
    // Until the end itself is shown, the client has seen the rest but not the change.
    state.turns = [{ ...shown, offset: content.length }, ...others];
    void send(state, streamingFrame(id, content, offset));
  }
  state.turns = others;
  state.ended = Math.max(state.ended, id);
  state.cursor = cursor;
  const sent = send(state, messageFrame(answer));
  const error = errorOf(answer);
  if (error !== undefined) void send(state, errorFrame(error));
  await sent;
  if (wasFirst) begin(state);
}

function newTurn(id: number): ShownTurn {
  return { id, offset: 0, said: '', begun: false, following: undefined };
}

function expect(state: State, id: number): void {
  if (state.turns.some((turn) => turn.id === id)) return;
  state.turns.push(newTurn(id));
  if (state.turns.length === 1) begin(state);
}

/** Says that the first answer is being made, and lets it be heard. */
function begin(state: State): void {
  const [first] = state.turns;
  if (state.replaying || first === undefined || first.begun) return;
  first.begun = true;
  void send(state, typingFrame(first.id));
  if (state.streams) void follow(state, first);
}

async function follow(state: State, turn: ShownTurn): Promise<void> {
  const { options, caller } = state;
  const following = new AbortController();
  turn.following = following;
  try {
    const groups = options.core.turns.follow(caller, turn.id, turn.offset, following.signal);
    for await (const group of groups) {
      for (const event of group) {
        // The end is told by the feed, after everything that came before it.
        if (event.type === 'end' || state.turns[0] !== turn) continue;
        const { offset } = turn;
        turn.said += event.text;
        turn.offset = turn.said.length;
        await send(state, streamingFrame(turn.id, turn.said, offset));
      }
    }
  } catch (thrown) {
    if (state.turns[0] === turn) giveUp(state, thrown);
  }
}
