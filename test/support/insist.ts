import { setTimeout } from 'node:timers/promises';
import type { Life, MortalServer } from './mortal-server.ts';

/** Said with 503: the server cannot serve at present, and the same may be sent again. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
}

/** What one lives in who insists. */
export interface Insisting {
  server: Pick<MortalServer, 'life' | 'isAlive' | 'isCalm'>;
  records: { faults: string[] };
}

/** A connection that was given up although nobody had killed the server. */
const faultsInARow = 5;

/**
 * Does `attempt` over and over, in each life of the server anew, until it comes to an end. What fails although the server is
 * alive is a fault.
 */
export async function insist<T>(
  world: Insisting,
  what: string,
  attempt: (life: Life) => Promise<T>,
): Promise<T> {
  for (let faults = 0; ;) {
    const life = await world.server.life();
    try {
      return await attempt(life);
    } catch (thrown) {
      if (!world.server.isAlive(life)) continue;
      world.records.faults.push(`${what}: ${reasonOf(thrown)}`);
      if (++faults >= faultsInARow) throw thrown;
      await setTimeout(20);
    }
  }
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.cause === undefined ? thrown.message : `${thrown.message}: ${reasonOf(thrown.cause)}`;
}

export interface Told<T> {
  status: number;
  headers: Headers;
  body: T;
}

/** One request; rejects where no whole answer comes, and with `Unavailable`. */
export async function request<T>(
  life: Pick<Life, 'url'>,
  method: string,
  path: string,
  token: string,
  more: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Told<T>> {
  const response = await openRequest(life, method, path, token, more);
  return { status: response.status, headers: response.headers, body: (await response.json()) as T };
}

/** One request, its answer's body unread; rejects with `Unavailable`. */
export async function openRequest(
  { url }: Pick<Life, 'url'>,
  method: string,
  path: string,
  token: string,
  {
    body,
    headers = {},
    signal,
  }: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<Response> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
  if (response.status === 503) throw new Unavailable(`${method} ${path}: 503 ${await response.text()}`);
  return response;
}
