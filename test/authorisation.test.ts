import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { RouteOptions } from 'fastify';
import { password, type LoginContract } from './support/accounts.ts';
import { callerNames, logInAnew, makeCallers, type CallerName, type Callers } from './support/callers.ts';
import { send } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import { watchDoors } from './support/routes.ts';
import { openSocket } from './support/socket.ts';

/**
 * Who may do what: every route and socket of the server × every caller. One that has no entry here fails the test. The
 * entries say what is expected of an open gateway (on loopback) and of a closed one.
 */

/** The status of the answer; of a socket the code it is closed with, or 101 where it stays open. */
type Expected = Record<CallerName, number>;

interface Entry {
  open: Expected;
  closed: Expected;
  /** Where the route's own address is only a pattern. */
  at?: string;
  /** What to send; a new one each time. */
  body?: () => object;
  headers?: Record<string, string>;
  /** The call uses the login up, so each caller logs in anew for it. */
  endsLogin?: boolean;
  /** Whose login the callers' tokens are of; assistant's where it is left out. */
  issuer?: LoginContract;
}

const notValid = { disabled: 401, revoked: 401, expired: 401, forged: 401 };

/** Nobody is asked who they are, and what they show is not looked at. */
const forAll = (status: number): Expected =>
  Object.fromEntries(callerNames.map((name) => [name, status])) as Expected;

const whoMayComplete: Expected = {
  ...notValid,
  nobody: 200,
  user: 200,
  anotherUser: 200,
  agent: 200,
  administrator: 200,
  keyWithoutScope: 403,
  key: 200,
};

/** What belongs to all: on an open loopback nobody in particular may change it, but a person who is known needs the right. */
const whoMayChange: Expected = { ...whoMayComplete, user: 403, anotherUser: 403, agent: 403 };

/** For people who are logged in. */
const whoIsLoggedIn: Expected = { ...whoMayComplete, nobody: 401, keyWithoutScope: 403, key: 403 };

/** For administrators who are logged in. */
const whoAdministers: Expected = { ...whoIsLoggedIn, user: 403, anotherUser: 403, agent: 403 };

function absentTo(status: number) {
  return { user: status, anotherUser: status, agent: status, administrator: status };
}

/** For people who are logged in, about something that is not there. */
const whoHasNone: Expected = { ...whoIsLoggedIn, ...absentTo(404) };
const noSession = '/api/v1/chat/sessions/999999';

const overSockets = (expected: Expected): Expected =>
  Object.fromEntries(
    Object.entries(expected).map(([name, status]) => [name, status === 200 ? 101 : 4401]),
  ) as Expected;

const atNoSession: Expected = { ...overSockets(whoIsLoggedIn), ...absentTo(4404) };

const always = (expected: Expected, more: Partial<Entry> = {}): Entry => ({
  open: expected,
  closed: expected,
  ...more,
});
const unlessClosed = (expected: Expected, more: Partial<Entry> = {}): Entry => ({
  open: expected,
  closed: { ...expected, nobody: expected.nobody === 101 ? 4401 : 401 },
  ...more,
});
const page = (at?: string) => always(forAll(200), at === undefined ? {} : { at });

const chat = { body: () => ({ message: 'Hello' }) };
const openAiChat = {
  body: () => ({ model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] }),
};
let registered = 0;

