import { once } from 'node:events';
import diagnostics from 'node:diagnostics_channel';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { ClientAddress } from './client-address.ts';
import type { OriginPolicy } from './cross-origin.ts';
import { socketCredentialsOf, type Credentials } from './credentials.ts';
import type { Metrics } from './metrics.ts';

/** What a contract learns of a socket that opens. */
export interface SocketRequest {
  ip: string;
  requestId: string;
  credentials: Credentials;
}

/** A contract's way of speaking on a path. */
export interface SocketDoor {
  contract: string;
  /** Called once the handshake is done. Messages that arrive meanwhile wait for the first `message` listener. */
  open(socket: WebSocket, request: SocketRequest): void;
}

/** Tells of each door as it is added, `{ path, contract }`, as Fastify's hook `onRoute` does of routes. */
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
  add(path: string, door: SocketDoor): void;
  attach(server: Server): void;
  /** Says good-bye to every open socket; resolves when all of them have answered it. */
  closeAll(code: number, reason: string): Promise<void>;
  close(): void;
}

export function createSockets(parts: SocketsParts): Sockets {
  const doors = new Map<string, SocketDoor>();
  const alive = new WeakSet<WebSocket>();
  const wss = new WebSocketServer({
    noServer: true,
    maxPayload: parts.maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });

  const heartbeat = setInterval(() => {
    for (const socket of wss.clients) {
      if (!alive.delete(socket)) socket.terminate();
      else socket.ping();
    }
  }, parts.heartbeatMs);
  heartbeat.unref();

  const upgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const door = doors.get(path);
    if (door === undefined) return refuse(stream, '404 Not Found');
    const { origin, host } = request.headers;
    if (!parts.originAllowed(origin, host)) return refuse(stream, '403 Forbidden');
    wss.handleUpgrade(request, stream, head, (socket) => {
      alive.add(socket);
      socket.on('pong', () => alive.add(socket));
      socket.on('error', () => {});
      parts.metrics.socketOpened(door.contract);
      socket.once('close', () => parts.metrics.socketClosed(door.contract));
      door.open(socket, {
        ip: parts.clientAddress(request),
        requestId: parts.requestId(request),
        credentials: socketCredentialsOf(request.headers, new URLSearchParams(query)),
      });
    });
  };

  return {
    add(path, door) {
      doors.set(path, door);
      socketDoorAdded.publish({ path, contract: door.contract });
    },
    attach: (server) => void server.on('upgrade', upgrade),
    async closeAll(code, reason) {
      const open = [...wss.clients];
      const closed = open.map((socket) => once(socket, 'close'));
      for (const socket of open) socket.close(code, reason);
      await Promise.all(closed);
    },
    close() {
      clearInterval(heartbeat);
      for (const socket of wss.clients) socket.terminate();
      wss.close();
    },
  };
}

function refuse(stream: Duplex, status: string): void {
  stream.on('error', () => {});
  stream.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}

/** Frames that wait for a slow client beyond this hold up their source. */
const highWaterBytes = 1024 * 1024;

/** Sends a frame as JSON; resolves at once, or, where the client is slow, when the frame has left. */
export function sendFrame(socket: WebSocket, frame: object): Promise<void> | void {
  if (socket.readyState !== socket.OPEN) return;
  const text = JSON.stringify(frame);
  if (socket.bufferedAmount < highWaterBytes) return socket.send(text);
  return new Promise((resolve) => socket.send(text, () => resolve()));
}
