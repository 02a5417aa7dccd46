/** The least that a fan-out can be: `ws` as it is; whatever comes at `/from` goes, as it came, to everybody at `/to`. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type * as ws from 'ws';
import { listenAndAnnounce } from './announce.ts';

// The project's own version, the one that Parley uses: another one may lie in bench/node_modules.
const { WebSocketServer } = createRequire(new URL('../../package.json', import.meta.url))('ws') as typeof ws;

const listeners = new Set<ws.WebSocket>();

function ignore(): void {}

function broadcast(data: ws.RawData): void {
  const text = (data as Buffer).toString();
  for (const listener of listeners) listener.send(text);
}

const server = createServer();
new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, request) => {
  socket.on('error', ignore);
  if (request.url === '/from') return void socket.on('message', broadcast);
  listeners.add(socket);
  socket.on('close', () => listeners.delete(socket));
});
listenAndAnnounce(server);
