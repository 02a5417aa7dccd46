import type { WebSocket } from 'ws';
import type { Message } from '../../core/conversations/conversations.ts';
import { isGone, unlessGone } from '../../core/conversations/own.ts';
import { asParleyError } from '../../core/errors.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import type { FeedItem, Watcher } from '../../core/realtime/feed.ts';
import type { Present, Rooms } from '../../core/realtime/rooms.ts';
import type { Typist } from '../../core/realtime/typing.ts';
import { isGivenUp, isLeftToOthers, isMadeAgain } from '../../core/turns/turn.ts';
import { refuseSocket, sendFrame } from '../../http/sockets.ts';
import {
  cursorText,
  errorFrame,
  errorOf,
  messageFrame,
  removedFrame,
  statusFrame,
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
  rooms: Rooms<Screen>;
  socket: WebSocket;
  caller: UserCaller;
  conversationId: number;
  requestId: string;
  /** Whether answers are wanted as they are made. */
  streams: boolean;
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

/**
 * What a socket shows of its session: every change once, and answers while they are made. It watches the feed itself: there are
 * thousands, most of them idle, and each object and function of its own would be one too many.
 */
export interface Screen extends OpenedSocket, Watcher, Present<Screen>, Typist {
  /** The last change that was shown. */
  cursor: number;
  /** In their order; of the first, text may come. */
  turns: readonly ShownTurn[];
  /** The newest answer that was shown ended. */
  ended: number;
  /** While the past is shown, nothing is said of the present. */
  replaying: boolean;
  /** By question, the id of the frame that asked it here and will be shown with it. */
  names: Map<number, string | number> | undefined;
  /** The last question that is being stored: those of one socket are asked in their order. */
  asking: Promise<void> | undefined;
  stopWatching: (() => void) | undefined;
}

const none: readonly ShownTurn[] = [];

export function createScreen(opened: OpenedSocket): Screen {
  const { options, rooms, socket, caller, conversationId, requestId, streams } = opened;
  return {
    options,
    rooms,
    socket,
    caller,
    conversationId,
    requestId,
    streams,
    onItems,
    onReset,
    onFailure,
    cursor: 0,
    turns: none,
    ended: 0,
    replaying: true,
    names: undefined,
    asking: undefined,
    typed: undefined,
    stopWatching: undefined,
    next: undefined,
  };
}

async function onItems(this: Screen, items: FeedItem[]): Promise<void> {
  for (const item of items) await show(this, item);
}

function onReset(this: Screen, head: number): void {
  this.cursor = head;
  this.turns = none;
  void send(this, { type: 'reset', data: {} });
}

/** The client may come back with its cursor. */
function onFailure(this: Screen, thrown: unknown): void {
  this.options.log.error({ err: thrown }, 'a session could not be shown any further');
  void send(this, errorFrame(asParleyError(thrown)));
  this.socket.close(1011, 'internal');
}

/** Sends a frame with the cursor; `id` is of the client's frame that it answers. */
export function send(screen: Screen, { type, data }: Frame, id?: string | number): Promise<void> | void {
  const [first] = screen.turns;
  const cursor = cursorText({ feed: screen.cursor, turn: screen.streams ? first : undefined });
  return sendFrame(screen.socket, { type, ...(id !== undefined && { id }), data, cursor });
}

/** Shows what the client has missed since `cursor`, then what is on its way; from now on, what changes. */
export async function openScreen(screen: Screen, cursor: Cursor | undefined): Promise<void> {
  const { feed } = screen.options.core;
  screen.cursor = cursor?.feed ?? (await feed.head());
  const seen = cursor?.turn;
  if (seen !== undefined) screen.turns = [{ ...newTurn(seen.id), offset: seen.offset }];
  const scope = { conversationId: screen.conversationId };
  screen.stopWatching = await feed.watch(scope, screen.cursor, screen);
  if (screen.socket.readyState !== screen.socket.OPEN) return closeScreen(screen);
  screen.rooms.enter(screen);
  await join(screen, seen);
}

export function closeScreen(screen: Screen): void {
  screen.rooms.leave(screen);
  screen.stopWatching?.();
  for (const { following } of screen.turns) following?.abort();
  screen.turns = none;
}

/** Puts the answers that are on their way onto the screen, beside those of questions that were just shown. */
async function join(screen: Screen, seen: Cursor['turn']): Promise<void> {
  const { options, caller, conversationId } = screen;
  // Asked after the watching has begun: what begins or ends from now on is told by the feed.
  const active = await options.core.turns.activeIn(conversationId);
  // What a cursor says of a turn that is none of this session's, or has long ended, is not to be waited for.
  screen.turns = screen.turns.filter(({ id }) => id !== seen?.id || active.includes(id));
  for (const id of active) {
    const answer = await unlessGone(options.core.conversations.message(caller, conversationId, id));
    if (answer === undefined || id <= screen.ended) continue;
    const { state: made, content } = answer;
    const known = screen.turns.find((turn) => turn.id === id);
    if (known !== undefined) {
      if (known.offset > content.length) known.offset = 0;
      known.said = content.slice(0, known.offset);
    } else if (made === 'queued' || made === 'running') {
      // Its end is yet to be told.
      screen.turns = [...screen.turns, newTurn(id)];
    }
  }
  screen.turns = screen.turns.length === 0 ? none : screen.turns.toSorted((a, b) => a.id - b.id);
  screen.replaying = false;
  begin(screen);
}

async function show(screen: Screen, item: FeedItem): Promise<void> {
  const { type, message, messageId, data, cursor } = item;
  if (type === 'removed') {
    screen.cursor = cursor;
    void send(screen, errorFrame(noSession()));
    return refuseSocket(screen.socket, noSession());
  }
  if (message !== null && type === 'asked') {
    // Then it is known under which id the client asked it.
    await screen.asking;
    screen.cursor = cursor;
    const id = screen.names?.get(message.id);
    screen.names?.delete(message.id);
    await send(screen, messageFrame(message), id);
    // Null where a person is in charge: no answer is on its way.
    const turnId = data?.['turnId'];
    if (typeof turnId === 'number') expect(screen, turnId);
  } else if (message !== null && type === 'answered') {
    await showEnd(screen, cursor, message);
  }
  screen.cursor = cursor;
  if (message !== null && type === 'replied') await showReply(screen, message);
  if (type === 'message_removed' && messageId !== null) await showRemoval(screen, messageId);
  const status = statusFrame(item);
  if (status !== undefined) await send(screen, status);
}

/** One that was to be answered, or heard, is not any more: then its end was not told. */
async function showRemoval(screen: Screen, messageId: number): Promise<void> {
  const wasFirst = screen.turns[0]?.id === messageId;
  const gone = screen.turns.find(({ id }) => id === messageId);
  gone?.following?.abort();
  screen.turns = screen.turns.filter((turn) => turn !== gone);
  screen.names?.delete(messageId);
  await send(screen, removedFrame(messageId));
  if (wasFirst) begin(screen);
}

/** What a person says; what came out on an open socket of its reader is delivered. */
async function showReply(screen: Screen, message: Message): Promise<void> {
  const { options, caller, conversationId, socket } = screen;
  await send(screen, messageFrame(message));
  if (message.receipt !== 'sent' || socket.readyState !== socket.OPEN) return;
  options.core.conversations
    .acknowledge(caller, { conversationId, upTo: message.id, receipt: 'delivered' })
    .catch((err: unknown) => options.log.error({ err }, 'a message could not be marked delivered'));
}

/** The rest of what was said, then the answer as it is kept; nothing of one that others took over before it said a word. */
async function showEnd(screen: Screen, cursor: number, answer: Message): Promise<void> {
  const { id, content } = answer;
  const wasFirst = screen.turns[0]?.id === id;
  const shown = screen.turns.find((turn) => turn.id === id) ?? newTurn(id);
  const others = screen.turns.filter((turn) => turn !== shown);
  shown.following?.abort();
  const { offset } = shown;
  if (screen.streams && content.length > offset) {
    // Until the end itself is shown, the client has seen the rest but not the change.
    screen.turns = [{ ...shown, offset: content.length }, ...others];
    void send(screen, streamingFrame(id, content, offset));
  }
  screen.turns = others;
  screen.ended = Math.max(screen.ended, id);
  screen.cursor = cursor;
  if (isLeftToOthers(answer)) return;
  const sent = send(screen, messageFrame(answer));
  const error = errorOf(answer);
  if (error !== undefined) void send(screen, errorFrame(error));
  await sent;
  // Where one is given up, so are those that wait behind it.
  if (wasFirst && !isGivenUp(answer)) begin(screen);
}

function newTurn(id: number): ShownTurn {
  return { id, offset: 0, said: '', begun: false, following: undefined };
}

function expect(screen: Screen, id: number): void {
  if (screen.turns.some((turn) => turn.id === id)) return;
  screen.turns = [...screen.turns, newTurn(id)];
  if (screen.turns.length === 1) begin(screen);
}

/** Says that the first answer is being made, and lets it be heard. */
function begin(screen: Screen): void {
  const [first] = screen.turns;
  if (screen.replaying || first === undefined || first.begun) return;
  // Closed in the middle of what it was told: nobody would end the following.
  if (screen.socket.readyState !== screen.socket.OPEN) return;
  first.begun = true;
  void send(screen, typingFrame(first.id));
  if (screen.streams) void follow(screen, first);
}

async function follow(screen: Screen, turn: ShownTurn): Promise<void> {
  const { options, caller } = screen;
  const following = new AbortController();
  turn.following = following;
  try {
    const groups = options.core.turns.follow(caller, turn.id, turn.offset, following.signal);
    for await (const group of groups) {
      for (const event of group) {
        // The end is told by the feed, after everything that came before it.
        if (event.type === 'end' || screen.turns[0] !== turn) continue;
        const { offset } = turn;
        turn.said += event.text;
        turn.offset = turn.said.length;
        await send(screen, streamingFrame(turn.id, turn.said, offset));
      }
    }
  } catch (thrown) {
    // That it is gone is told by the feed.
    const isTold = isGone(thrown) || isMadeAgain(thrown);
    if (screen.turns[0] === turn && !isTold) screen.onFailure(thrown);
  }
}
