/**
 * Whole completions through OpenAI's door.
 *
 * 32 keep-alive connections, closed loop, one prompt of two messages, an answer of about 60 tokens from the mock
 * provider. Parley works as in production: API key checked, limits counted, one `api_calls` row committed per
 * call, logs on; its cache is off, because OpenAI's door does not use it unless asked. Portkey and the
 * pass-through have nothing of that to do. Every party's first answer is checked word for word.
 */
import { holdRelayContest } from '../relay-contest.ts';
import { contestTable, judgePostgres, judgeRatio } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

export const completion: Scenario = {
  name: 'completion',
  title: 'Completion: key, limits, metering on, cache off',
  async run(options, log) {
    const standings = await holdRelayContest({ stream: false, connections: 32 }, options, log);
    return {
      goals: [
        judgeRatio(standings, { party: 'Parley', against: 'Portkey' }, 'perSecond', 4),
        judgeRatio(standings, { party: 'Parley', against: 'pass-through' }, 'perSecond', 0.55),
        judgePostgres(standings),
      ],
      figures: contestTable(standings, false),
      raw: standings,
    };
  },
};
