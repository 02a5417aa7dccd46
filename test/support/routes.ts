import diagnostics from 'node:diagnostics_channel';
import type { FastifyInstance, RouteOptions } from 'fastify';
import { socketDoorAdded } from '../../src/http/sockets.ts';

/** A path that WebSockets connect to. */
export interface SocketDoorSeen {
  path: string;
  contract: string;
  frames: readonly string[];
}

/** What `start` resolves to, and every route and socket door that were registered meanwhile. */
export async function watchDoors<T>(start: () => Promise<T>) {
  const routes: RouteOptions[] = [];
  const sockets: SocketDoorSeen[] = [];
  const onFastify = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance };
    fastify.addHook('onRoute', (route) => void routes.push({ ...route }));
  };
  const onSocket = (message: unknown) => void sockets.push(message as SocketDoorSeen);
  diagnostics.subscribe('fastify.initialization', onFastify);
  socketDoorAdded.subscribe(onSocket);
  try {
    return { started: await start(), routes, sockets };
  } finally {
    diagnostics.unsubscribe('fastify.initialization', onFastify);
    socketDoorAdded.unsubscribe(onSocket);
  }
}
