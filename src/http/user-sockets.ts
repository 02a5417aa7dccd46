import type { WebSocket } from 'ws';
import { ParleyError } from '../core/errors.ts';
import { invalidToken } from '../core/identity/access-tokens.ts';
import type { Accounts } from '../core/identity/accounts.ts';
import type { UserCaller } from '../core/identity/caller.ts';
import type { Log } from '../core/log.ts';
import type { Runtime } from '../core/runtime.ts';
import { refuseSocket } from './sockets.ts';

/** What a contract's door says of the people at it; one object for all its sockets. */
export interface UserDoor {
  /** More sockets than this, of one person at this door, are refused. */
  socketsPerUser: number;
  /** How the contract tells of an error. */
  errorFrame: (error: ParleyError) => object;
}

/** The open sockets, and the streams, of people who are logged in. */
export interface UserSockets {
  /** A signal that aborts as soon as the login is revoked, for a response that may take long; `release` it when that is over. */
  whileLoggedIn(caller: UserCaller): { signal: AbortSignal; release: () => void };
  /**
   * Takes in the socket of one who was identified, until it closes; false where it closed meanwhile, or was told that it is one
   * too many, and closed (4429). As soon as the login is revoked, the socket is told, and closed (4401), and its messages
   * are not heard any more.
   */
  admit(socket: WebSocket, caller: UserCaller, door: UserDoor): boolean;
}

export interface UserSocketsParts {
  accounts: Pick<Accounts, 'onRevoked' | 'revokedSince'>;
  runtime: Pick<Runtime, 'now'>;
  log: Log;
}

/** A socket's place among those of its user: all that is kept of it, and there are thousands. */
interface Seat {
  socket: WebSocket;
  door: UserDoor;
  userId: number;
  loginId: number;
  /** The next of the same user. */
  next: Seat | undefined;
}

export function createUserSockets({ accounts, runtime, log }: UserSocketsParts): UserSockets {
  const seats = new Map<WebSocket, Seat>();
  const firstOf = new Map<number, Seat>();
  const streams = new Map<AbortController, number>();
  const revocations = createRevocations({
    accounts,
    runtime,
    log,
    onRevoked(logins) {
      for (const { door, loginId, socket } of seats.values()) {
        if (!logins.has(loginId)) continue;
        const error = invalidToken();
        refuseSocket(socket, error, door.errorFrame(error));
      }
      for (const [stream, loginId] of streams) {
        if (logins.has(loginId)) stream.abort(invalidToken());
      }
    },
  });
  const rest = () => {
    if (seats.size === 0 && streams.size === 0) revocations.stop();
  };

  function leave(this: WebSocket): void {
    const seat = seats.get(this);
    if (seat === undefined) return;
    seats.delete(this);
    unlink(firstOf, seat);
    rest();
  }

  return {
    whileLoggedIn({ loginId }) {
      const stream = new AbortController();
      streams.set(stream, loginId);
      if (revocations.isRevoked(loginId)) stream.abort(invalidToken());
      revocations.start();
      return { signal: stream.signal, release: () => void (streams.delete(stream) && rest()) };
    },
    admit(socket, { userId, loginId }, door) {
      // A client may leave while it is identified; nobody would tell of it again.
      if (socket.readyState !== socket.OPEN) return false;
      const first = firstOf.get(userId);
      const full = countAt(door, first) >= door.socketsPerUser;
      if (full || revocations.isRevoked(loginId)) {
        const error = full ? tooManySockets(door.socketsPerUser) : invalidToken();
        refuseSocket(socket, error, door.errorFrame(error));
        return false;
      }
      const seat = { socket, door, userId, loginId, next: first };
      seats.set(socket, seat);
      firstOf.set(userId, seat);
      socket.on('close', leave);
      revocations.start();
      return true;
    },
  };
}

function tooManySockets(most: number): ParleyError {
  const text = `At most ${most} connections of one account may be open at once. Close another one first.`;
  return new ParleyError('rate_limited', text);
}

function countAt(door: UserDoor, first: Seat | undefined): number {
  let count = 0;
  for (let seat = first; seat !== undefined; seat = seat.next) {
    if (seat.door === door && seat.socket.readyState === seat.socket.OPEN) count++;
  }
  return count;
}

function unlink(firstOf: Map<number, Seat>, gone: Seat): void {
  const first = firstOf.get(gone.userId);
  if (first === gone) {
    if (gone.next === undefined) firstOf.delete(gone.userId);
    else firstOf.set(gone.userId, gone.next);
    return;
  }
  for (let seat = first; seat !== undefined; seat = seat.next) {
    if (seat.next === gone) seat.next = gone.next;
  }
}

/** What another process revokes is heard of within this. */
const askEveryMs = 500;

/** A row may become visible this much later than the time that it says, and two machines' clocks differ. */
const overlapMs = 10_000;

interface Revocations {
  /** Asks again and again, until `stop`. */
  start(): void;
  stop(): void;
  /** Whether the login was revoked in the last seconds: one who was identified just before. */
  isRevoked(loginId: number): boolean;
}

function createRevocations({
  accounts,
  runtime,
  log,
  onRevoked,
}: UserSocketsParts & { onRevoked: (logins: ReadonlySet<number>) => void }): Revocations {
  let timer: NodeJS.Timeout | undefined;
  let recent: ReadonlySet<number> = new Set();
  let askedAt = 0;
  let asking = false;
  let askAgain = false;
  let failed = false;

  const askOnce = async () => {
    const now = runtime.now();
    const revoked = new Set(await accounts.revokedSince(askedAt - overlapMs));
    askedAt = now;
    const before = recent;
    recent = revoked;
    const news = revoked.difference(before);
    if (news.size > 0) onRevoked(news);
  };
  const ask = async () => {
    if (timer === undefined) return;
    askAgain = asking;
    if (asking) return;
    asking = true;
    try {
      do {
        askAgain = false;
        await askOnce();
      } while (askAgain);
      failed = false;
    } catch (err) {
      if (!failed) log.error({ err }, 'it is not known which logins were revoked; their sockets stay open');
      failed = true;
    } finally {
      asking = false;
    }
  };
  accounts.onRevoked(() => void ask());

  return {
    start() {
      if (timer !== undefined) return;
      timer = setInterval(() => void ask(), askEveryMs);
      timer.unref();
      recent = new Set();
      askedAt = runtime.now();
      void ask();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
    isRevoked: (loginId) => recent.has(loginId),
  };
}
