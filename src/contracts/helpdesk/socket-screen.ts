import type { Message } from '../../core/conversations/conversations.ts';
import { isGone, unlessGone } from '../../core/conversations/own.ts';
import { asParleyError } from '../../core/errors.ts';
import type { FeedItem, Watcher } from '../../core/realtime/feed.ts';
import type { Present } from '../../core/realtime/rooms.ts';
import { isMadeAgain } from '../../core/turns/turn.ts';
import { closeCodes } from '../../http/sockets.ts';
import { noSession } from './party.ts';
import { sessionIdOf } from './present.ts';
import { cursorText, type Cursor } from './socket-cursor.ts';
import {
  aiTypingFrame,
  answerFrame,
  errorFrame,
  messageFrame,
  receiptFrame,
  removedFrame,
  resetFrame,
  statusFrame,
  streamFrame,
  type Frame,
} from './socket-frames.ts';
import { isOpen, send, type CustomersSession, type FrameId, type Visit } from './socket-visit.ts';

/** An answer that is being made, or waits to be. */
interface ShownTurn {
  id: number;
  /** How much of it was shown, in code units, and that text, as far as anything of it was shown here. */
  offset: number;
  said: string;
  /** Whether the client was told that it has begun. */
  begun: boolean;
  following: AbortController | undefined;
}

/** What a customer's socket shows of a session: every change once, and answers while they are made. It watches the feed itself. */
export interface Screen extends CustomersSession, Watcher, Present<Screen> {
  visit: Visit;
  /** The last change that was shown. */
  cursor: number;
  /** In their order; of the first, text may come. */
  turns: readonly ShownTurn[];
  /** The newest answer that was shown ended. */
  ended: number;
  /** The newest message of the others that was shown; 0 where none was. */
  shown: number;
  /** While the past is shown, nothing is said of the present. */
  replaying: boolean;
  /** By message, the id of the frame that sent it here and will be shown with it. */
  names: Map<number, FrameId> | undefined;
  /** The message that is being stored. */
  asking: Promise<unknown> | undefined;
  stopWatching: (() => void) | undefined;
  next: Screen | undefined;
}

const none: readonly ShownTurn[] = [];

export function createScreen(visit: Visit, session: CustomersSession): Screen {
  return {
    ...session,
    visit,
    onItems,
    onReset,
    onFailure,
    cursor: 0,
    turns: none,
    ended: 0,
    shown: 0,
    replaying: true,
    names: undefined,
    asking: undefined,
    stopWatching: undefined,
    next: undefined,
  };
}

/** Shows what the client has missed since `cursor`, then what is on its way; from now on, what changes. */
export async function openScreen(screen: Screen, { after, turn: seen }: Cursor): Promise<void> {
  const { visit, conversationId } = screen;
  const { options, rooms } = visit.door;
  screen.cursor = after;
  if (seen !== undefined) screen.turns = [{ ...newTurn(seen.id), offset: seen.offset, begun: true }];
  screen.stopWatching = await options.core.feed.watch({ conversationId }, after, screen);
  if (!isOpen(visit)) return closeScreen(screen);
  rooms.enter(screen);
  await join(screen, seen);
}

/** Safe to repeat. */
export function closeScreen(screen: Screen): void {
  screen.visit.door.rooms.leave(screen);
  screen.stopWatching?.();
  for (const { following } of screen.turns) following?.abort();
  screen.turns = none;
}

/** Sends a frame with the cursor. */
export function tell(screen: Screen, frame: Frame, id?: FrameId): Promise<void> | void {
  return send(screen.visit, frame, id, cursorText(cursorOf(screen)));
}

/** How far its client has been told. */
export function cursorOf({ cursor, turns: [first] }: Screen): Cursor {
  return { after: cursor, turn: first?.begun === true ? first : undefined };
}

