import { WebSocket } from 'ws';
import type { Life } from '../support/mortal-server.ts';
import type { World } from './world.ts';

/** A frame as any door sends it. */
export interface SocketFrame {
  type: string;
  /** Of the client's frame that this one answers. */
  id?: string;
  data?: {
    id?: number | string;
    role?: string;
    content?: string;
    status?: string;
    state?: string;
    error?: string;
  };
  cursor?: string | number;
}

/** A socket that is open, and has been told everything that there was to tell when it was opened. */
export interface Connection {
  send(frame: object): void;
  /** Resolves when it is open no more. */
  lost: Promise<void>;
  life: Life;
}

/** "Service restart": come again. */
const restartCode = 1012;

/** A socket that is opened again after each crash, where it left off. */
export interface Line {
  connection(): Promise<Connection>;
  close(): void;
}

export interface LineParts {
  name: string;
  /** Path and query, without the cursor. */
  path: string;
  /** Where to begin. */
  cursor: string;
  onFrame(frame: SocketFrame): void;
}

export function openLine(world: World, parts: LineParts): Line {
  const { records, server } = world;
  const state = { cursor: parts.cursor, closed: false, ready: Promise.withResolvers<Connection>() };
  let socket: WebSocket | undefined;

  let isReady = false;

  const connectOnce = async (life: Life) => {
    const lost = Promise.withResolvers<void>();
    socket = new WebSocket(`${life.wsUrl}${parts.path}&cursor=${state.cursor}`);
    const { send } = createSender(socket);
    socket.on('open', () => send({ type: 'ping' }));
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      const frame = JSON.parse(data.toString('utf8')) as SocketFrame;
      if (frame.type === 'pong') {
        isReady = true;
        state.ready.resolve({ send, lost: lost.promise, life });
      } else parts.onFrame(frame);
      if (frame.type === 'reset') records.faults.push(`${parts.name} was told to begin anew`);
      // A frame counts as told once its client has done with it.
      if (frame.cursor !== undefined) state.cursor = String(frame.cursor);
    });
    socket.on('close', (code) => {
      if (!state.closed) records.closes.push({ name: parts.name, code, at: Date.now() });
      const isExcused = state.closed || code === restartCode || !server.isCalm(life);
      if (!isExcused) records.faults.push(`${parts.name} was closed with ${code}`);
      // Whoever waits for a connection goes on waiting for the next.
      if (isReady) state.ready = Promise.withResolvers();
      isReady = false;
      lost.resolve();
    });
    await lost.promise;
  };
  void (async () => {
    while (!state.closed) await connectOnce(await server.life());
  })();
  return {
    connection: () => state.ready.promise,
    close() {
      state.closed = true;
      socket?.close();
    },
  };
}

function createSender(socket: WebSocket) {
  return {
    send: (frame: object) => {
      if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
    },
  };
}
