/**
 * What staff see of 1 million conversations, against 10 thousand.
 *
 * Two Parleys with databases of the same shape (`fill/`), one a hundred times the other: 6 of 10 conversations are of guests of the helpdesk, each
 * a customer, of whom 5 agents have had a fifth; the others are of users, a tenth of all of one of them. Small: 10,000 conversations of 6,101
 * customers. Large: 999,901 of 610,001.
 *
 * The list with each filter and several together, the customers, searches for customers that find one, and the dashboard are asked for over one
 * connection (`desk-requests.ts`), in turn from both, and the ratio of their medians is taken within each round. To make the large
 * database takes two minutes; `--quick` makes do with a tenth of it.
 */
import { deskRequests } from '../desk-requests.ts';
import type { Population } from '../fill/population.ts';
import type { Scenario } from '../scenario.ts';
import { compare, judge, most, prepareSide, tableOf } from '../size-contest.ts';
import { withStage } from '../stage.ts';

function populationOf(scale: number): Population {
  return {
    users: 100 * scale,
    conversationsEach: 30,
    exchanges: 1,
    heavy: { conversations: 999 * scale, hugeExchanges: scale },
    desk: { guests: 6_000 * scale, conversationsEach: 1, exchanges: 1, agents: 5 },
  };
}

export const desk: Scenario = {
  name: 'desk',
  title: 'The helpdesk with 1 million conversations against 10 thousand',
  run: (options, log) =>
    withStage(async (stage) => {
      const mock = await stage.startMock();
      const planOf = (scale: number) => {
        const population = populationOf(scale);
        return {
          population,
          counted: 'conversations' as const,
          requests: deskRequests(population),
        };
      };
      const sides = {
        small: await prepareSide(stage, mock, planOf(1), log),
        large: await prepareSide(stage, mock, planOf(options.quick ? 10 : 100), log),
      };
      const comparisons = await compare(stage.load, sides, options.rounds, log);
      return {
        goals: [
          judge(
            `conversations, customers, searches and dashboard ≤ ${most} × their time at 10 thousand`,
            comparisons,
          ),
        ],
        figures: tableOf(comparisons, [sides.small.name, sides.large.name]),
        raw: comparisons,
      };
    }),
};
