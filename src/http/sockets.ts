import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ErrorCode, ParleyError } from '../core/errors.ts';
import type { ClientAddress } from './client-address.ts';
import type { OriginPolicy } from './cross-origin.ts';
import { socketCredentialsOf, type Credentials } from './credentials.ts';
import type { Metrics } from './metrics.ts';
import { createSocketDoors, type DoorOptions } from './socket-doors.ts';
import { createPulse } from './socket-pulse.ts';

/** What a contract learns of a socket that opens. */
export interface SocketRequest {
  ip: string;
  requestId: string;
  credentials: Credentials;
  /** The parameter of the door's path, decoded. */
  params: Readonly<Record<string, string>>;
  /** The query without the token. */
  query: URLSearchParams;
  acceptLanguage: string | undefined;
}

/** A contract's way of speaking on a path. */
export interface SocketDoor {
  contract: string;
  /** The types of the frames that clients may send. */
  frames: readonly string[];
  /**
   * Called once the handshake is done. A door that cannot listen at once pauses the socket. What it keeps of the request lives
   * as long as the socket.
   */
  open(socket: WebSocket, request: SocketRequest): void;
}

/** Tells of each door as it is added, `{ path, contract, frames }`, as Fastify's hook `onRoute` does of routes. */
export const socketDoorAdded = diagnostics.channel('parley.sockets.door-added');

/** Close codes of ../contracts/README (4000 and up) and of RFC 6455. */
export const closeCodes = {
  goingAway: 1001,
  serviceRestart: 1012,
  unauthorized: 4401,
  notFound: 4404,
  rateLimited: 4429,
} as const;

export interface SocketsParts {
  clientAddress: ClientAddress;
  requestId: (request: IncomingMessage) => string;
  metrics: Metrics;
  originAllowed: OriginPolicy;
  /** Frames larger than this end the connection (1009). Doors refuse smaller ones politely at their own limit. */
  maxFrameBytes: number;
  /** Between two pings; a socket that did not answer the one before is dead. */
  heartbeatMs: number;
}

/** All WebSockets of the process. */
export interface Sockets {
  /** `path` may end in one parameter: `/ws/chat/:session_id`. */
  add(path: string, door: SocketDoor, options?: DoorOptions): void;
  attach(server: Server): void;
  /** Nobody says good-bye to the socket before the returned function is called: it is told what no other process can tell. */
  hold(socket: WebSocket): () => void;
  /** Says good-bye to every open socket, to those that are held when they are released; resolves when all of them have answered it. */
  closeAll(code: number, reason: string): Promise<void>;
  close(): void;
}

export function createSockets(parts: SocketsParts): Sockets {
  const doors = createSocketDoors<CountedDoor>();
  const pulse = createPulse();
  const holds = createHolds();
  // What 10,000 idle sockets cost is what each of them keeps alive: listeners here are made once, or once a door, because a
  // listener that is made for a socket keeps the request that it was made in.
  const wss = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: parts.maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  const heartbeat = setInterval(pulse.beat, parts.heartbeatMs);
  heartbeat.unref();

  const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const [path = '/', text = ''] = (request.url ?? '/').split('?', 2);
    const query = new URLSearchParams(text);
    const credentials = socketCredentialsOf(request.headers, query);
    const found = doors.find(path, credentials.bearer);
    if (found === undefined) return refuse(stream, '404 Not Found');
    const { origin, host } = request.headers;
    if (!parts.originAllowed(origin, host)) return refuse(stream, '403 Forbidden');
    const { door, params } = found;
    query.delete('token');
    wss.handleUpgrade(request, stream, head, (socket) => {
      pulse.watch(socket);
      door.count(socket);
      const ip = parts.clientAddress(request);
      const acceptLanguage = request.headers['accept-language'];
      door.open(socket, {
        ip,
        requestId: parts.requestId(request),
        credentials,
        params,
        query,
        acceptLanguage,
      });
    });
  };

  return {
    add(path, door, options) {
      doors.add(path, countedDoor(door, parts.metrics), options);
      socketDoorAdded.publish({ path, contract: door.contract, frames: door.frames });
    },
    attach: (server) => void server.on('upgrade', upgrade),
    hold: holds.hold,
    async closeAll(code, reason) {
      const open = [...pulse.sockets];
      // Not `once` of node:events: a client that breaks the protocol now would make it reject.
      const closed = open.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
      for (const socket of open) holds.onceFree(socket, () => socket.close(code, reason));
      await Promise.all(closed);
    },
    close() {
      clearInterval(heartbeat);
      for (const socket of pulse.sockets) socket.terminate();
      wss.close();
    },
  };
}

