import type { WebSocket } from 'ws';
import type { Caller, Participant, UserCaller } from '../../core/identity/caller.ts';
import type { Seat as TakenSeat, Seats } from '../../core/limits/seats.ts';
import type { Log } from '../../core/log.ts';
import type { Rooms } from '../../core/realtime/rooms.ts';
import { sendFrame, type Sockets } from '../../http/sockets.ts';
import type { UserDoor, UserSockets } from '../../http/user-sockets.ts';
import type { HelpdeskOptions } from './options.ts';
import type { Frame, Language } from './socket-frames.ts';
import type { Screen } from './socket-screen.ts';
import type { Seat, StaffDesk } from './socket-staff.ts';

/** What sockets need beside what the rest of the contract does. */
export interface SocketOptions extends HelpdeskOptions {
  log: Log;
  sockets: Pick<Sockets, 'add'>;
  userSockets: UserSockets;
  seats: Pick<Seats, 'take'>;
  /** Open sockets of one address, over all nodes. */
  socketsPerAddress: number;
  /** Largest text frame that a socket may send. */
  socketFrameBytes: number;
}

/** What all sockets have in common. */
export interface Door {
  options: SocketOptions;
  /** What customers' sockets show. */
  rooms: Rooms<Screen>;
  desk: StaffDesk;
  /** How those who are logged in are told of errors. */
  userDoors: Record<Language, UserDoor>;
}

export type FrameId = string | number | undefined;

/** Somebody at the door: idle ones are many, so this is all that there is of one, with a screen for each session. */
export interface Visit {
  door: Door;
  socket: WebSocket;
  ip: string;
  requestId: string;
  language: Language;
  /** Null for a guest. */
  caller: UserCaller | null;
  /** The customer's sessions that it shows, the one that was named last at the end. */
  screens: readonly Screen[];
  /** An agent's place. */
  seat: Seat | null;
  /** Its place among the sockets of its address; null where nobody counts them. */
  counted: TakenSeat | null;
  /** Frames of the client's that wait for the one before; null where none is handled. */
  inbox: { data: Buffer; isBinary: boolean }[] | null;
  /** Null where nothing of it has come yet. */
  pace: Pace | null;
}

/** Of what comes often; times are monotonic. */
export interface Pace {
  /** When a ping was answered last. */
  pingedAt: number;
  /** When the last second of signals began, and how many have been passed on in it. */
  signalledAt: number;
  signals: number;
}

/** A session as a customer has it. */
export interface CustomersSession {
  as: Participant;
  conversationId: number;
  key: string;
  /** The contract through which it began. */
  channel: string;
}

/** Sends a frame; `id` is of the client's that it answers. */
export function send(
  { socket }: Visit,
  { type, data }: Frame,
  id?: FrameId,
  cursor?: string,
): Promise<void> | void {
  return sendFrame(socket, {
    type,
    ...(id !== undefined && { id }),
    data,
    ...(cursor !== undefined && { cursor }),
  });
}

export function isOpen({ socket }: Visit): boolean {
  return socket.readyState === socket.OPEN;
}

/** As limits and core see who is here. */
export function callerOf({ caller, ip }: Visit): Caller {
  return caller ?? { kind: 'anonymous', ip };
}
