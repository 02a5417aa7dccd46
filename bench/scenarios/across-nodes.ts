/**
 * A frame from node to node.
 *
 * Two Parleys over one PostgreSQL and one Redis. 20 people ask the first again and again, through `POST /api/v1/chat`; the mock provider says a token
 * every 100 ms, and each token is the time at which it left, on the clock that all processes of the machine share. Everybody watches their own session with two
 * WebSockets (`/ws/chat/{id}?stream=true`), one on the node that makes the answer and one on the other. Every token must be heard on both, and
 * none twice.
 *
 * The figure is the time from the frame of the node that makes the answer to the frame of the other, for each token: both are sent when the token is committed, but
 * word of it goes over Redis first, and the second node reads it from the database. Where the other was first it is 0. Beside it the time from the token's leaving
 * the provider to either frame; the larger part of it is the gathering of what is committed together.
 */
import { hearAcross, watch, type AcrossStretch, type Quantiles, type Watched } from '../across-nodes-load.ts';
import { figure, judgeMost, spread } from '../outcome.ts';
import { reasonOf } from '../reason.ts';
import type { Scenario } from '../scenario.ts';
import { withStage, type Stage } from '../stage.ts';

const people = 20;
const mostMs = 10;
const many = 1_000_000;
const settings = {
  limits: { assistant: { auth_per_minute: many, chat_per_minute: many, sockets_per_user: 1_000 } },
};
const mockEnv = { BENCH_FRAME_DELAY_MS: '100', BENCH_FRAMES_PER_WRITE: '1', BENCH_STAMPS: '1' };
const goal = `the other node’s frame < ${mostMs} ms p99 behind the node’s that answers`;
const columns = ['', 'p50 ms', 'p99 ms', 'pieces'];

async function prepare(stage: Stage) {
  const { nodes } = await stage.startNodes(await stage.startMock(mockEnv), 2, settings);
  const all: Watched[] = [];
  // One after the other: passwords are hashed.
  for (let number = 0; number < people; number++) all.push(await watch(nodes, number));
  return { near: nodes[0]!, all };
}

function row(name: string, rounds: readonly AcrossStretch[], pick: (round: AcrossStretch) => Quantiles) {
  const of = (which: keyof Quantiles): string => spread(rounds.map((round) => pick(round)[which]));
  const pieces = rounds.reduce((sum, round) => sum + round.pieces, 0);
  return [name, of('p50Ms'), of('p99Ms'), figure(pieces)];
}

export const acrossNodes: Scenario = {
  name: 'across-nodes',
  title: 'A frame from node to node',
  run: (options, log) =>
    withStage(async (stage) => {
      const rounds: AcrossStretch[] = [];
      try {
        const { near, all } = await prepare(stage);
        await hearAcross(near, all, options.warmUpMs);
        for (let round = 1; round <= options.rounds; round++) {
          const measured = await hearAcross(near, all, options.roundMs);
          rounds.push(measured);
          const { p50Ms, p99Ms } = measured.between;
          log(`round ${round} · p50 ${figure(p50Ms)} ms, p99 ${figure(p99Ms)} ms`);
        }
      } catch (error) {
        const why = reasonOf(error);
        return { goals: [judgeMost(goal, why, 'ms', mostMs)], figures: { columns, rows: [] }, raw: { why } };
      }
      const p99s = rounds.map(({ between }) => between.p99Ms);
      return {
        goals: [judgeMost(goal, p99s, 'ms', mostMs)],
        figures: {
          columns,
          rows: [
            row('provider to the node that answers', rounds, ({ near }) => near),
            row('provider to the other node', rounds, ({ far }) => far),
            row('from the one’s frame to the other’s', rounds, ({ between }) => between),
          ],
        },
        raw: rounds,
      };
    }),
};
