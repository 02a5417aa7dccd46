import { setTimeout } from 'node:timers/promises';
import { within } from '../support/eventually.ts';
import type { Moment } from './moments.ts';
import type { Chance } from '../support/chance.ts';
import { isMadeAgain, isTurn, type Asking } from './records.ts';
import type { MortalServer } from '../support/mortal-server.ts';
import type { World } from './world.ts';
import type { VendorCall } from './vendor.ts';

/** A world whose server is killed. */
export interface MortalWorld extends World {
  server: MortalServer;
}

/** When a server is killed. */
export const killKinds = [
  /** The vendor is asked for an answer that the next life can make again, and has said nothing. */
  'begun',
  /** The same, once more: in the life that makes it again. */
  'again',
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
    begun: 2,
    unanswered: 2,
    streaming: 3,
    finished: 3,
    acknowledged: 2,
    writing: 2,
    starting: 2,
    random: 1,
  };
  const kinds = Object.keys(counts) as (keyof typeof counts)[];
  const plan = kinds.flatMap((kind) => Array.from({ length: counts[kind] }, () => kind));
  for (;;) {
    const shuffled = chance.shuffled(plan);
    // A start that is killed needs something that was left behind.
    if (shuffled[0] === 'starting') continue;
    let times = 0;
    return shuffled.flatMap((kind): KillKind[] =>
      kind === 'begun' ? [kind, ...Array.from({ length: ++times }, () => 'again' as const)] : [kind],
    );
  }
}

/** A moment that does not come within this will not come. */
const waitMs = 30_000;

/** Waits for the moment of `kind`, and kills the server in it. */
export async function killAt(
  world: MortalWorld,
  calls: VendorCall[],
  kind: Exclude<KillKind, 'starting' | 'again'>,
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

type AimedKind = Exclude<KillKind, 'starting' | 'again' | 'writing' | 'random'>;

async function killAtMoment(world: MortalWorld, calls: VendorCall[], kind: AimedKind): Promise<void> {
  const { chance, moments, records, server } = world;
  const first = records.askings.length;
  // The vendor's last words are still on their way to the server, or it stores the answer already.
  const delayMs = kind === 'finished' ? chance.pick([0, 0, 1, 2, 4]) : 0;
  for (;;) {
    const { promise, resolve } = Promise.withResolvers<Moment>();
    let left = kind === 'begun' ? 1 : chance.whole(1, 8);
    // What was asked before may have been begun so often already that it is not made again.
    const asked = () => (kind === 'begun' ? records.askings.slice(first) : records.askings);
    const isIt = (moment: Moment) => isMoment(asked(), calls, kind, moment) && --left <= 0;
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
  askings: Asking[],
  calls: VendorCall[],
  kind: AimedKind,
  { type, question }: Moment,
): boolean {
  if (!isTurn(question)) return false;
  const asking = askings.find(({ text }) => text === question);
  const call = calls.findLast((made) => made.question === question);
  switch (kind) {
    case 'begun':
      return type === 'called' && asking?.stopped === false && isMadeAgain(asking);
    case 'unanswered':
      return (type === 'called' || type === 'asked') && (call === undefined || call.told === '');
    case 'streaming':
      return type === 'seen' && call?.finished === false;
    case 'finished':
      return type === 'answered' && asking?.outcome === undefined;
    case 'acknowledged':
      return type === 'acknowledged';
    default:
      return kind satisfies never;
  }
}

function outcomeOf({ records }: World, question: string) {
  return records.askings.find(({ text }) => text === question)?.outcome;
}

/** Has the server killed when its vendor is asked for an answer for another time: to be called before it is launched. Returns what calls it off. */
export function killAgain(
  { moments, server }: MortalWorld,
  calls: VendorCall[],
  then: () => void,
): () => void {
  const isAgain = ({ type, question }: Moment) =>
    type === 'called' && calls.filter((call) => call.question === question).length > 1;
  return moments.await(isAgain, () => {
    server.kill();
    then();
  });
}

/**
 * Has a server that was just launched killed while it starts: at one of the first things that it writes, or some time before.
 * Returns what calls it off.
 */
export function killAtStart({ chance, server }: MortalWorld): () => void {
  if (chance.percent(70)) return server.atWrite(chance.whole(1, 6), server.kill);
  const timer = globalThis.setTimeout(server.kill, chance.whole(150, 600));
  return () => clearTimeout(timer);
}
