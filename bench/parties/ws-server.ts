/** The least a WebSocket server can be: `ws` as it is, with the listeners that every server must have, made once. */
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type * as ws from 'ws';
import { listenAndAnnounce } from './announce.ts';

// The project's own version, the one that Parley uses: another one may lie in bench/node_modules.
const { WebSocketServer } = createRequire(new URL('../../package.json', import.meta.url))('ws') as typeof ws;

function ignore(): void {}

const server = createServer();
new WebSocketServer({ server }).on('connection', (socket) => {
  socket.on('message', ignore);
  socket.on('error', ignore);
});
listenAndAnnounce(server);
