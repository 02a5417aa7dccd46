import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands between a client and a Redis, or anything else that speaks over TCP, and does to them what networks do. */
export interface RedisProxy {
  port: number;
  /** `redis://`, without a user or a database. */
  url: string;
  /** Lets everything through, also what was held back; the state that it begins in. */
  forward(): Promise<void>;
  /** Ends all connections and refuses new ones. */
  cut(): Promise<void>;
  /** Takes connections and bytes, and passes nothing on in either direction before `forward`, also of connections that are closed meanwhile; by a number, the `nth` open connection, from 0, alone. */
  stall(nth?: number): Promise<void>;
  /** Open connections of clients. */
  connections(): number;
  close(): Promise<void>;
}

interface Pair {
  client: Socket;
  target: Socket;
  stalled: boolean;
  /** What was held back, in its order. */
  held: (() => void)[];
}

interface State {
  /** Whether new connections are. */
  stalled: boolean;
  pairs: Set<Pair>;
}

/** Listens on 127.0.0.1, on a free port that it keeps while it is cut. */
export async function startRedisProxy(target: { host: string; port: number }): Promise<RedisProxy> {
  const state: State = { stalled: false, pairs: new Set() };
  const open = (port: number) => listen(port, (client) => join(state, client, connect(target)));
  let server: Server | undefined = await open(0);
  const { port } = server.address() as AddressInfo;

  const stop = async () => {
    const closing = server;
    server = undefined;
    const closed = closing && once(closing, 'close');
    closing?.close();
    for (const pair of state.pairs) {
      pair.stalled = false;
      pair.held = [];
      pair.client.resetAndDestroy();
      // Of a client that had left already, this was held back.
      if (pair.client.closed) pair.target.destroy();
    }
    await closed;
  };
  const start = async () => {
    server ??= await open(port);
  };

  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async forward() {
      state.stalled = false;
      for (const pair of state.pairs) {
        pair.stalled = false;
        for (const pass of pair.held.splice(0)) pass();
      }
      await start();
    },
    cut: stop,
    async stall(nth) {
      state.stalled = nth === undefined;
      for (const [at, pair] of [...state.pairs].entries()) pair.stalled ||= nth === undefined || nth === at;
      await start();
    },
    connections: () => [...state.pairs].filter(({ client }) => !client.destroyed).length,
    close: stop,
  };
}

async function listen(port: number, onConnection: (client: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, onConnection).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function join(state: State, client: Socket, target: Socket): void {
  const pair: Pair = { client, target, stalled: state.stalled, held: [] };
  state.pairs.add(pair);
  const pass = (what: () => void) => {
    if (pair.stalled) pair.held.push(what);
    else what();
  };
  for (const [from, to] of [
    [client, target],
    [target, client],
  ] as const) {
    from.setNoDelay(true);
    from.on('data', (bytes) => pass(() => void to.write(bytes)));
    from.on('end', () => pass(() => to.end()));
    // A connection that was reset is told as one that has ended.
    from.on('error', () => {});
    from.on('close', () =>
      pass(() => {
        state.pairs.delete(pair);
        to.destroySoon();
      }),
    );
  }
}
