import { setTimeout } from 'node:timers/promises';
import type { Moments } from './moments.ts';
import type { Pace } from './questions.ts';
import type { Chance } from './random.ts';
import type { Records } from './records.ts';
import type { Life, MortalServer } from './server.ts';

/** What a client lives in. */
export interface World {
  server: MortalServer;
  moments: Moments;
  records: Records;
  chance: Chance;
  /** Whether to go on asking. */
  isRunning(): boolean;
}

/** Somebody with a login of each kind. */
export interface Person {
  name: string;
  token: string;
  companionToken: string;
}

/** A connection that was given up although nobody had killed the server. */
const faultsInARow = 5;

/**
 * Does `attempt` over and over, in each life of the server anew, until it comes to an end. What fails although the server is
 * alive is a fault.
 */
export async function insist<T>(world: World, what: string, attempt: (life: Life) => Promise<T>): Promise<T> {
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

/** One request; rejects where no whole answer comes. */
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

/** One request, its answer's body unread. */
export function openRequest(
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
  return fetch(`${url}${path}`, {
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    ...(signal !== undefined && { signal }),
  });
}

export function drawPace({ chance }: World): Pace {
  const at = chance.whole(1, 100);
  if (at <= 4) return 'never';
  return at <= 40 ? 'slowly' : 'quickly';
}

/** What a person takes to think of the next question. */
export async function think({ chance }: World): Promise<void> {
  await setTimeout(chance.whole(0, 60));
}
