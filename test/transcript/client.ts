import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { within } from '../support/eventually.ts';
import type { HelpdeskFrame } from '../support/helpdesk-socket.ts';
import type { Insisting } from '../support/insist.ts';

/** Everything that somebody's socket was told, over all its connections, and nothing else. */
export interface Account {
  name: string;
  heard: readonly HelpdeskFrame[];
  /** Names of the frames that were sent more than once: what answers them may have been told before. */
  repeated: ReadonlySet<string>;
}

/** Somebody at `/ws`, who comes back with the cursor when the connection is lost. */
export interface Client extends Account {
  /** The first frame that it is, or was, told for which `isIt` holds. */
  hears(isIt: (frame: HelpdeskFrame) => boolean, what: string): Promise<HelpdeskFrame>;
  /** Sends a frame, and once more on each new connection, until the answer, for which `isIt` holds, is there. */
  says(
    frame: { type: string; id: string; data: object },
    isIt: (frame: HelpdeskFrame) => boolean,
  ): Promise<HelpdeskFrame>;
  /** Sends a frame that nobody answers, over and over, until `done` resolves. */
  signals<T>(frame: object, done: Promise<T>): Promise<T>;
  /** Sends this now, and first of all on each new connection. */
  greets(frame: object): void;
  /** Cuts the connection. */
  cut(): void;
  close(): Promise<void>;
}

/** What does not come within this will not come. */
const waitMs = 20_000;
/** A signal that nobody keeps is sent again after so long. */
const againMs = 300;

/** `query` without its cursor. */
export function openClient(world: Insisting, name: string, query: string): Client {
  const ear = createEar(name);
  const line = openLine(world, query, ear);
  const repeated = new Set<string>();
  const { hears, inTime } = ear;

  const insists: Client['says'] = async (frame, isIt) => {
    const answer = hears(isIt);
    let isThere = false;
    void answer.then(() => (isThere = true));
    for (let times = 0; ; times++) {
      const connection = await Promise.race([line.connection(), answer]);
      if (!('socket' in connection)) return connection;
      if (times > 0) repeated.add(frame.id);
      connection.socket.send(JSON.stringify(frame));
      await Promise.race([answer, connection.lost]);
      if (isThere) return answer;
    }
  };
  return {
    name,
    heard: ear.heard,
    repeated,
    hears: (isIt, what) => inTime(hears(isIt), what),
    says: (frame, isIt) => inTime(insists(frame, isIt), `an answer to ${JSON.stringify(frame)}`),
    async signals(frame, done) {
      let isDone = false;
      const ended = done.finally(() => (isDone = true));
      ended.catch(() => {});
      while (!isDone) {
        const { socket } = await line.connection();
        if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(frame));
        await Promise.race([ended, setTimeout(againMs)]);
      }
      return ended;
    },
    greets: line.greets,
    cut: line.cut,
    close: line.close,
  };
}

/** Takes in what is told, and tells of it those who wait for it. */
interface Ear {
  heard: HelpdeskFrame[];
  take(frame: HelpdeskFrame): void;
  hears(isIt: (frame: HelpdeskFrame) => boolean): Promise<HelpdeskFrame>;
  /** Rejects with what was heard instead. */
  inTime<T>(promise: Promise<T>, what: string): Promise<T>;
}

function createEar(name: string): Ear {
  const heard: HelpdeskFrame[] = [];
  const waiting = new Set<() => void>();
  return {
    heard,
    take(frame) {
      heard.push(frame);
      for (const look of waiting) look();
    },
    hears: (isIt) =>
      new Promise((resolve) => {
        let seen = 0;
        const look = () => {
          for (; seen < heard.length; seen++) {
            const frame = heard[seen] as HelpdeskFrame;
            if (!isIt(frame)) continue;
            waiting.delete(look);
            return resolve(frame);
          }
        };
        waiting.add(look);
        look();
      }),
    async inTime(promise, what) {
      try {
        return await within(waitMs, promise);
      } catch (cause) {
        const last = heard.slice(-8).map((frame) => JSON.stringify(frame));
        throw new Error(`${name} never heard ${what}. The last that came: ${last.join('\n')}`, { cause });
      }
    },
  };
}

interface Connection {
  socket: WebSocket;
  lost: Promise<void>;
}

/** A socket that is opened again, with the cursor, whenever it was closed. */
interface Line extends Pick<Client, 'greets' | 'cut' | 'close'> {
  connection(): Promise<Connection>;
}

function openLine(world: Insisting, query: string, { take }: Ear): Line {
  const greetings: object[] = [];
  const state = { cursor: '', closed: false, ready: Promise.withResolvers<Connection>() };
  let socket: WebSocket | undefined;

  const connectOnce = async () => {
    const { wsUrl } = await world.server.life();
    const lost = Promise.withResolvers<void>();
    const mine = new WebSocket(`${wsUrl}/ws?${query}&cursor=${encodeURIComponent(state.cursor)}`);
    socket = mine;
    let isOpen = false;
    mine.on('open', () => {
      isOpen = true;
      for (const greeting of greetings) mine.send(JSON.stringify(greeting));
      state.ready.resolve({ socket: mine, lost: lost.promise });
    });
    mine.on('error', () => {});
    mine.on('message', (data: Buffer) => {
      // What comes after a client has cut the connection, it does not see.
      if (mine.readyState !== mine.OPEN) return;
      const frame = JSON.parse(data.toString('utf8')) as HelpdeskFrame;
      if (frame.cursor !== undefined) state.cursor = frame.cursor;
      take(frame);
    });
    mine.on('close', () => {
      if (isOpen) state.ready = Promise.withResolvers();
      lost.resolve();
    });
    await lost.promise;
  };
  const living = (async () => {
    while (!state.closed) await connectOnce();
  })();
  return {
    connection: () => state.ready.promise,
    greets(frame) {
      greetings.push(frame);
      if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
    },
    cut: () => socket?.terminate(),
    async close() {
      state.closed = true;
      socket?.close();
      await living;
    },
  };
}