/** Sockets that may not be closed yet. */
function createHolds() {
  const held = new Map<WebSocket, Promise<void>>();
  return {
    hold(socket: WebSocket): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      held.set(socket, promise);
      return () => {
        held.delete(socket);
        resolve();
      };
    },
    /** At once where it is not held. */
    onceFree(socket: WebSocket, then: () => void): void {
      const released = held.get(socket);
      if (released === undefined) then();
      else void released.then(then);
    },
  };
}

interface CountedDoor {
  open: SocketDoor['open'];
  count: (socket: WebSocket) => void;
}

function countedDoor(door: SocketDoor, metrics: Metrics): CountedDoor {
  const closed = () => metrics.socketClosed(door.contract);
  return {
    open: (socket, request) => door.open(socket, request),
    count(socket) {
      metrics.socketOpened(door.contract);
      socket.on('close', closed);
    },
  };
}

function refuse(stream: Duplex, status: string): void {
  stream.on('error', () => {});
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** Tells a client why it may not stay, with the code that ../contracts/README has for it, and hears it no more. */
export function refuseSocket(socket: WebSocket, { code }: ParleyError, frame?: object): void {
  socket.removeAllListeners('message');
  socket.on('newListener', unheard);
  // A paused socket would not read the client's goodbye.
  socket.resume();
  if (frame !== undefined) void sendFrame(socket, frame);
  socket.close(closeCodeOf(code), code);
}

/** A door that still waits for something begins to listen only after this. */
function unheard(this: WebSocket, event: string, listener: () => void): void {
  if (event === 'message') queueMicrotask(() => this.off('message', listener));
}

/** A fault of our own is no reason for the client to log in anew: it may come back. */
function closeCodeOf(code: ErrorCode): number {
  switch (code) {
    case 'rate_limited':
      return closeCodes.rateLimited;
    case 'not_found':
      return closeCodes.notFound;
    case 'overloaded':
    case 'maintenance':
    case 'storage_failed':
    case 'storage_unavailable':
    case 'internal':
      return closeCodes.serviceRestart;
    default:
      return closeCodes.unauthorized;
  }
}

/** Frames that wait for a slow client beyond this hold up their source. */
const highWaterBytes = 1024 * 1024;

/** A client that lets more wait than this, or as much as `highWaterBytes` for so long, is cut off: it may come back. */
const mostWaitingBytes = 8 * highWaterBytes;
const fullForMs = 60_000;

/** Sends a frame as JSON; resolves at once, or, where the client is slow, when the frame has left. */
export function sendFrame(socket: WebSocket, frame: object): Promise<void> | void {
  if (socket.readyState === socket.OPEN) return sendText(socket, JSON.stringify(frame));
}

/** `sendFrame` of a frame that is JSON already, such as one that goes to many. */
export function sendText(socket: WebSocket, text: string): Promise<void> | void {
  if (socket.readyState !== socket.OPEN) return;
  const waiting = socket.bufferedAmount;
  if (waiting < highWaterBytes) return socket.send(text);
  if (waiting > mostWaitingBytes) return socket.terminate();
  return sendToSlow(socket, text);
}

const full = new WeakSet<WebSocket>();

/** Sends `text` to a socket whose buffer is full, and ends the socket if this has not left in time. */
function sendToSlow(socket: WebSocket, text: string): Promise<void> {
  const isFirst = !full.has(socket);
  full.add(socket);
  const late = isFirst ? setTimeout(() => socket.terminate(), fullForMs) : undefined;
  late?.unref();
  return new Promise((resolve) => {
    socket.send(text, () => {
      if (isFirst) {
        clearTimeout(late);
        full.delete(socket);
      }
      resolve();
    });
  });
}
