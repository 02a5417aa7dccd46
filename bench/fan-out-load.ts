import { once } from 'node:events';
import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';
import type * as ws from 'ws';
import type { Party } from './children.ts';
import { createHistogram } from './histogram.ts';
import { cpuMs } from './proc-stats.ts';

// The project's own version: another one may lie in bench/node_modules.
const { WebSocket } = createRequire(new URL('../package.json', import.meta.url))('ws') as typeof ws;

/** How a party is spoken to. */
export interface FanOutParty {
  party: Party;
  /** Those who say something. */
  senders: readonly ws.WebSocket[];
  /** Those who must hear all of it. */
  hearers: readonly ws.WebSocket[];
  /** What the sender with this number sends to say `text`. */
  frameOf(sender: number, text: string): string;
}

/** What one stretch measured; times in milliseconds from sending to hearing, over all hearers. */
export interface FanOutStretch {
  sent: number;
  heard: number;
  p50Ms: number;
  p99Ms: number;
  cpuMsPerMessage: number;
}

export async function openSockets(
  addresses: readonly { url: string; headers?: Record<string, string> }[],
): Promise<ws.WebSocket[]> {
  const sockets = addresses.map(({ url, headers = {} }) => new WebSocket(url, { headers }));
  await Promise.all(sockets.map((socket) => once(socket, 'open')));
  return sockets;
}

const mark = 'fan-out message ';
const message = Buffer.from('{"type":"message"');
const lateMs = 5_000;
let stretches = 0;

/** Says `perSecond` things a second for so long, evenly, and waits until all have been heard by all. */
export async function fanOut(
  { party, senders, hearers, frameOf }: FanOutParty,
  perSecond: number,
  forMs: number,
): Promise<FanOutStretch> {
  const stretch = `${mark}${++stretches}/`;
  const sentAt: number[] = [];
  const histogram = createHistogram();
  let heard = 0;
  const hear = (data: Buffer): void => {
    // The mark is in what else is told of a message, too.
    if (data.compare(message, 0, message.length, 0, message.length) !== 0) return;
    const at = data.indexOf(stretch);
    if (at < 0) return;
    const number = Number.parseInt(data.toString('latin1', at + stretch.length, at + stretch.length + 9), 10);
    histogram.add(performance.now() - sentAt[number]!);
    heard++;
  };
  for (const hearer of hearers) hearer.on('message', hear);
  const before = cpuMs(party.pid);
  const began = performance.now();
  for (let now = began; now < began + forMs; now = performance.now()) {
    for (; sentAt.length < ((now - began) * perSecond) / 1000;) {
      const sender = sentAt.length % senders.length;
      const text = `${stretch}${sentAt.length} `;
      sentAt.push(performance.now());
      senders[sender]!.send(frameOf(sender, text));
    }
    await pause(1);
  }
  const wanted = sentAt.length * hearers.length;
  for (const limit = performance.now() + lateMs; heard < wanted && performance.now() < limit;) await pause(5);
  for (const hearer of hearers) hearer.off('message', hear);
  if (heard !== wanted) throw new Error(`${heard} of ${wanted} frames were heard`);
  return {
    sent: sentAt.length,
    heard,
    p50Ms: histogram.quantile(0.5),
    p99Ms: histogram.quantile(0.99),
    cpuMsPerMessage: (cpuMs(party.pid) - before) / sentAt.length,
  };
}
