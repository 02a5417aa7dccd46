/**
 * What 10 million messages cost, against 10 thousand.
 *
 * Two Parleys with databases of the same shape (`fill/`), one a thousand times the other: a tenth of the messages belong to one user, a
 * tenth of hers are one session, everything is spread over 366 days, and conversations that go on at the same time lie mixed. Small:
 * 11 users, 551 conversations, the largest of 100 messages. Large: 10,001 users, 550,001 conversations, the largest of 100,000.
 *
 * Every list, history page and statistic of assistant and companion is asked for over one connection (`large-requests.ts`), in turn
 * from both, and the ratio of their medians is taken within each round. Pages in the middle, and what belongs to anybody, are 400
 * different ones, so that few are in SQLite's cache; the machine's memory should hold the file, which has 3.2 GB. The context of a question
 * is bounded by the model's (2,048 tokens), so that both put the same to the provider. To make the large database takes a minute;
 * `--quick` makes do with a tenth of it.
 */
import type { Party } from '../children.ts';
import type { FilledParley } from '../filled-parley.ts';
import type { Population } from '../fill/population.ts';
import { largeRequests, type Kind } from '../large-requests.ts';
import type { LoadGenerator } from '../load-generator.ts';
import { median } from '../median.ts';
import { figure, spread } from '../outcome.ts';
import { reasonOf } from '../reason.ts';
import type { FigureTable, GoalOutcome, Scenario } from '../scenario.ts';
import { withStage, type Stage } from '../stage.ts';
import { benchModel } from '../wire.ts';

const most = 1.3;
const requestsEach = 200;
const stretchLimitMs = 15_000;
const settings = { models: [{ id: benchModel, context_length: 2_048 }] };

function populationOf(scale: number): Population {
  const heavy = { conversations: 50 * scale, hugeExchanges: 50 * scale };
  return { users: 10 * scale, conversationsEach: 50, exchanges: 9, heavy };
}

/** A Parley with what it is asked for. */
interface Side {
  messages: string;
  party: Party;
  kinds: Kind[];
}

/** The p50s of one kind, round by round, or why it is not measured. */
interface Comparison {
  name: string;
  writes: boolean;
  absent?: string;
  small: number[];
  large: number[];
}

async function prepare(stage: Stage, mock: Party, scale: number, log: (line: string) => void): Promise<Side> {
  const filled: FilledParley = await stage.fillParley(mock, populationOf(scale), settings);
  const { messages, bytes, seconds } = filled.filled;
  log(`${figure(messages)} messages, ${figure(bytes / 2 ** 20)} MiB, written in ${figure(seconds)} s`);
  const kinds = largeRequests(filled);
  return { messages: `${figure(messages)} messages`, kinds, party: await stage.startFilled(filled) };
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

async function compare(
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

function judge(goal: string, comparisons: readonly Comparison[]): GoalOutcome {
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

function tableOf(comparisons: readonly Comparison[], sizes: readonly string[]): FigureTable {
  return {
    columns: ['p50, ms', ...sizes, 'ratio'],
    rows: comparisons.map((comparison) =>
      comparison.absent === undefined
        ? [comparison.name, spread(comparison.small), spread(comparison.large), spread(ratiosOf(comparison))]
        : [comparison.name, `not measured: ${comparison.absent}`],
    ),
  };
}

export const large: Scenario = {
  name: 'large',
  title: '10 million messages against 10 thousand',
  run: (options, log) =>
    withStage(async (stage) => {
      const mock = await stage.startMock();
      const sides = {
        small: await prepare(stage, mock, 1, log),
        large: await prepare(stage, mock, options.quick ? 100 : 1_000, log),
      };
      const comparisons = await compare(stage.load, sides, options.rounds, log);
      return {
        goals: [
          judge(
            `every list, history page and statistic ≤ ${most} × its time at 10 thousand`,
            comparisons.filter(({ writes }) => !writes),
          ),
          judge(
            `questions ≤ ${most} × their time at 10 thousand`,
            comparisons.filter(({ writes }) => writes),
          ),
        ],
        figures: tableOf(comparisons, [sides.small.messages, sides.large.messages]),
        raw: comparisons,
      };
    }),
};
