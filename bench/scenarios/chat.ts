/**
 * Chat with context through the assistant's door.
 *
 * 64 connections, closed loop, each request a `POST /api/v1/chat` that continues a session of 20 messages: 64 users with 800
 * sessions each, filled in beforehand and asked in turn, so that no session is asked twice before all were asked once. For every request Parley
 * checks the token and the limit, reads the session, commits the question, reads the context, has the mock provider stream the
 * answer (53 frames for 21 messages), commits the answer with the end of the turn, its `api_calls` row and its sums, both times
 * with `synchronous=FULL`, and answers.
 *
 * The goal's pass-through relays a whole completion for a request of the same 21 messages and an answer of about the same length, as in
 * `completion.ts`: it parses nothing, and the provider answers it in one piece. Beside it one whose provider call is Parley's own, a
 * streamed answer, which it relays. The data folder must be on a disk: `TMPDIR` says where.
 */
import type { Party } from '../children.ts';
import { holdContest, type Contender } from '../contest.ts';
import type { FilledParley } from '../filled-parley.ts';
import { ordinaryIds, type Population } from '../fill/population.ts';
import { buildTexts } from '../fill/texts.ts';
import { contestTable, judgePostgres, judgeRatio, onPostgres } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';
import { contender, withStage, type Stage, type Store } from '../stage.ts';
import { postOnce, verifyStream, verifyWhole } from '../verify.ts';
import { benchModel, prompt, streamedFrames, streamedTokens } from '../wire.ts';

const connections = 64;
const exchanges = 10;
const population: Population = { users: connections, conversationsEach: 800, exchanges };
const quickPopulation: Population = { ...population, conversationsEach: 100 };

interface Row {
  id: number;
  userId: number;
}

/** The sessions, such that neighbours belong to different users. */
function sessionsOf(filled: FilledParley): Row[] {
  return filled.select<Row>('SELECT id, user_id AS userId FROM conversations ORDER BY user_place, user_id');
}

function requestBody(sessionId: number): string {
  return JSON.stringify({ message: prompt, session_id: sessionId, temperature: 0.7 });
}

/** What OpenAI's door of the pass-through is asked: the context that Parley would send. */
function contextBody(stream: boolean): string {
  const { questions, answers } = buildTexts();
  const said = Array.from({ length: exchanges }, (_, index) => [
    { role: 'user', content: questions[index]!.content },
    { role: 'assistant', content: answers[index]!.content },
  ]);
  const messages = [...said.flat(), { role: 'user', content: prompt }];
  return JSON.stringify({ model: benchModel, messages, temperature: 0.7, ...(stream ? { stream } : {}) });
}

async function verifyChat(target: Parameters<typeof postOnce>[0]): Promise<void> {
  const { status, text } = await postOnce(target);
  if (status !== 200) throw new Error(`answered ${status}: ${text.slice(0, 300)}`);
  const { message } = JSON.parse(text) as { message?: { content?: string } };
  if (message?.content !== streamedTokens.join(''))
    throw new Error(`answered other text than the provider: ${text.slice(0, 300)}`);
}

async function parleyPlan(filled: FilledParley, party: Party) {
  const path = '/api/v1/chat';
  const sessions = sessionsOf(filled);
  const headersOf = new Map(ordinaryIds(population).map((id) => [id, filled.headersOf(id)]));
  const headers = sessions.map(({ userId }) => headersOf.get(userId)!);
  const bodies = sessions.map(({ id }) => requestBody(id));
  await verifyChat({ origin: party.origin, path, headers: headers.at(-1)!, body: bodies.at(-1)! });
  return {
    party,
    plan: { origin: party.origin, path, headers, bodies, connections, minBytes: 400, minFrames: 0 },
  };
}

async function passThroughPlan(party: Party, stream: boolean) {
  const headers = { authorization: 'Bearer sk-bench' };
  const target = { origin: party.origin, path: '/v1/chat/completions', headers };
  const body = contextBody(stream);
  await (stream ? verifyStream : verifyWhole)({ ...target, body });
  const minFrames = stream ? streamedFrames : 0;
  return { party, plan: { ...target, bodies: [body], connections, minBytes: 500, minFrames } };
}

function parleyOn(stage: Stage, mock: Party, from: Population, on: Store): Promise<Contender> {
  return contender(on === 'postgres' ? onPostgres : 'Parley', async () => {
    const filled = await stage.fillParley(mock, from, {}, on);
    return parleyPlan(filled, await stage.startFilled(filled));
  });
}

function contendersOn(stage: Stage, mock: Party, from: Population): Promise<Contender[]> {
  const passThrough = (name: string, stream: boolean): Promise<Contender> =>
    contender(name, async () => passThroughPlan(await stage.startPassThrough(mock), stream));
  return Promise.all([
    passThrough('pass-through', false),
    passThrough('pass-through, streamed', true),
    parleyOn(stage, mock, from, 'sqlite'),
    parleyOn(stage, mock, from, 'postgres'),
  ]);
}

export const chat: Scenario = {
  name: 'chat',
  title: 'Chat in a session with 20 messages: token, limits, turn committed',
  run: (options, log) =>
    withStage(async (stage) => {
      const mock = await stage.startMock();
      const contenders = await contendersOn(stage, mock, options.quick ? quickPopulation : population);
      const standings = await holdContest(contenders, { load: stage.load, mock, options, log });
      return {
        goals: [
          ...['pass-through', 'pass-through, streamed'].map((against) =>
            judgeRatio(standings, { party: 'Parley', against }, 'perSecond', 0.3),
          ),
          judgePostgres(standings),
        ],
        figures: contestTable(standings, false),
        raw: standings,
      };
    }),
};
