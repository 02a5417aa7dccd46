import { once } from 'node:events';
import {
  createServer,
  request as ask,
  type IncomingMessage,
  type RequestOptions,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** A node as the balancer sees it. */
export interface Target {
  name: string;
  /** Undefined where nobody listens. */
  url: string | undefined;
}

/**
 * Stands before the nodes: requests and sockets go to those that are ready in turn, whoever asks, and none is sent twice. Where a node breaks off,
 * its client is told by a connection that breaks.
 */
export interface Balancer {
  url: string;
  /** The address of a door behind which there is this target alone. */
  doorTo(name: string): string;
  /** Whether the target is given requests. */
  isUsed(name: string): boolean;
  /** How many requests and sockets each target was given. */
  given: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Between two looks at whether a target is ready. */
const lookEveryMs = 100;
/** A target that has not said by then whether it is ready hangs, and loses its open requests. Longer than a frozen node may hold up the others. */
const patienceMs = 4_000;

interface State {
  used: Set<string>;
  /** Open exchanges over HTTP, by target. */
  open: Map<string, Set<IncomingMessage | ServerResponse>>;
  sockets: Set<Duplex>;
  given: Map<string, number>;
  turn: number;
  closed: boolean;
}

export async function startBalancer(targets: readonly Target[]): Promise<Balancer> {
  const state: State = {
    used: new Set(),
    open: new Map(targets.map(({ name }) => [name, new Set()])),
    sockets: new Set(),
    given: new Map(targets.map(({ name }) => [name, 0])),
    turn: 0,
    closed: false,
  };
  const door = await openDoor(state, targets);
  const doors = new Map<string, Server>();
  for (const target of targets) doors.set(target.name, await openDoor(state, [target]));
  const watching = targets.map((target) => watch(state, target));
  return {
    url: urlOf(door),
    doorTo: (name) => urlOf(doors.get(name) ?? door),
    isUsed: (name) => state.used.has(name),
    given: state.given,
    async close() {
      state.closed = true;
      for (const socket of state.sockets) socket.destroy();
      await Promise.all([door, ...doors.values()].map(close));
      await Promise.all(watching);
    },
  };
}

async function openDoor(state: State, targets: readonly Target[]): Promise<Server> {
  const server = createServer((request, response) => relay(state, targets, request, response));
  // Connections of clients are kept for as long as they like.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    join(state, targets, request, socket, head);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

/** Those that are ready, one after the other. */
function choose(state: State, targets: readonly Target[]): (Target & { url: string }) | undefined {
  const able = targets.filter(({ name, url }) => state.used.has(name) && url !== undefined);
  const target = able[state.turn++ % Math.max(1, able.length)];
  if (target === undefined) return undefined;
  state.given.set(target.name, (state.given.get(target.name) ?? 0) + 1);
  return target as Target & { url: string };
}

function relay(
  state: State,
  targets: readonly Target[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const target = choose(state, targets);
  if (target === undefined) {
    request.resume();
    response.writeHead(503, { 'content-type': 'text/plain' }).end('no node is ready');
    return;
  }
  const { hostname, port } = new URL(target.url);
  const options: RequestOptions = {
    host: hostname,
    port,
    method: request.method,
    path: request.url,
    headers: headersOf(request),
    // A connection for each: none is closed by the node at the moment at which something is sent on it.
    agent: false,
  };
  const exchange = ask(options, (answer) => {
    response.writeHead(answer.statusCode ?? 0, withoutHop(answer.rawHeaders));
    response.flushHeaders();
    answer.on('data', (bytes: Buffer) => response.write(bytes));
    answer.on('end', () => response.end());
    answer.on('close', () => answer.complete || response.destroy());
  });
  const open = state.open.get(target.name);
  open?.add(response);
  exchange.on('error', () => response.destroy());
  response.on('close', () => {
    open?.delete(response);
    exchange.destroy();
  });
  request.pipe(exchange);
}

function headersOf({ headers }: IncomingMessage): RequestOptions['headers'] {
  const { connection: _, ...rest } = headers;
  return { ...rest, connection: 'close' };
}

/** What is said of the connection to the node does not hold for that to the client. */
function withoutHop(raw: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const [name = '', value = ''] = raw.slice(at, at + 2);
    if (!['connection', 'keep-alive', 'transfer-encoding'].includes(name.toLowerCase()))
      kept.push(name, value);
  }
  return kept;
}

/** A socket: bytes in both directions, until one side ends. */
function join(
  state: State,
  targets: readonly Target[],
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const target = choose(state, targets);
  if (target === undefined) {
    socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
    return;
  }
  const { hostname, port } = new URL(target.url);
  const node = connect(Number(port), hostname);
  const { rawHeaders, method, url } = request;
  const lines = Array.from(
    { length: rawHeaders.length / 2 },
    (_, at) => `${rawHeaders[2 * at]}: ${rawHeaders[2 * at + 1]}`,
  );
  node.write([`${method} ${url} HTTP/1.1`, ...lines, '', ''].join('\r\n'));
  node.write(head);
  node.setNoDelay(true);
  state.sockets.add(socket);
  socket.on('close', () => state.sockets.delete(socket));
  node.pipe(socket);
  socket.pipe(node);
  for (const [one, other] of [
    [node, socket],
    [socket, node],
  ] as const) {
    one.on('error', () => {});
    one.on('close', () => other.destroy());
  }
}

/** Looks again and again whether a target is ready. */
async function watch(state: State, target: Target): Promise<void> {
  while (!state.closed) {
    const { name, url } = target;
    const found = url === undefined ? 'gone' : await lookAt(url);
    // It may have gone, and come again somewhere else, meanwhile.
    if (target.url === url) {
      if (found === 'ready') state.used.add(name);
      else state.used.delete(name);
      if (found === 'hanging') for (const exchange of state.open.get(name) ?? []) exchange.destroy();
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function lookAt(url: string): Promise<'ready' | 'gone' | 'hanging'> {
  try {
    const { ok } = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(patienceMs) });
    return ok ? 'ready' : 'gone';
  } catch (thrown) {
    return (thrown as Error).name === 'TimeoutError' ? 'hanging' : 'gone';
  }
}
