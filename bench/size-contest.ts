import type { Party } from './children.ts';
import type { FilledParley } from './filled-parley.ts';
import type { Population } from './fill/population.ts';
import type { Kind } from './large-requests.ts';
import type { LoadGenerator } from './load-generator.ts';
import { median } from './median.ts';
import { figure, spread } from './outcome.ts';
import type { ParleySettings } from './parley.ts';
import { reasonOf } from './reason.ts';
import type { FigureTable, GoalOutcome } from './scenario.ts';
import type { Stage } from './stage.ts';

/** What the larger database may cost of the smaller one's time. */
export const most = 1.3;
const requestsEach = 200;
const stretchLimitMs = 15_000;

/** A Parley with what it is asked for. */
export interface Side {
  name: string;
  party: Party;
  kinds: Kind[];
}

/** The p50s of one kind, round by round, or why it is not measured. */
export interface Comparison {
  name: string;
  writes: boolean;
  absent?: string;
  small: number[];
  large: number[];
}

/** What a side is made of. */
export interface SidePlan {
  population: Population;
  settings?: ParleySettings;
  /** What is counted in the name of the side. */
  counted: 'messages' | 'conversations';
  requests: (filled: FilledParley) => Kind[];
}

export async function prepareSide(
  stage: Stage,
  mock: Party,
  { population, settings, counted, requests }: SidePlan,
  log: (line: string) => void,
): Promise<Side> {
  const filled = await stage.fillParley(mock, population, settings);
  const { messages, conversations, bytes, seconds } = filled.filled;
  const size = `${figure(messages)} messages in ${figure(conversations)} conversations`;
  log(`${size}, ${figure(bytes / 2 ** 20)} MiB, written in ${figure(seconds)} s`);
  const kinds = requests(filled);
  const name = `${figure(filled.filled[counted])} ${counted}`;
  return { name, kinds, party: await stage.startFilled(filled) };
}

async function p50Of(load: LoadGenerator, { party }: Side, { name, requests }: Kind, count: number) {
  const result = await load.run({
    ...requests,
    origin: party.origin,
    connections: 1,
    durationMs: stretchLimitMs,
    requests: count,
    minBytes: 10,
    minFrames: 0,
  });
  if (result.errors === 0 && result.responses > 0) return result.p50Ms;
  throw new Error(`${name}: ${result.errors} wrong answers, first: ${result.firstError ?? 'none came'}`);
}

/** Asks both sides in turn for everything, round after round. */
export async function compare(
  load: LoadGenerator,
  sides: { small: Side; large: Side },
  rounds: number,
  log: (line: string) => void,
): Promise<Comparison[]> {
  const comparisons = sides.small.kinds.map(({ name, writes }): Comparison => {
    return { name, writes, small: [], large: [] };
  });
  for (let round = 0; round <= rounds; round++) {
    for (const [index, comparison] of comparisons.entries()) {
      if (comparison.absent !== undefined) continue;
      try {
        for (const size of ['small', 'large'] as const) {
          const p50Ms = await p50Of(load, sides[size], sides[size].kinds[index]!, requestsEach);
          if (round > 0) comparison[size].push(p50Ms);
        }
      } catch (error) {
        comparison.absent = reasonOf(error);
        log(comparison.absent);
      }
    }
    log(round === 0 ? 'warm-up' : `round ${round}`);
  }
  return comparisons;
}

function ratiosOf({ small, large }: Comparison): number[] {
  return large.map((p50Ms, round) => p50Ms / small[round]!);
}

/** The goal is met where every kind meets it. */
export function judge(goal: string, comparisons: readonly Comparison[]): GoalOutcome {
  const missing = comparisons.find(({ absent }) => absent !== undefined);
  if (missing) return { goal, measured: missing.absent!, verdict: 'not measured' };
  const ratios = comparisons.map((comparison) => ({
    name: comparison.name,
    ratio: median(ratiosOf(comparison)),
  }));
  const worst = ratios.toSorted((a, b) => b.ratio - a.ratio)[0]!;
  const met = ratios.filter(({ ratio }) => ratio <= most).length;
  const measured = `${met} of ${ratios.length}; at most ${figure(worst.ratio)} × (${worst.name})`;
  return { goal, measured, verdict: worst.ratio <= most ? 'met' : 'missed' };
}

export function tableOf(comparisons: readonly Comparison[], sizes: readonly string[]): FigureTable {
  return {
    columns: ['p50, ms', ...sizes, 'ratio'],
    rows: comparisons.map((comparison) =>
      comparison.absent === undefined
        ? [comparison.name, spread(comparison.small), spread(comparison.large), spread(ratiosOf(comparison))]
        : [comparison.name, `not measured: ${comparison.absent}`],
    ),
  };
}
