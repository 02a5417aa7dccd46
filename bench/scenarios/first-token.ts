/**
 * Time to first token with 500 streams open at once.
 *
 * 500 connections, each with one stream after the other; the mock provider writes one frame every 100 ms, so
 * that a stream lasts 5.3 s and no party is short of CPU. The connections open one after the other over the
 * first 5.3 s, which is not counted: after that about 95 streams begin each second, evenly, with 500 open. The figure
 * is the 99th percentile from the request's last byte to the first read that holds the first token; the goal is what Parley adds to
 * the pass-through's, taken round by round.
 *
 * Beside OpenAI's door the assistant's, `POST /api/v1/chat/sessions/{id}/stream`: 500 users with 4 sessions each, filled in beforehand, each
 * session with two messages. There the question is committed before the provider is asked, and every piece of the answer before it is shown:
 * two syncs of the disk lie before the first token.
 */
import { holdContest, type Contender, type Standing } from '../contest.ts';
import { ordinaryIds, type Population } from '../fill/population.ts';
import { contestTable, judgeMost } from '../outcome.ts';
import { relayContenders, type RelayKind } from '../relay-contest.ts';
import type { Party } from '../children.ts';
import type { Scenario } from '../scenario.ts';
import { contender, withStage, type Stage } from '../stage.ts';
import { verifySessionStream } from '../verify.ts';
import { prompt, streamedTokens } from '../wire.ts';

const connections = 500;
const rampMs = 5_300;
const kind: RelayKind = {
  stream: true,
  connections,
  rampMs,
  mockEnv: { BENCH_FRAME_DELAY_MS: '100', BENCH_FRAMES_PER_WRITE: '1' },
};
const population: Population = { users: connections, conversationsEach: 4, exchanges: 1 };
const assistant = 'Parley, session';

/** What the first byte's p99 grows by, round by round; the reason as text when one of the two was not measured. */
function addedMs(standings: readonly Standing[], name: string): number[] | string {
  const find = (wanted: string): Standing => standings.find((standing) => standing.name === wanted)!;
  const [party, against] = [find(name), find('pass-through')];
  const missing = [party, against].find(({ absent }) => absent);
  if (missing) return `${missing.name}: ${missing.absent}`;
  return party.rounds.map((round, index) => round.firstByteP99Ms - against.rounds[index]!.firstByteP99Ms);
}

function sessionContender(stage: Stage, mock: Party): Promise<Contender> {
  return contender(assistant, async () => {
    const filled = await stage.fillParley(mock, population);
    const sessions = filled.select<{ id: number; userId: number }>(
      'SELECT id, user_id AS userId FROM conversations ORDER BY user_place, user_id',
    );
    const tokens = new Map(ordinaryIds(population).map((id) => [id, filled.headersOf(id)]));
    const party = await stage.startFilled(filled);
    const path = sessions.map(({ id }) => `/api/v1/chat/sessions/${id}/stream`);
    const headers = sessions.map(({ userId }) => tokens.get(userId)!);
    const body = JSON.stringify({ message: prompt });
    await verifySessionStream({ origin: party.origin, path: path[0]!, headers: headers[0]!, body });
    const plan = {
      origin: party.origin,
      path,
      headers,
      bodies: [body],
      connections,
      rampMs,
      minBytes: 500,
      // What was said while a piece was committed leaves as one frame.
      minFrames: 3,
      firstText: streamedTokens[0]!,
    };
    return { party, plan };
  });
}

export const firstToken: Scenario = {
  name: 'first-token',
  title: 'Time to first token, 500 streams',
  run: (options, log) =>
    withStage(async (stage) => {
      const mock = await stage.startMock(kind.mockEnv);
      const contenders = [...(await relayContenders(stage, kind, mock)), await sessionContender(stage, mock)];
      const standings = await holdContest(contenders, {
        load: stage.load,
        mock,
        options: {
          ...options,
          rounds: Math.min(options.rounds, 3),
          roundMs: rampMs + 3 * options.roundMs,
          warmUpMs: rampMs + 2_000,
        },
        log,
      });
      const judge = (name: string) =>
        judgeMost(`${name} adds < 2 ms p99 to the pass-through`, addedMs(standings, name), 'ms', 2);
      return {
        goals: [judge('Parley'), judge(assistant)],
        figures: contestTable(standings, true),
        raw: standings,
      };
    }),
};