async function onItems(this: Screen, items: FeedItem[]): Promise<void> {
  const before = this.shown;
  for (const item of items) await show(this, item);
  if (this.shown > before && isOpen(this.visit)) deliver(this);
}

function onReset(this: Screen, head: number): void {
  this.cursor = head;
  for (const { following } of this.turns) following?.abort();
  this.turns = none;
  void tell(this, resetFrame);
}

/** The client may come back with its cursor. */
function onFailure(this: Screen, thrown: unknown): void {
  const { door, language, socket } = this.visit;
  door.options.log.error({ err: thrown }, 'a session could not be shown any further');
  void tell(this, errorFrame(asParleyError(thrown), language));
  socket.close(closeCodes.serviceRestart, 'try again');
}

/** What came out on an open socket of its reader is delivered. */
function deliver({ visit, as, conversationId, shown }: Screen): void {
  const { core, log } = visit.door.options;
  core.conversations
    .acknowledge(as, { conversationId, upTo: shown, receipt: 'delivered' })
    .catch((err: unknown) => log.error({ err }, 'an answer could not be marked delivered'));
}

async function show(screen: Screen, item: FeedItem): Promise<void> {
  const { type, message, cursor } = item;
  if (type === 'removed') return showRemoval(screen, cursor);
  if (type === 'asked' && message !== null) await showQuestion(screen, item, message);
  else if (type === 'answered' && message !== null) await showEnd(screen, cursor, message);
  screen.cursor = Math.max(screen.cursor, cursor);
  const frame = type === 'replied' ? await replyFrame(screen, item) : otherFrame(screen, item);
  if (frame !== undefined) await tell(screen, frame);
  if (type === 'message_removed') forget(screen, item);
}

async function replyFrame(screen: Screen, { message }: FeedItem): Promise<Frame | undefined> {
  if (message === null) return undefined;
  const { visit, key } = screen;
  const id = message.senderId;
  noteShown(screen, message);
  if (id === null) return messageFrame(key, message, visit.language);
  const names = await visit.door.options.core.accounts.namesOf([id]);
  return messageFrame(key, message, visit.language, { id, name: names.get(id) ?? '' });
}

function otherFrame({ key, visit }: Screen, item: FeedItem): Frame | undefined {
  const { type, data } = item;
  if (type === 'status') return statusFrame(key, item, visit.language);
  if (type === 'message_removed') return removedFrame(key, item);
  // What the customer has read, the customer knows.
  return type === 'receipt' && data?.['by'] === 'staff' ? receiptFrame(key, item) : undefined;
}

/** A message that was to be answered, or heard, is gone: then its end was not told. */
function forget(screen: Screen, { messageId }: FeedItem): void {
  const [first] = screen.turns;
  const gone = screen.turns.find(({ id }) => id === messageId);
  if (gone === undefined) return;
  gone.following?.abort();
  screen.turns = screen.turns.filter((turn) => turn !== gone);
  if (gone === first) begin(screen);
}

function noteShown(screen: Screen, { id, receipt }: Message): void {
  if (receipt === 'sent') screen.shown = Math.max(screen.shown, id);
}

function showRemoval(screen: Screen, cursor: number): void {
  const { visit, key } = screen;
  screen.cursor = cursor;
  void tell(screen, errorFrame(noSession(), visit.language, { session_id: sessionIdOf(key) }));
  visit.screens = visit.screens.filter((each) => each !== screen);
  closeScreen(screen);
}

async function showQuestion(screen: Screen, { data, cursor }: FeedItem, message: Message): Promise<void> {
  // Then it is known under which id the client sent it.
  await screen.asking;
  screen.cursor = cursor;
  const id = screen.names?.get(message.id);
  screen.names?.delete(message.id);
  await tell(screen, messageFrame(screen.key, message, screen.visit.language), id);
  const turnId = data?.['turnId'];
  if (typeof turnId === 'number') expect(screen, turnId);
}

