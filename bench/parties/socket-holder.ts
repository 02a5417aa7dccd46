/**
 * Holds WebSockets open. It takes the addresses per message of its parent, opens a socket to each, a hundred at a time, and answers with
 * how many are open a moment after the last one opened. An empty list closes all, and is answered when they are closed.
 */
import { createRequire } from 'node:module';
import type * as ws from 'ws';
import type { WebSocket as Socket } from 'ws';

const { WebSocket } = createRequire(new URL('../../package.json', import.meta.url))('ws') as typeof ws;

/** What the holder answers. */
export interface Held {
  open: number;
  /** The first failure's text. */
  firstError?: string;
}

const atOnce = 100;
const settleMs = 3_000;
const held = new Set<Socket>();
let firstError: string | undefined;

function open(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(address);
    held.add(socket);
    socket.once('open', resolve);
    socket.on('error', (error) => (firstError ??= error.message));
    socket.on('close', (code) => {
      if (held.delete(socket)) firstError ??= `closed with ${code}`;
      resolve();
    });
  });
}

async function openAll(addresses: readonly string[]): Promise<void> {
  const rest = addresses.values();
  const openRest = async (): Promise<void> => {
    for (const address of rest) await open(address);
  };
  await Promise.all(Array.from({ length: atOnce }, openRest));
  await new Promise((resolve) => setTimeout(resolve, settleMs));
}

async function closeAll(): Promise<void> {
  const open = [...held];
  held.clear();
  const closed = open.map((socket) => new Promise((resolve) => socket.once('close', resolve)));
  for (const socket of open) socket.close();
  await Promise.all(closed);
}

process.on('message', (addresses: string[]) => {
  firstError = undefined;
  void (addresses.length === 0 ? closeAll() : openAll(addresses)).then(() => {
    const answer: Held = { open: held.size, ...(firstError === undefined ? {} : { firstError }) };
    process.send?.(answer);
  });
});
process.on('disconnect', () => process.exit(0));
