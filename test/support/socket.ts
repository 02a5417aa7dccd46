import { WebSocket, type ClientOptions } from 'ws';
import { within } from './eventually.ts';
import { createQueue } from './queue.ts';

/** A frame as a server sends it. */
export interface Frame {
  type: string;
  id?: string | null;
  timestamp?: string;
  data: {
    chunk?: string;
    index?: number;
    finished?: boolean;
    response?: string;
    model?: string;
    usage?: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
    cached?: boolean;
    error?: string;
    code?: string;
    details?: { field: string };
  };
}

/** A frame that does not come within this will not come. */
const waitMs = 10_000;

/** A WebSocket client that waits for frames. */
export interface SocketClient {
  socket: WebSocket;
  /** Sends a value as JSON; text and bytes as they are. */
  send(frame: unknown): void;
  /** The next frame; rejects when the socket closes first. */
  next(): Promise<Frame>;
  /** Frames up to and including the first of `type`. */
  until(type: string): Promise<Frame[]>;
  /** Frames that came and were not asked for. */
  readonly waiting: number;
  closed: Promise<{ code: number; reason: string }>;
  close(): Promise<void>;
}

/** Opens a socket; resolves when it is open. */
export async function openSocket(
  url: string,
  options: ClientOptions & { protocols?: string[] } = {},
): Promise<SocketClient> {
  const { protocols, ...rest } = options;
  const socket = new WebSocket(url, protocols, rest);
  const frames = createQueue<Frame>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      frames.end(new Error(`the socket was closed with ${code} ${reason.toString()}`));
      resolve({ code, reason: reason.toString() });
    });
  });
  socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString('utf8')) as Frame));
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  const next = () => within(waitMs, frames.next());
  return {
    socket,
    send: (frame) =>
      socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    next,
    async until(type) {
      const seen: Frame[] = [];
      do seen.push(await next());
      while (seen.at(-1)?.type !== type);
      return seen;
    },
    get waiting() {
      return frames.waiting;
    },
    closed,
    async close() {
      socket.close();
      await closed;
    },
  };
}
