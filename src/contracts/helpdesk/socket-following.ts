import type { DeskChange } from '../../core/desk/desk-feed.ts';
import { aiTypingFrame, streamFrame } from './socket-frames.ts';
import type { Seat } from './socket-staff.ts';
import { isOpen, send } from './socket-visit.ts';

/** A session whose answers an agent's socket sees as they are made. */
export interface WatchedSession {
  conversationId: number;
  key: string;
  /** The answer that is being made, and how much of it was shown. */
  turn: { id: number; said: string; following: AbortController } | undefined;
  /** The newest answer that was shown ended. */
  ended: number;
}

/** Sessions that a socket watches at once, at most; the one that was named longest ago makes room. */
const mostSessions = 8;

/** From now on the socket sees this session's answers as they are made. */
export function watchSession(
  seat: Seat,
  { conversationId, key }: Pick<WatchedSession, 'conversationId' | 'key'>,
): void {
  const known = seat.sessions.find((session) => session.conversationId === conversationId);
  const session: WatchedSession = known ?? { conversationId, key, turn: undefined, ended: 0 };
  const all = [...seat.sessions.filter((each) => each !== session), session];
  for (const { turn } of all.slice(0, -mostSessions)) turn?.following.abort();
  seat.sessions = all.slice(-mostSessions);
  followActive(seat, session);
}

export function leaveSessions(seat: Seat): void {
  for (const { turn } of seat.sessions) turn?.following.abort();
  seat.sessions = [];
}

/** Shows the answer that is on its way, if one is. */
export function followActive(seat: Seat, session: WatchedSession): void {
  if (session.turn !== undefined || !isOpen(seat.visit)) return;
  const { core, log } = seat.visit.door.options;
  core.turns
    .goingOnIn(session.conversationId)
    .then((ids) => followFirst(seat, session, ids))
    .catch((err: unknown) => log.error({ err }, 'an agent could not be shown an answer on its way'));
}

function followFirst(seat: Seat, session: WatchedSession, ids: readonly number[]): void {
  // Meanwhile it may be followed, not be watched any more, or have ended.
  if (session.turn !== undefined || !isOpen(seat.visit) || !seat.sessions.includes(session)) return;
  // Whoever has just come back may know of an end that nobody here was told of yet.
  const id = ids.find((each) => each > session.ended);
  if (id !== undefined) follow(seat, session, id);
}

/** To be called when a question was shown. */
export function questionAsked(seat: Seat, { conversationId }: DeskChange): void {
  const session = seat.sessions.find((each) => each.conversationId === conversationId);
  if (session !== undefined) followActive(seat, session);
}

/** To be called when a message is gone: then the end of an answer was not told. */
export function answerGone(seat: Seat, { conversationId, messageId }: DeskChange): void {
  const session = seat.sessions.find((each) => each.conversationId === conversationId);
  if (session?.turn === undefined || session.turn.id !== messageId) return;
  session.ended = Math.max(session.ended, messageId);
  session.turn.following.abort();
  session.turn = undefined;
  followActive(seat, session);
}

/** To be called before the end of an answer is shown: the rest of what was said comes before it. */
export function answerEnds(seat: Seat, { conversationId, message }: DeskChange): void {
  const session = seat.sessions.find((each) => each.conversationId === conversationId);
  if (session === undefined || message === null) return;
  const { turn } = session;
  session.ended = Math.max(session.ended, message.id);
  if (turn?.id !== message.id) return;
  turn.following.abort();
  session.turn = undefined;
  const { content } = message;
  if (content !== '') {
    void send(seat.visit, streamFrame(session.key, content.slice(turn.said.length), content, true));
  }
  followActive(seat, session);
}

function follow(seat: Seat, session: WatchedSession, id: number): void {
  const turn = { id, said: '', following: new AbortController() };
  session.turn = turn;
  void send(seat.visit, aiTypingFrame(session.key));
  show(seat, session, turn).catch(() => {
    // Its end is told by the feed.
    if (session.turn === turn) session.turn = undefined;
  });
}

async function show(
  { visit, caller }: Seat,
  session: WatchedSession,
  turn: NonNullable<WatchedSession['turn']>,
): Promise<void> {
  const { turns } = visit.door.options.core;
  for await (const group of turns.followAsStaff(caller, turn.id, 0, turn.following.signal)) {
    for (const event of group) {
      if (event.type === 'end' || session.turn !== turn) continue;
      turn.said += event.text;
      await send(visit, streamFrame(session.key, event.text, turn.said, false));
    }
  }
}
