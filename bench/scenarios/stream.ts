/**
 * Streamed tokens relayed through OpenAI's door.
 *
 * As `completion.ts` with `stream: true`: 50 tokens an answer, which the mock provider writes as 53 HTTP chunks
 * of one SSE frame each, ten in a tick, without a pause. What counts is SSE frames a second; a stream that
 * lacks a frame is an error and puts the party out.
 */
import { holdRelayContest } from '../relay-contest.ts';
import { contestTable, judgePostgres, judgeRatio } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

export const stream: Scenario = {
  name: 'stream',
  title: 'Streamed tokens: key, limits, metering on, cache off',
  async run(options, log) {
    const standings = await holdRelayContest({ stream: true, connections: 32 }, options, log);
    return {
      goals: [
        judgeRatio(standings, { party: 'Parley', against: 'Portkey' }, 'framesPerSecond', 5),
        judgePostgres(standings, 'framesPerSecond'),
      ],
      figures: contestTable(standings, true),
      raw: standings,
    };
  },
};
