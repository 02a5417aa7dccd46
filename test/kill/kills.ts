import { setTimeout } from 'node:timers/promises';
import { within } from '../support/eventually.ts';
import type { Moment } from './moments.ts';
import type { Chance } from '../support/chance.ts';
import { isTurn } from './records.ts';
import type { World } from './world.ts';
import type { VendorCall } from './vendor.ts';

/** When a server is killed. */
export const killKinds = [
  /** The question is stored, and the vendor has said nothing. */
  'unanswered',
  /** A client has seen some of the answer. */
  'streaming',
  /** The vendor has said everything, and the client was not told. */
  'finished',
  /** A client has just been told. */
  'acknowledged',
  /** The server writes to its database. */
  'writing',
  /** The server starts, and closes what its predecessor left behind. */
  'starting',
  'random',
] as const;
export type KillKind = (typeof killKinds)[number];

/** Kills in a random order; each kind as often as it is worth. */
export function planKills(chance: Chance): KillKind[] {
  const counts = {
    unanswered: 3,
    streaming: 4,
    finished: 4,
    acknowledged: 2,
    writing: 3,
    starting: 2,
    random: 2,
  };
  const plan = killKinds.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind));
  for (;;) {
    const shuffled = chance.shuffled(plan);
    // A start that is killed needs something that was left behind.
    if (shuffled[0] !== 'starting') return shuffled;
  }
}

/** A moment that does not come within this will not come. */
const waitMs = 30_000;

/** Waits for the moment of `kind`, and kills the server in it. */
export async function killAt(
  world: World,
  calls: VendorCall[],
  kind: Exclude<KillKind, 'starting'>,
): Promise<void> {
  const { chance, server } = world;
  await setTimeout(chance.whole(50, 450));
  if (kind === 'random') return server.kill();
  if (kind === 'writing') {
    const { promise, resolve } = Promise.withResolvers<void>();
    const count = chance.whole(1, 60);
    server.atWrite(count, () => {
      server.kill();
      resolve();
    });
    return within(waitMs, promise);
  }
  return within(waitMs, killAtMoment(world, calls, kind));
}

async function killAtMoment(
  world: World,
  calls: VendorCall[],
  kind: 'unanswered' | 'streaming' | 'finished' | 'acknowledged',
): Promise<void> {
  const { chance, moments, server } = world;
  // The vendor's last words are still on their way to the server, or it stores the answer already.
  const delayMs = kind === 'finished' ? chance.pick([0, 0, 1, 2, 4]) : 0;
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<Moment>();
    let left = chance.whole(1, 8);
    const isIt = (moment: Moment) => isMoment(world, calls, kind, moment) && --left <= 0;
    moments.await(isIt, (moment) => {
      if (delayMs === 0) server.kill();
      resolve(moment);
    });
    const { question } = await promise;
    if (delayMs === 0) return;
    await setTimeout(delayMs);
    if (outcomeOf(world, question) !== undefined) continue;
    return server.kill();
  }
}

function isMoment(
  world: World,
  calls: VendorCall[],
  kind: 'unanswered' | 'streaming' | 'finished' | 'acknowledged',
  { type, question }: Moment,
): boolean {
  if (!isTurn(question)) return false;
  const call = calls.find((made) => made.question === question);
  switch (kind) {
    case 'unanswered':
      return (type === 'called' || type === 'asked') && (call === undefined || call.told === '');
    case 'streaming':
      return type === 'seen' && call?.finished === false;
    case 'finished':
      return type === 'answered' && outcomeOf(world, question) === undefined;
    case 'acknowledged':
      return type === 'acknowledged';
    default:
      return kind satisfies never;
  }
}

function outcomeOf({ records }: World, question: string) {
  return records.askings.find(({ text }) => text === question)?.outcome;
}

/**
 * Has a server that was just launched killed while it starts: at one of the first things that it writes, or some time before.
 * Returns what calls it off.
 */
export function killAtStart({ chance, server }: World): () => void {
  if (chance.percent(70)) return server.atWrite(chance.whole(1, 6), server.kill);
  const timer = globalThis.setTimeout(server.kill, chance.whole(150, 600));
  return () => clearTimeout(timer);
}