/** The rest of what was said, then the answer as it is kept. */
async function showEnd(screen: Screen, cursor: number, answer: Message): Promise<void> {
  const { key, visit } = screen;
  const { id, content } = answer;
  const wasFirst = screen.turns[0]?.id === id;
  const shown = screen.turns.find((turn) => turn.id === id) ?? newTurn(id);
  const others = screen.turns.filter((turn) => turn !== shown);
  shown.following?.abort();
  if (shown.begun && content !== '' && shown.offset <= content.length) {
    // Until the end itself is shown, the client has seen all of it but not the change.
    screen.turns = [{ ...shown, offset: content.length + 1 }, ...others];
    void tell(screen, streamFrame(key, content.slice(shown.offset), content, true));
  }
  screen.turns = others;
  screen.ended = Math.max(screen.ended, id);
  screen.cursor = cursor;
  const frame = answerFrame(key, answer, visit.language);
  if (content !== '') noteShown(screen, answer);
  if (frame !== undefined) await tell(screen, frame);
  if (wasFirst) begin(screen);
}

/** Puts the answers that are on their way onto the screen, beside those of questions that were just shown. */
async function join(screen: Screen, seen: Cursor['turn']): Promise<void> {
  const { visit, as, conversationId } = screen;
  const { core } = visit.door.options;
  // Asked after the watching has begun: what begins or ends from now on is told by the feed.
  const active = await core.turns.activeIn(conversationId);
  // What a cursor says of a turn that is none of this session's, or has long ended, is not to be waited for.
  screen.turns = screen.turns.filter(({ id }) => id !== seen?.id || active.includes(id));
  for (const id of active) {
    const answer = await unlessGone(core.conversations.message(as, conversationId, id));
    if (answer === undefined || id <= screen.ended) continue;
    const { state: made, content } = answer;
    const known = screen.turns.find((turn) => turn.id === id);
    if (known !== undefined) {
      if (known.offset > content.length) known.offset = 0;
      known.said = content.slice(0, known.offset);
      known.begun = false;
    } else if (made === 'queued' || made === 'running') {
      // Its end is yet to be told.
      screen.turns = [...screen.turns, newTurn(id)];
    }
  }
  screen.turns = screen.turns.length === 0 ? none : screen.turns.toSorted((a, b) => a.id - b.id);
  screen.replaying = false;
  begin(screen);
}

function newTurn(id: number): ShownTurn {
  return { id, offset: 0, said: '', begun: false, following: undefined };
}

function expect(screen: Screen, id: number): void {
  if (id <= screen.ended || screen.turns.some((turn) => turn.id === id)) return;
  screen.turns = [...screen.turns, newTurn(id)];
  if (screen.turns.length === 1) begin(screen);
}

/** Says that the first answer is being made, and lets it be heard. */
function begin(screen: Screen): void {
  const [first] = screen.turns;
  if (screen.replaying || first === undefined || first.begun) return;
  // Closed in the middle of what it was told: nobody would end the following.
  if (!isOpen(screen.visit)) return;
  first.begun = true;
  void tell(screen, aiTypingFrame(screen.key));
  void follow(screen, first);
}

async function follow(screen: Screen, turn: ShownTurn): Promise<void> {
  const { visit, as, key } = screen;
  const following = new AbortController();
  turn.following = following;
  try {
    const groups = visit.door.options.core.turns.follow(as, turn.id, turn.offset, following.signal);
    for await (const group of groups) {
      for (const event of group) {
        // The end is told by the feed, after everything that came before it.
        if (event.type === 'end' || screen.turns[0] !== turn) continue;
        turn.said += event.text;
        turn.offset = turn.said.length;
        await tell(screen, streamFrame(key, event.text, turn.said, false));
      }
    }
  } catch (thrown) {
    // That it is gone is told by the feed.
    const isTold = isGone(thrown) || isMadeAgain(thrown);
    if (screen.turns[0] === turn && !isTold) screen.onFailure(thrown);
  }
}
