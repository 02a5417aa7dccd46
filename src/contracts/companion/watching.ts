import type { WebSocket } from 'ws';
import { asParleyError } from '../../core/errors.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import type { FeedItem } from '../../core/realtime/feed.ts';
import type { Present, Rooms } from '../../core/realtime/rooms.ts';
import { closeCodes, sendFrame } from '../../http/sockets.ts';
import { cursorOf, positionOf, type Position } from './cursor.ts';
import { framesOf, streamingFrame, typingFrame, type CompanionFrame } from './frames.ts';
import { isLeftToOthers } from '../../core/turns/turn.ts';
import type { CompanionOptions } from './options.ts';

/** A socket that is told of its user's companion chats. It is present in the one in which something happened last; 0 where none is. */
export interface Watching extends Present<Watching> {
  options: CompanionOptions;
  rooms: Rooms<Watching>;
  socket: WebSocket;
  caller: UserCaller;
  requestId: string;
  streams: boolean;
  position: Position;
  /** The newest answer, or person's message, that was told, 0 where none was. */
  shown: number;
  /** The answers on their way that it was told of, with what ends the showing of those that are shown; null where none are. */
  turns: Map<number, AbortController | null> | null;
  /** Ends the watching; null where it has not begun or has ended. */
  stop: (() => void) | null;
}

/** Sends a frame with the cursor that its client has after it. */
export function tell({ socket, position }: Watching, frame: CompanionFrame): Promise<void> | void {
  return sendFrame(socket, { ...frame, cursor: cursorOf(position) });
}

/** Tells what came after the client's cursor, then of answers on their way, and from then on of everything. */
export async function watch(watching: Watching, cursor: string | null): Promise<void> {
  const { core } = watching.options;
  const head = await core.feed.head();
  const known = cursor === null ? { after: head, seen: 0 } : positionOf(cursor);
  if (known === undefined) reset(watching, head);
  else watching.position = known;
  const stop = await core.feed.watch({ userId: watching.caller.userId }, watching.position.after, {
    onItems: (items) => tellItems(watching, items),
    onReset: (now) => reset(watching, now),
    onFailure: (thrown) => lose(watching, thrown),
  });
  watching.stop = stop;
  await joinRunning(watching);
}

/** Safe to repeat. */
export function unwatch(watching: Watching): void {
  watching.rooms.leave(watching);
  watching.stop?.();
  watching.stop = null;
  for (const controller of watching.turns?.values() ?? []) controller?.abort();
  watching.turns = null;
}

function reset(watching: Watching, cursor: number): void {
  watching.position = { after: cursor, seen: 0 };
  void tell(watching, { type: 'reset' });
}

/** The client comes back and is told what it missed. */
function lose({ options, socket }: Watching, err: unknown): void {
  options.log.error({ err }, 'a socket could not be told of what changed');
  socket.close(closeCodes.serviceRestart, 'try again');
}

async function tellItems(watching: Watching, items: FeedItem[]): Promise<void> {
  const { socket } = watching;
  for (const item of items) {
    if (socket.readyState === socket.OPEN) await tellItem(watching, item);
  }
}

async function tellItem(watching: Watching, item: FeedItem): Promise<void> {
  const { cursor } = item;
  const { after, seen } = watching.position;
  const alreadySeen = cursor === after + 1 ? seen : 0;
  const ours = await isCompanions(watching, item.conversationId);
  if (ours) noteBefore(watching, item);
  const frames = ours ? framesOf(item) : [];
  for (const [at, frame] of frames.entries()) {
    if (at < alreadySeen) continue;
    const isLast = at === frames.length - 1;
    watching.position = isLast ? { after: cursor, seen: 0 } : { after: cursor - 1, seen: at + 1 };
    await tell(watching, frame);
  }
  watching.position = { after: cursor, seen: 0 };
  if (ours) noteItem(watching, item);
}

/** A user's chats of other contracts are told by those. */
async function isCompanions({ options, caller }: Watching, conversationId: number): Promise<boolean> {
  try {
    const { channel } = await options.core.conversations.get(caller, conversationId);
    return channel === 'companion';
  } catch (thrown) {
    // Removed.
    if (asParleyError(thrown).code === 'not_found') return false;
    throw thrown;
  }
}

/** Once an answer is told as it is kept, nothing more is shown of its making. */
function noteBefore(watching: Watching, { type, conversationId, message, messageId }: FeedItem): void {
  enter(watching, conversationId);
  if (type === 'message_removed' && messageId !== null) forget(watching, messageId);
  if (type !== 'answered' || message === null) return;
  forget(watching, message.id);
  watching.shown = Math.max(watching.shown, message.id);
}

function forget({ turns }: Watching, turnId: number): void {
  turns?.get(turnId)?.abort();
  turns?.delete(turnId);
}

function noteItem(watching: Watching, { type, data, conversationId, message }: FeedItem): void {
  const turnId = data?.['turnId'];
  if (type === 'asked' && typeof turnId === 'number') attend(watching, turnId, conversationId);
  if ((type !== 'answered' && type !== 'replied') || message === null) return;
  watching.shown = Math.max(watching.shown, message.id);
  if (message.receipt === 'sent' && !isLeftToOthers(message)) {
    acknowledge(watching, conversationId, message.id);
  }
}

function enter(watching: Watching, conversationId: number): void {
  if (watching.conversationId === conversationId || watching.socket.readyState !== watching.socket.OPEN)
    return;
  watching.rooms.leave(watching);
  watching.conversationId = conversationId;
  watching.rooms.enter(watching);
}

/** The answer went out on an open socket of its reader. */
function acknowledge({ options, socket, caller }: Watching, conversationId: number, upTo: number): void {
  if (socket.readyState !== socket.OPEN) return;
  options.core.conversations
    .acknowledge(caller, { conversationId, upTo, receipt: 'delivered' })
    .catch((err: unknown) => options.log.error({ err }, 'an answer could not be marked delivered'));
}

/** Answers that were on their way when the socket opened. */
async function joinRunning(watching: Watching): Promise<void> {
  const { core, runtime } = watching.options;
  const chat = await core.conversations.newest(watching.caller, 'companion');
  if (chat === undefined) return;
  if (watching.conversationId === 0) enter(watching, chat.id);
  for (const turnId of await core.turns.activeIn(chat.id)) {
    // One that ended a moment ago may still be called active.
    if (turnId <= watching.shown || watching.turns?.has(turnId) === true) continue;
    await tell(watching, typingFrame(turnId, chat.id, runtime.now()));
    attend(watching, turnId, chat.id);
  }
}

function attend(watching: Watching, turnId: number, conversationId: number): void {
  const { socket } = watching;
  watching.turns ??= new Map();
  if (watching.turns.has(turnId) || socket.readyState !== socket.OPEN) return;
  const controller = watching.streams ? new AbortController() : null;
  watching.turns.set(turnId, controller);
  if (controller === null) return;
  // Its end, and its failure, are in the feed; one that has ended already shows nothing here.
  showText(watching, turnId, conversationId, controller.signal).catch(() => {});
}

async function showText(
  watching: Watching,
  turnId: number,
  conversationId: number,
  signal: AbortSignal,
): Promise<void> {
  const { core, runtime } = watching.options;
  let text = '';
  for await (const group of core.turns.follow(watching.caller, turnId, 0, signal)) {
    for (const event of group) if (event.type === 'delta') text += event.text;
    if (signal.aborted || group.at(-1)?.type === 'end') return;
    await tell(watching, streamingFrame(turnId, conversationId, text, runtime.now()));
  }
}
