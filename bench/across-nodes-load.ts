import { setTimeout as pause } from 'node:timers/promises';
import type * as ws from 'ws';
import type { Party } from './children.ts';
import { openSockets } from './fan-out-load.ts';
import { createHistogram, type Histogram } from './histogram.ts';
import { machineMs, prompt, stampsIn, streamedTokens } from './wire.ts';

/** Somebody with a session, which is watched on both nodes. */
export interface Watched {
  sessionId: number;
  headers: Record<string, string>;
  /** On the node that makes the answers, and on the other. */
  near: ws.WebSocket;
  far: ws.WebSocket;
}

/** What one stretch measured; times in milliseconds. */
export interface AcrossStretch {
  /** Pieces of text that were heard, each on both nodes. */
  pieces: number;
  /** From a piece's leaving the provider to the frame of the node that makes the answer. */
  near: Quantiles;
  /** The same to the other node's frame. */
  far: Quantiles;
  /** From the one node's frame to the other's; 0 where the other was first. */
  between: Quantiles;
}

export interface Quantiles {
  p50Ms: number;
  p99Ms: number;
}

const lateMs = 5_000;

async function call<T>({ origin }: Party, path: string, body: object, headers = {}): Promise<T> {
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text) as T;
}

/** Makes an account and a session, and watches it. */
export async function watch(nodes: readonly Party[], number: number): Promise<Watched> {
  const [near, far] = nodes as [Party, Party];
  const account = {
    username: `watcher${number}`,
    email: `watcher${number}@example.com`,
    password: 'a long one',
  };
  await call(near, '/auth/register', account);
  const { access_token } = await call<{ access_token: string }>(near, '/auth/token', account);
  const headers = { authorization: `Bearer ${access_token}` };
  const { session_id } = await call<{ session_id: number }>(near, '/chat', { message: prompt }, headers);
  const urlOf = ({ origin }: Party): string =>
    `${origin.replace('http', 'ws')}/ws/chat/${session_id}?stream=true`;
  const [nearSocket, farSocket] = await openSockets(
    [near, far].map((node) => ({ url: urlOf(node), headers })),
  );
  return { sessionId: session_id, headers, near: nearSocket!, far: farSocket! };
}

/** Notes when pieces are heard on a socket; returns what ends it. */
function listen(socket: ws.WebSocket, heard: (stamp: number, at: number) => void): () => void {
  const hear = (data: Buffer): void => {
    const at = machineMs();
    const frame = JSON.parse(data.toString()) as { type: string; data: { status?: string; delta?: string } };
    if (frame.type !== 'message' || frame.data.status !== 'streaming') return;
    for (const stamp of stampsIn(frame.data.delta ?? '')) heard(stamp, at);
  };
  socket.on('message', hear);
  return () => void socket.off('message', hear);
}

function quantilesOf(histogram: Histogram): Quantiles {
  return { p50Ms: histogram.quantile(0.5), p99Ms: histogram.quantile(0.99) };
}

/** Has all of them asked again and again for so long, and waits until every piece of every answer has been heard on both nodes. */
export async function hearAcross(
  near: Party,
  all: readonly Watched[],
  forMs: number,
): Promise<AcrossStretch> {
  const histograms = { near: createHistogram(), far: createHistogram(), between: createHistogram() };
  const waiting = new Map<string, { near?: number; far?: number }>();
  let pieces = 0;
  let answers = 0;
  const ends = all.flatMap(({ sessionId, ...sockets }) =>
    (['near', 'far'] as const).map((side) =>
      listen(sockets[side], (stamp, at) => {
        histograms[side].add(at - stamp);
        const key = `${sessionId} ${stamp}`;
        const both = { ...waiting.get(key), [side]: at };
        waiting.set(key, both);
        if (both.near === undefined || both.far === undefined) return;
        histograms.between.add(Math.max(0, both.far - both.near));
        waiting.delete(key);
        pieces++;
      }),
    ),
  );
  const until = machineMs() + forMs;
  const ask = async ({ sessionId, headers }: Watched): Promise<void> => {
    while (machineMs() < until) {
      await call(near, '/chat', { message: prompt, session_id: sessionId }, headers);
      answers++;
    }
  };
  await Promise.all(
    all.map(async (one, index) => {
      await pause((index * forMs) / (2 * all.length));
      await ask(one);
    }),
  );
  const wanted = () => answers * streamedTokens.length;
  for (const limit = machineMs() + lateMs; pieces < wanted() && machineMs() < limit;) await pause(5);
  for (const end of ends) end();
  if (pieces !== wanted()) throw new Error(`${pieces} of ${wanted()} pieces were heard on both nodes`);
  const { near: own, far, between } = histograms;
  return { pieces, near: quantilesOf(own), far: quantilesOf(far), between: quantilesOf(between) };
}