const matrix: Record<string, Entry> = {
  // gateway
  'GET /health': page(),
  'GET /metrics': page(),
  'POST /api/v1/chat/completion': unlessClosed(whoMayComplete, chat),
  'POST /api/v1/chat/stream': unlessClosed(whoMayComplete, chat),
  'GET /api/v1/models': unlessClosed(whoMayComplete),
  'GET /api/v1/models/:model_id': unlessClosed(whoMayComplete, { at: '/api/v1/models/parley-local' }),
  'GET /api/v1/cache/stats': unlessClosed(whoMayComplete),
  'POST /api/v1/cache/warm': unlessClosed(whoMayChange, { body: () => ({ patterns: ['Hello'] }) }),
  'DELETE /api/v1/cache/clear': unlessClosed(whoMayChange),
  'WS /ws/chat (gateway)': unlessClosed(overSockets(whoMayComplete)),

  // openai
  'POST /v1/chat/completions': unlessClosed(whoMayComplete, openAiChat),
  'GET /v1/models': unlessClosed(whoMayComplete),
  'GET /v1/models/:model': unlessClosed(whoMayComplete, { at: '/v1/models/parley-local' }),
  'POST /v1/embeddings': unlessClosed(whoMayComplete, {
    body: () => ({ model: 'parley-local-embedding', input: 'Hello' }),
  }),

  // assistant
  'POST /api/v1/auth/token': always(forAll(200), { body: () => ({ username: 'user', password }) }),
  'POST /api/v1/auth/register': always(forAll(200), {
    body: () => {
      registered++;
      return { username: `new-${registered}`, email: `new-${registered}@example.com`, password };
    },
  }),
  'POST /api/v1/chat': always(whoIsLoggedIn, chat),
  'GET /api/v1/chat/sessions': always(whoIsLoggedIn),
  'GET /api/v1/chat/sessions/:session_id': always(whoHasNone, { at: noSession }),
  [String.raw`GET /api/v1/chat/sessions/:session_id(^\d+$)/messages`]: always(whoHasNone, {
    at: `${noSession}/messages`,
  }),
  'PATCH /api/v1/chat/sessions/:session_id': always(whoHasNone, {
    at: noSession,
    body: () => ({ title: 'Matrix' }),
  }),
  'DELETE /api/v1/chat/sessions/:session_id': always(whoHasNone, { at: noSession }),
  'POST /api/v1/chat/sessions/:session_id/stop': always(whoHasNone, { at: `${noSession}/stop` }),
  'POST /api/v1/chat/sessions/:session_id/rating': always(whoHasNone, {
    at: `${noSession}/rating`,
    body: () => ({ score: 5 }),
  }),
  'POST /api/v1/chat/sessions/:session_id/stream': always(whoHasNone, { at: `${noSession}/stream`, ...chat }),
  'GET /api/v1/chat/sessions/:session_id/stream': always(whoHasNone, { at: `${noSession}/stream` }),
  'GET /api/v1/statistics/daily': always(whoIsLoggedIn),
  'GET /api/v1/statistics/total': always(whoIsLoggedIn),
  'WS /ws/chat/:session_id (assistant)': always(atNoSession),

  // companion
  'POST /api/v1/login': always(forAll(200), { body: () => ({ username: 'user', password }) }),
  'POST /api/v1/logout': always(whoIsLoggedIn, { endsLogin: true }),
  'POST /api/v1/chat (companion)': always(whoIsLoggedIn, { issuer: 'companion', ...chat }),
  'POST /api/v1/chat/stop': always(whoIsLoggedIn, { issuer: 'companion' }),
  // Of the chat that the entry before the last began.
  'POST /api/v1/chat/rating': always(whoIsLoggedIn, {
    issuer: 'companion',
    body: () => ({ score: 5 }),
  }),
  'GET /api/v1/chat/history': always(whoIsLoggedIn, { issuer: 'companion' }),
  'GET /api/v1/stats/chat': always(whoIsLoggedIn, { issuer: 'companion' }),
  'GET /api/v1/stats/messages': always(whoIsLoggedIn, { issuer: 'companion' }),
  // Without a token of its login it is the gateway's.
  'WS /ws/chat (companion)': unlessClosed(overSockets(whoMayComplete), { issuer: 'companion' }),

  // helpdesk
  'GET /api/v1/chat/sessions/:session_id/messages': always(
    { ...forAll(404), ...notValid },
    { at: '/api/v1/chat/sessions/sess_none/messages' },
  ),
  'GET /api/v1/admin/api-keys': always(whoAdministers),
  'POST /api/v1/admin/api-keys': always(
    { ...whoAdministers, administrator: 201 },
    { body: () => ({ name: 'matrix', scopes: ['cache'] }) },
  ),
  'DELETE /api/v1/admin/api-keys/:id': always(
    { ...whoAdministers, administrator: 404 },
    { at: '/api/v1/admin/api-keys/999999' },
  ),
  'GET /api/v1/admin/maintenance': always(whoAdministers),
  'PUT /api/v1/admin/maintenance': always(whoAdministers, { body: () => ({ enabled: false }) }),

  // the server's own
  'OPTIONS *': always(forAll(204), {
    at: '/api/v1/models',
    headers: { origin: 'http://127.0.0.1:5173', 'access-control-request-method': 'GET' },
  }),
  'GET /ready': page(),
  'GET /openapi.json': page(),
  'GET /docs': page(),
  'GET /docs/': page(),
  'GET /docs/json': page(),
  'GET /docs/yaml': page(),
  'GET /docs/static/index.html': page(),
  'GET /docs/static/swagger-initializer.js': page(),
  'GET /docs/static/*': page('/docs/static/swagger-ui.css'),
  'GET /redoc': page(),
  'GET /redoc/redoc.standalone.js': page(),
  'GET /': page(),
  'GET /console/*': page('/console/console.css'),
};

