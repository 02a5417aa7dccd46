/**
 * A guest's message reaches the agents.
 *
 * 100 guests, each in a conversation that an agent has taken, send 200 messages a second in all over their sockets at `/ws`; 50 agents'
 * sockets are told of every one of them. Parley commits each message with its sums and its change in the feed before anybody hears of it, and marks it delivered
 * afterwards. The figure is the time from the guest's `send` to each agent's frame, all in the harness's process and by its clock: 10,000 frames a
 * second. Limits are on, far above what is asked.
 *
 * Beside it a bare `ws` server that sends what comes to everybody. All frames must arrive, and none twice.
 */
import type { Party } from '../children.ts';
import { fanOut, openSockets, type FanOutParty, type FanOutStretch } from '../fan-out-load.ts';
import { figure, judgeMost, spread } from '../outcome.ts';
import { reasonOf } from '../reason.ts';
import type { Scenario } from '../scenario.ts';
import { withStage, type Stage } from '../stage.ts';

const agents = 50;
const guests = 100;
const perSecond = 200;
const mostMs = 20;
const many = 1_000_000;
const admin = { email: 'bench@example.com', password: 'a long password of the bench' };
const settings = {
  admin,
  limits: {
    helpdesk: {
      logins_per_minute: many,
      messages_per_minute: many,
      admin_calls_per_minute: many,
      sockets_per_address: 100_000,
    },
  },
};
const broadcaster = new URL('../parties/ws-broadcast.ts', import.meta.url).pathname;

async function call<T>({ origin }: Party, path: string, body: object, token?: string): Promise<T> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(`${origin}/api/v1${path}`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${text.slice(0, 300)}`);
  return (JSON.parse(text) as { data: T }).data;
}

async function logIn(party: Party, email: string, password: string): Promise<string> {
  const { access_token } = await call<{ access_token: string }>(party, '/auth/login', { email, password });
  return access_token;
}

async function makeAgents(party: Party): Promise<string[]> {
  const token = await logIn(party, admin.email, admin.password);
  const { password } = admin;
  const tokens: string[] = [];
  for (let number = 0; number < agents; number++) {
    const email = `agent${number}@example.com`;
    await call(
      party,
      '/admin/users',
      { email, full_name: `Agent ${number}`, role: 'agent', password },
      token,
    );
    tokens.push(await logIn(party, email, password));
  }
  return tokens;
}

/** Sessions that an agent has taken, by answering. */
async function makeSessions(party: Party, tokens: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (let number = 0; number < guests; number++) {
    const { session_id } = await call<{ session_id: string }>(party, '/chat/sessions', {});
    await call(party, '/chat/messages', { session_id, content: 'Hello!' }, tokens[number % agents]);
    ids.push(session_id);
  }
  return ids;
}

async function parleyParty(stage: Stage): Promise<FanOutParty> {
  const { party } = await stage.startParley(await stage.startMock(), settings);
  const tokens = await makeAgents(party);
  const ids = await makeSessions(party, tokens);
  const url = `${party.origin.replace('http', 'ws')}/ws`;
  return {
    party,
    senders: await openSockets(ids.map((id) => ({ url: `${url}?session_id=${id}` }))),
    hearers: await openSockets(tokens.map((token) => ({ url: `${url}?token=${token}` }))),
    frameOf: (sender, content) =>
      JSON.stringify({ type: 'message', data: { session_id: ids[sender], content } }),
  };
}

async function bareParty(stage: Stage): Promise<FanOutParty> {
  const party = await stage.start({ name: 'ws', args: [broadcaster] });
  const url = party.origin.replace('http', 'ws');
  return {
    party,
    senders: await openSockets(Array.from({ length: guests }, () => ({ url: `${url}/from` }))),
    hearers: await openSockets(Array.from({ length: agents }, () => ({ url: `${url}/to` }))),
    frameOf: (_sender, content) => JSON.stringify({ type: 'message', data: { content } }),
  };
}

function row(name: string, rounds: readonly FanOutStretch[]): string[] {
  const of = (pick: (round: FanOutStretch) => number): string => spread(rounds.map(pick));
  const frames = rounds.reduce((sum, { heard }) => sum + heard, 0);
  return [
    name,
    of(({ p50Ms }) => p50Ms),
    of(({ p99Ms }) => p99Ms),
    of(({ cpuMsPerMessage }) => cpuMsPerMessage),
    figure(frames),
  ];
}

const goal = `a guest’s message reaches ${agents} agents’ sockets in < ${mostMs} ms p99 at ${perSecond} messages/s`;
const columns = ['party', 'p50 ms', 'p99 ms', 'CPU ms/message', 'frames'];

export const fanOutScenario: Scenario = {
  name: 'fan-out',
  title: `${guests} guests’ messages to ${agents} agents’ sockets`,
  run: (options, log) =>
    withStage(async (stage) => {
      const rounds: Record<'ws' | 'Parley', FanOutStretch[]> = { ws: [], Parley: [] };
      try {
        const parties = { ws: await bareParty(stage), Parley: await parleyParty(stage) };
        for (const party of Object.values(parties)) await fanOut(party, perSecond, options.warmUpMs);
        for (let round = 1; round <= options.rounds; round++) {
          for (const name of ['ws', 'Parley'] as const) {
            const measured = await fanOut(parties[name], perSecond, options.roundMs);
            rounds[name].push(measured);
            log(`${name}: p50 ${figure(measured.p50Ms)} ms, p99 ${figure(measured.p99Ms)} ms`);
          }
        }
      } catch (error) {
        const why = reasonOf(error);
        return { goals: [judgeMost(goal, why, 'ms', mostMs)], figures: { columns, rows: [] }, raw: { why } };
      }
      const measured = rounds.Parley.map(({ p99Ms }) => p99Ms);
      return {
        goals: [judgeMost(goal, measured, 'ms', mostMs)],
        figures: { columns, rows: [row('ws', rounds.ws), row('Parley', rounds.Parley)] },
        raw: rounds,
      };
    }),
};
