/**
 * Time to first token with 500 streams open at once.
 *
 * 500 connections, each with one stream after the other; the mock provider writes one frame every 100 ms, so
 * that a stream lasts 5.3 s and no party is short of CPU. The connections open one after the other over the
 * first 5.3 s, which is not counted: after that about 95 streams begin each second, evenly, with 500 open. The figure
 * is the 99th percentile from the request's last byte to the body's first byte; the goal is what Parley adds to
 * the pass-through's, taken round by round.
 */
import type { Standing } from '../contest.ts';
import { contestTable, judgeMost } from '../outcome.ts';
import { holdRelayContest } from '../relay-contest.ts';
import type { Scenario } from '../scenario.ts';

const kind = {
  stream: true,
  connections: 500,
  rampMs: 5_300,
  mockEnv: { BENCH_FRAME_DELAY_MS: '100', BENCH_FRAMES_PER_WRITE: '1' },
};

/** What the first byte's p99 grows by, round by round; the reason as text when one of the two was not measured. */
function addedMs(party: Standing, against: Standing): number[] | string {
  const missing = [party, against].find(({ absent }) => absent);
  if (missing) return `${missing.name}: ${missing.absent}`;
  return party.rounds.map((round, index) => round.firstByteP99Ms - against.rounds[index]!.firstByteP99Ms);
}

export const firstToken: Scenario = {
  name: 'first-token',
  title: 'Time to first token, 500 streams',
  async run(options, log) {
    const longer = { ...options, roundMs: kind.rampMs + 3 * options.roundMs, warmUpMs: kind.rampMs + 2_000 };
    const standings = await holdRelayContest(kind, { ...longer, rounds: Math.min(options.rounds, 3) }, log);
    const [passThrough, , parley] = standings as [Standing, Standing, Standing];
    return {
      goals: [judgeMost('adds < 2 ms p99 to the pass-through', addedMs(parley, passThrough), 'ms', 2)],
      figures: contestTable(standings, true),
      raw: standings,
    };
  },
};
