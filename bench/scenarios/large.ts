/**
 * What 10 million messages cost, against 10 thousand.
 *
 * Two Parleys with databases of the same shape (`fill/`), one a thousand times the other: a tenth of the messages belong to one user, a
 * tenth of hers are one session, everything is spread over 366 days, and conversations that go on at the same time lie mixed. Small:
 * 11 users, 551 conversations, the largest of 100 messages. Large: 10,001 users, 550,001 conversations, the largest of 100,000.
 *
 * The same user has called models: a thousand times in 30 days, or a million times in three years (with `--quick`, a hundred thousand
 * times). Every list, history page and statistic of assistant, companion (`large-requests.ts`) and of studio's calls
 * (`call-requests.ts`) is asked for over one connection, in turn from both, and the ratio of their medians is taken within each round.
 * Pages in the middle, and what belongs to anybody, are 400 different ones, so that few are in SQLite's cache; the machine's memory
 * should hold the file, which has 3.7 GB. The context of a question is bounded by the model's (2,048 tokens), so that both put the same
 * to the provider. To make the large database takes a minute; `--quick` makes do with a tenth of it.
 */
import { callRequests } from '../call-requests.ts';
import type { FilledParley } from '../filled-parley.ts';
import type { Population } from '../fill/population.ts';
import { largeRequests } from '../large-requests.ts';
import type { Scenario } from '../scenario.ts';
import { compare, judge, most, prepareSide, tableOf } from '../size-contest.ts';
import { withStage } from '../stage.ts';
import { benchModel } from '../wire.ts';

const settings = { models: [{ id: benchModel, context_length: 2_048 }] };

function populationOf(scale: number): Population {
  const heavy = { conversations: 50 * scale, hugeExchanges: 50 * scale };
  // Who has called a thousand times as often has done so for longer, too.
  const calls = { count: 1_000 * scale, days: scale === 1 ? 30 : 3 * 366 };
  return { users: 10 * scale, conversationsEach: 50, exchanges: 9, heavy, calls };
}

export const large: Scenario = {
  name: 'large',
  title: '10 million messages against 10 thousand',
  run: (options, log) =>
    withStage(async (stage) => {
      const mock = await stage.startMock();
      const planOf = (scale: number) => ({
        population: populationOf(scale),
        settings,
        counted: 'messages' as const,
        requests: (filled: FilledParley) => [...largeRequests(filled), ...callRequests(filled)],
      });
      const sides = {
        small: await prepareSide(stage, mock, planOf(1), log),
        large: await prepareSide(stage, mock, planOf(options.quick ? 100 : 1_000), log),
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
        figures: tableOf(comparisons, [sides.small.name, sides.large.name]),
        raw: comparisons,
      };
    }),
};