for (const mode of ['open', 'closed'] as const) {
  describe(`who may do what, the gateway ${mode}`, () => {
    let parley: Parley;
    let seen: string[];
    let callers: Record<LoginContract, Callers>;
    before(async () => {
      const env: Record<string, string> = mode === 'closed' ? { PARLEY_OPEN_GATEWAY: 'false' } : {};
      const watched = await watchDoors(() => startParley({ env }));
      parley = watched.started;
      const routes = watched.routes.flatMap(doorsOf);
      const sockets = watched.sockets.map(({ path, contract }) => `WS ${path} (${contract})`);
      seen = [...routes, ...sockets];
      callers = await makeCallers(parley);
    });
    after(() => parley.close());

    test('every route and socket has an entry', () => {
      // A HEAD is its GET without the body.
      const doors = new Set(seen.map((door) => door.replace(/^HEAD /u, 'GET ')));
      assert.ok(doors.size > 20, 'the doors were seen');
      assert.deepEqual(
        [...doors].filter((door) => matrix[door] === undefined),
        [],
        'say in the matrix who may come here',
      );
      assert.deepEqual(
        Object.keys(matrix).filter((door) => !doors.has(door)),
        [],
        'the matrix speaks of doors that are not there',
      );
    });

    for (const [door, entry] of Object.entries(matrix)) {
      test(door, async () => {
        const known = callers[entry.issuer ?? 'assistant'];
        const shown = entry.endsLogin === true ? { ...known, ...(await logInAnew(parley)) } : known;
        // What a GET is refused, its HEAD must not tell either.
        const ways = door.startsWith('GET ') ? [door, door.replace('GET', 'HEAD')] : [door];
        for (const way of ways) {
          const answers: Partial<Expected> = {};
          for (const name of callerNames) {
            const headers = { ...entry.headers, ...shown[name] };
            answers[name] = await knock(parley, way, entry, headers);
          }
          assert.deepEqual(answers, entry[mode], way);
        }
      });
    }
  });
}

/** A route's name in the matrix; one that is only for tokens of a contract is named after it. */
function doorsOf({ method, url, constraints }: RouteOptions): string[] {
  const issuer = (constraints as { issuer?: string } | undefined)?.issuer;
  return [method].flat().map((each) => `${each} ${url}${issuer === undefined ? '' : ` (${issuer})`}`);
}

async function knock(
  { url, wsUrl }: Parley,
  door: string,
  { at, body }: Entry,
  headers: Record<string, string>,
): Promise<number> {
  const [method = '', pattern = ''] = door.split(' ');
  if (method === 'WS') return knockAtSocket(`${wsUrl}${pattern}`, headers);
  const response = await send(`${url}${at ?? pattern}`, method, body?.(), headers);
  await response.arrayBuffer();
  return response.status;
}

/** The code that the socket is closed with; 101 where it answers. */
async function knockAtSocket(url: string, headers: Record<string, string>): Promise<number> {
  const socket = await openSocket(url, { headers });
  socket.send({ type: 'ping', id: 'knock' });
  const frame = await socket.next();
  if (frame.type !== 'error') {
    await socket.close();
    return 101;
  }
  return (await socket.closed).code;
}
