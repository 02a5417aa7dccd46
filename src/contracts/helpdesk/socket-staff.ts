import type { DeskChange, DeskWatcher } from '../../core/desk/desk-feed.ts';
import type { Availability } from '../../core/desk/presence.ts';
import { asParleyError, ParleyError } from '../../core/errors.ts';
import type { StaffCaller } from '../../core/identity/caller.ts';
import type { Signal } from '../../core/realtime/signals.ts';
import { closeCodes, refuseSocket, sendText } from '../../http/sockets.ts';
import { cursorText, type Cursor } from './socket-cursor.ts';
import { errorFrame, presenceFrame, resetFrame, typingFrame } from './socket-frames.ts';
import {
  answerEnds,
  answerGone,
  followActive,
  leaveSessions,
  questionAsked,
  type WatchedSession,
} from './socket-following.ts';
import { isOpen, send, type FrameId, type SocketOptions, type Visit } from './socket-visit.ts';
import { staffFramesOf, type StaffFrame } from './staff-frames.ts';

/** An agent's socket: it is told of everything. */
export interface Seat extends DeskWatcher {
  visit: Visit;
  caller: StaffCaller;
  /** How the agent is called. */
  name: string;
  /** What the client has been told; `seen` frames of the change after it. */
  position: { after: number; seen: number };
  /** Sessions whose answers it sees as they are made, the one that was named last at the end. */
  sessions: readonly WatchedSession[];
  /** As of a customer's `Screen`. */
  names: Map<number, FrameId> | undefined;
  asking: Promise<unknown> | undefined;
  stop: (() => void) | undefined;
}

/** Where staff sit. */
export interface StaffDesk {
  /** Takes in one who was identified: tells what was missed since `cursor`, and from now on everything, until the socket closes. */
  sit(visit: Visit, caller: StaffCaller, name: string, cursor: Cursor): Promise<void>;
  leave(seat: Seat): void;
  /** To all who sit here but the agent that it comes from. */
  signal(signal: Signal): void;
}

/** An agent who is none any more hears of nothing after so long, where another process has changed it. */
const recheckMs = 1_000;

export function createStaffDesk(options: SocketOptions): StaffDesk {
  const { core, log } = options;
  const seats = new Map<Seat, () => void>();
  let timer: NodeJS.Timeout | undefined;

  const recheck = () => {
    removeFormer(options, seats.keys()).catch((err: unknown) =>
      log.error({ err }, 'it is not known whether all who are told of conversations are still agents'),
    );
  };
  core.accounts.onRevoked(recheck);
  core.presence.watch((agentId, availability) => tellPresence(options, seats, agentId, availability));
  const leave = (seat: Seat) => {
    seat.stop?.();
    leaveSessions(seat);
    seats.get(seat)?.();
    seats.delete(seat);
    if (seats.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  return {
    leave,
    async sit(visit, caller, name, { after, seen = 0 }) {
      const seat: Seat = {
        visit,
        caller,
        name,
        position: { after, seen },
        sessions: [],
        names: undefined,
        asking: undefined,
        stop: undefined,
        onChanges,
        onReset,
        onFailure,
      };
      visit.seat = seat;
      seats.set(seat, core.presence.arrive(caller));
      timer ??= setInterval(recheck, recheckMs).unref();
      const { stop } = await core.deskFeed.watch(caller, after, seat);
      seat.stop = stop;
      if (!isOpen(visit)) leave(seat);
    },
    signal(signal) {
      if (seats.size === 0) return;
      core.deskFeed
        .keyOf(signal.conversationId)
        .then((key) => {
          if (key !== undefined) tellSignal(seats.keys(), signal, key);
        })
        .catch((err: unknown) => log.error({ err }, 'staff could not be told who is typing'));
    },
  };
}

function tellPresence(
  options: SocketOptions,
  seats: ReadonlyMap<Seat, unknown>,
  agentId: number,
  availability: Availability,
): void {
  if (seats.size === 0) return;
  options.core.accounts
    .namesOf([agentId])
    .then((names) => {
      const text = JSON.stringify(presenceFrame(agentId, names.get(agentId) ?? '', availability));
      for (const { visit } of seats.keys()) void sendText(visit.socket, text);
    })
    .catch((err: unknown) => options.log.error({ err }, 'staff could not be told who is there'));
}

function tellSignal(seats: Iterable<Seat>, signal: Signal, key: string): void {
  const text = JSON.stringify(typingFrame(key, signal));
  const sender = signal.from.kind === 'agent' ? signal.from.id : undefined;
  for (const { visit, caller } of seats) if (caller.userId !== sender) void sendText(visit.socket, text);
}

async function removeFormer(options: SocketOptions, seats: Iterable<Seat>): Promise<void> {
  const byAgent = Map.groupBy(seats, ({ caller }) => caller.userId);
  for (const [agentId, theirs] of byAgent) {
    const account = await options.core.accounts.get(agentId);
    if (account?.status === 'active' && account.role !== 'user') continue;
    const error = new ParleyError('forbidden', 'This account is no agent’s any more.');
    for (const { visit } of theirs) refuseSocket(visit.socket, error, errorFrame(error, visit.language));
  }
}

function onChanges(this: Seat, changes: readonly DeskChange[]): Promise<void> | void {
  // Then it is known which of them it has sent.
  if (this.asking !== undefined) return this.asking.then(() => tellAll(this, changes));
  return tellAll(this, changes);
}

function tellAll(seat: Seat, changes: readonly DeskChange[]): Promise<void> | void {
  let slow: Promise<void> | undefined;
  for (const change of changes) slow = tellChange(seat, change) ?? slow;
  return slow;
}

function tellChange(seat: Seat, change: DeskChange): Promise<void> | void {
  const { visit, position } = seat;
  const skipped = change.cursor === position.after + 1 ? position.seen : 0;
  if (change.type === 'answered') answerEnds(seat, change);
  const id = nameOfOwn(seat, change);
  let sent: Promise<void> | undefined;
  for (const [at, frame] of staffFramesOf(change).entries()) {
    if (at < skipped) continue;
    const sending =
      id === undefined ? sendText(visit.socket, frame.text(visit.language)) : tellNamed(visit, frame, id);
    sent = sending ?? sent;
  }
  seat.position = { after: change.cursor, seen: 0 };
  if (change.type === 'asked') questionAsked(seat, change);
  if (change.type === 'message_removed') answerGone(seat, change);
  return sent;
}

/** The id of the frame with which this socket sent the message. */
function nameOfOwn({ names }: Seat, { message }: DeskChange): FrameId {
  if (names === undefined || message === null) return undefined;
  const id = names.get(message.id);
  names.delete(message.id);
  return id;
}

function tellNamed(visit: Visit, { frame, cursor }: StaffFrame, id: FrameId): Promise<void> | void {
  const shown = frame(visit.language);
  return send(visit, shown, shown.type === 'message' ? id : undefined, cursor);
}

function onReset(this: Seat, head: number): void {
  this.position = { after: head, seen: 0 };
  void send(this.visit, resetFrame, undefined, cursorText(this.position));
  for (const session of this.sessions) followActive(this, session);
}

/** The client may come back with its cursor. */
function onFailure(this: Seat, thrown: unknown): void {
  const { door, language, socket } = this.visit;
  door.options.log.error({ err: thrown }, 'staff could not be told any further of what changes');
  void send(this.visit, errorFrame(asParleyError(thrown), language));
  socket.close(closeCodes.serviceRestart, 'try again');
}
