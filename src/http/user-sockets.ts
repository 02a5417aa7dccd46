import type { WebSocket } from 'ws';
import { ParleyError } from '../core/errors.ts';
import { invalidToken } from '../core/identity/access-tokens.ts';
import type { Accounts } from '../core/identity/accounts.ts';
import type { UserCaller } from '../core/identity/caller.ts';
import type { Seat, Seats } from '../core/limits/seats.ts';
import type { Log } from '../core/log.ts';
import type { Runtime } from '../core/runtime.ts';
import { refuseSocket } from './sockets.ts';

/** What a contract's door says of the people at it; one object for all its sockets. */
export interface UserDoor {
  /** Sockets of doors with the same name are counted together, over all nodes. */
  name: string;
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
   * are not heard any more. What comes before it is in must be kept from being read: the socket paused, or its frames held back.
   */
  admit(socket: WebSocket, caller: UserCaller, door: UserDoor): Promise<boolean>;
}

export interface UserSocketsParts {
  accounts: Pick<Accounts, 'onRevoked' | 'revokedSince'>;
  seats: Pick<Seats, 'take'>;
  runtime: Pick<Runtime, 'now'>;
  log: Log;
}

/** A socket's place among those of its user: all that is kept of it, and there are thousands. */
interface Place {
  socket: WebSocket;
  door: UserDoor;
  userId: number;
  loginId: number;
  /** Undefined at a door that does not count. */
  seat: Seat | undefined;
  /** The next of the same user. */
  next: Place | undefined;
}

export function createUserSockets({ accounts, seats, runtime, log }: UserSocketsParts): UserSockets {
  const places = new Map<WebSocket, Place>();
  const firstOf = new Map<number, Place>();
  const streams = new Map<AbortController, number>();
  const revocations = createRevocations({
    accounts,
    runtime,
    log,
    onRevoked(logins) {
      for (const { door, loginId, socket, seat } of places.values()) {
        if (!logins.has(loginId)) continue;
        seat?.release();
        refuse(socket, door, invalidToken());
      }
      for (const [stream, loginId] of streams) {
        if (logins.has(loginId)) stream.abort(invalidToken());
      }
    },
  });
  const rest = () => {
    if (places.size === 0 && streams.size === 0) revocations.stop();
  };

  function leave(this: WebSocket): void {
    const place = places.get(this);
    if (place === undefined) return;
    place.seat?.release();
    places.delete(this);
    unlink(firstOf, place);
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
    async admit(socket, { userId, loginId }, door) {
      if (!isOpen(socket)) return false;
      releaseClosing(firstOf.get(userId));
      const seat = await takeSeat(seats, door, userId);
      // A client may leave while it is identified or counted; nobody would tell of it again.
      const isFull = seat === null;
      const isRevoked = revocations.isRevoked(loginId);
      if (!isOpen(socket) || isFull || isRevoked) {
        seat?.release();
        if (isOpen(socket))
          refuse(socket, door, isFull ? tooManySockets(door.socketsPerUser) : invalidToken());
        return false;
      }
      const place = { socket, door, userId, loginId, seat, next: firstOf.get(userId) };
      places.set(socket, place);
      firstOf.set(userId, place);
      socket.on('close', leave);
      revocations.start();
      return true;
    },
  };
}

function isOpen(socket: WebSocket): boolean {
  return socket.readyState === socket.OPEN;
}

function refuse(socket: WebSocket, door: UserDoor, error: ParleyError): void {
  refuseSocket(socket, error, door.errorFrame(error));
}

/** Null where they are all taken, undefined where nobody counts. */
function takeSeat(
  seats: Pick<Seats, 'take'>,
  { name, socketsPerUser }: UserDoor,
  userId: number,
): Promise<Seat | null> | undefined {
  return Number.isFinite(socketsPerUser) ? seats.take(name, `user:${userId}`, socketsPerUser) : undefined;
}

/** Those that are saying good-bye count no more. */
function releaseClosing(first: Place | undefined): void {
  for (let place = first; place !== undefined; place = place.next) {
    if (!isOpen(place.socket)) place.seat?.release();
  }
}

function tooManySockets(most: number): ParleyError {
  const text = `At most ${most} connections of one account may be open at once. Close another one first.`;
  return new ParleyError('rate_limited', text);
}

function unlink(firstOf: Map<number, Place>, gone: Place): void {
  const first = firstOf.get(gone.userId);
  if (first === gone) {
    if (gone.next === undefined) firstOf.delete(gone.userId);
    else firstOf.set(gone.userId, gone.next);
    return;
  }
  for (let place = first; place !== undefined; place = place.next) {
    if (place.next === gone) place.next = gone.next;
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
}: Omit<UserSocketsParts, 'seats'> & { onRevoked: (logins: ReadonlySet<number>) => void }): Revocations {
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
