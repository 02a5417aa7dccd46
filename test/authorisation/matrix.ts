import { password } from '../support/accounts.ts';
import type { Entry, FrameCase, NamedObject, Sent } from './entry.ts';
import {
  forAll,
  notValid,
  overSockets,
  toEachTheirOwn,
  whoAdministers,
  whoHasNone,
  whoIsLoggedIn,
  whoMayChange,
  whoMayComplete,
  type Expected,
} from './expected.ts';

const sessions = '/api/v1/chat/sessions';
const noSession = `${sessions}/999999`;

type More = Omit<Entry, 'open' | 'closed' | 'objects'>;

const always = (expected: Expected, objects: Entry['objects'], more: More = {}): Entry => ({
  open: expected,
  closed: expected,
  objects,
  ...more,
});
const unlessClosed = (expected: Expected, more: More = {}): Entry => ({
  open: expected,
  closed: { ...expected, nobody: expected.nobody === 101 ? 4401 : 401 },
  objects: 'none',
  ...more,
});
const page = (at?: string) => always(forAll(200), 'none', at === undefined ? {} : { at });

/** A request that names a session of the caller's own in its address. */
const session = (rest = '', more: Omit<Sent, 'at'> = {}, repeatable = false): NamedObject => ({
  kind: 'session',
  where: 'in the address',
  ...toEachTheirOwn,
  repeatable,
  send: ({ id }) => ({ at: `${sessions}/${id}${rest}`, ...more }),
});

/** A request to a session of the caller's own that names a turn to go on with, and one to a session that names the caller's. */
const turns = (body?: object): NamedObject[] => [
  {
    kind: 'turn',
    where: 'in Last-Event-ID',
    ...toEachTheirOwn,
    send: ({ turnId }, own) => ({
      at: `${sessions}/${own.id}/stream`,
      headers: { 'last-event-id': `${turnId}:0` },
      ...(body !== undefined && { body }),
    }),
  },
  {
    kind: 'turn',
    where: 'in last_event_id',
    ...toEachTheirOwn,
    send: ({ turnId }, own) => ({
      at: `${sessions}/${own.id}/stream?last_event_id=${turnId}%3A0`,
      ...(body !== undefined && { body }),
    }),
  },
  {
    kind: 'session',
    where: 'in the address, beside a turn of one’s own',
    ...toEachTheirOwn,
    send: ({ id }, own) => ({
      at: `${sessions}/${id}/stream`,
      headers: { 'last-event-id': `${own.turnId}:0` },
      ...(body !== undefined && { body }),
    }),
  },
];

/** Those who have a key of it may read what is theirs, and staff what is anybody's; a key alone opens what is nobody's. */
const bySessionKey: NamedObject = {
  kind: 'session key',
  where: 'in the address',
  own: { ...whoIsLoggedIn, nobody: 404, keyWithoutScope: 404, key: 404 },
  others: { ...forAll(404), agent: 200, administrator: 200, ...notValid },
  missing: { ...forAll(404), ...notValid },
  send: ({ id }) => ({ at: `${sessions}/${id}/messages` }),
};

const chat = { body: () => ({ message: 'Hello' }) };
const openAiChat = {
  body: () => ({ model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] }),
};
const ping: FrameCase = { send: { type: 'ping', id: 'p' }, answer: 'pong' };
/** What the victim calls an answer on its way to a gateway’s socket. */
export const victimsAnswer = 'victims';
const rated = { score: 5, comment: 'Matrix' };
let registered = 0;

/**
 * Who may do what: every route and socket of the server × every caller × whose it is. One that has no entry here, or a frame that
 * has none, fails the tests.
 */
export const matrix: Record<string, Entry> = {
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
  'WS /ws/chat (gateway)': unlessClosed(overSockets(whoMayComplete), {
    frames: {
      chat: { send: { type: 'chat', id: 'c', data: { message: 'Hello' } }, answer: 'complete' },
      cancel: {
        send: { type: 'cancel', id: 'mine' },
        answer: 'cancelled',
        named: {
          first: { type: 'chat', id: 'mine', data: { message: 'Hello', model: 'gpt-4o-mini' } },
          others: { type: 'cancel', id: victimsAnswer },
          missing: { type: 'cancel', id: 'none' },
        },
      },
      ping,
    },
  }),

  // openai
  'POST /v1/chat/completions': unlessClosed(whoMayComplete, openAiChat),
  'GET /v1/models': unlessClosed(whoMayComplete),
  'GET /v1/models/:model': unlessClosed(whoMayComplete, { at: '/v1/models/parley-local' }),
  'POST /v1/embeddings': unlessClosed(whoMayComplete, {
    body: () => ({ model: 'parley-local-embedding', input: 'Hello' }),
  }),

  // assistant
  'POST /api/v1/auth/token': always(forAll(200), 'none', { body: () => ({ username: 'user', password }) }),
  'POST /api/v1/auth/register': always(forAll(200), 'none', {
    body: () => {
      registered++;
      return { username: `new-${registered}`, email: `new-${registered}@example.com`, password };
    },
  }),
  'POST /api/v1/chat': always(
    whoIsLoggedIn,
    [
      {
        ...session('', {}, true),
        where: 'in the body',
        send: ({ id }) => ({ at: '/api/v1/chat', body: { message: 'Hello', session_id: id } }),
      },
    ],
    chat,
  ),
  'GET /api/v1/chat/sessions': always(whoIsLoggedIn, [{ kind: 'list', at: `${sessions}?limit=100` }]),
  [String.raw`GET /api/v1/chat/sessions/:session_id(^\d+$)`]: always(whoHasNone, [session()], {
    at: noSession,
  }),
  [String.raw`GET /api/v1/chat/sessions/:session_id(^\d+$)/messages`]: always(
    whoHasNone,
    [session('/messages')],
    { at: `${noSession}/messages` },
  ),
  'PATCH /api/v1/chat/sessions/:session_id': always(
    whoHasNone,
    [session('', { body: { title: 'Matrix' } }, true)],
    { at: noSession, body: () => ({ title: 'Matrix' }) },
  ),
  'DELETE /api/v1/chat/sessions/:session_id': always(whoHasNone, [session('', {}, true)], { at: noSession }),
  [String.raw`POST /api/v1/chat/sessions/:session_id(^\d+$)/stop`]: always(
    whoHasNone,
    [session('/stop', {}, true)],
    {
      at: `${noSession}/stop`,
    },
  ),
  [String.raw`POST /api/v1/chat/sessions/:session_id(^\d+$)/rating`]: always(
    whoHasNone,
    [session('/rating', { body: rated }, true)],
    { at: `${noSession}/rating`, body: () => rated },
  ),
  'POST /api/v1/chat/sessions/:session_id/stream': always(
    whoHasNone,
    [session('/stream', { body: { message: 'Hello' } }, true), ...turns({ message: 'Hello' })],
    { at: `${noSession}/stream`, ...chat },
  ),
  'GET /api/v1/chat/sessions/:session_id/stream': always(
    whoHasNone,
    // One’s own has no answer on its way.
    [{ ...session('/stream'), own: whoHasNone }, ...turns()],
    { at: `${noSession}/stream` },
  ),
  'GET /api/v1/statistics/daily': always(whoIsLoggedIn, [
    { kind: 'figures', at: '/api/v1/statistics/daily' },
  ]),
  'GET /api/v1/statistics/total': always(whoIsLoggedIn, [
    { kind: 'figures', at: '/api/v1/statistics/total' },
  ]),
  'WS /ws/chat/:session_id (assistant)': always(
    overSockets(whoHasNone),
    [
      {
        kind: 'session',
        where: 'in the address',
        own: overSockets(toEachTheirOwn.own),
        others: overSockets(toEachTheirOwn.others),
        missing: overSockets(toEachTheirOwn.missing),
        send: ({ id }) => ({ at: `/ws/chat/${id}?stream=true` }),
      },
      {
        kind: 'turn',
        where: 'in the cursor, which is read as one that says nothing of it',
        own: overSockets(whoIsLoggedIn),
        others: overSockets(whoIsLoggedIn),
        missing: overSockets(whoIsLoggedIn),
        send: ({ turnId }, own) => ({ at: `/ws/chat/${own.id}?stream=true&cursor=0:${turnId}:0` }),
      },
    ],
    {
      frames: {
        message: { send: { type: 'message', data: { content: 'Hello' } }, answer: 'message' },
        typing: { send: { type: 'typing' } },
        stop: { send: { type: 'stop' } },
        ping,
      },
    },
  ),

  // companion
  'POST /api/v1/login': always(forAll(200), 'none', { body: () => ({ username: 'user', password }) }),
  'POST /api/v1/logout': always(whoIsLoggedIn, 'none', { endsLogin: true }),
  'POST /api/v1/chat (companion)': always(
    whoIsLoggedIn,
    [{ kind: 'current chat', at: '/api/v1/chat', body: { message: 'Hello' }, none: whoIsLoggedIn }],
    { issuer: 'companion', ...chat },
  ),
  'POST /api/v1/chat/stop': always(
    whoIsLoggedIn,
    [{ kind: 'current chat', at: '/api/v1/chat/stop', none: whoIsLoggedIn }],
    { issuer: 'companion' },
  ),
  // Of the chat that the entry before the last began.
  'POST /api/v1/chat/rating': always(
    whoIsLoggedIn,
    [{ kind: 'current chat', at: '/api/v1/chat/rating', body: rated, none: whoHasNone }],
    { issuer: 'companion', body: () => rated },
  ),
  'GET /api/v1/chat/history': always(
    whoIsLoggedIn,
    [{ kind: 'list', at: '/api/v1/chat/history?pageSize=100' }],
    { issuer: 'companion' },
  ),
  'GET /api/v1/stats/chat': always(whoIsLoggedIn, [{ kind: 'figures', at: '/api/v1/stats/chat' }], {
    issuer: 'companion',
  }),
  'GET /api/v1/stats/messages': always(whoIsLoggedIn, [{ kind: 'figures', at: '/api/v1/stats/messages' }], {
    issuer: 'companion',
  }),
  // Without a token of its login it is the gateway's.
  'WS /ws/chat (companion)': unlessClosed(overSockets(whoMayComplete), {
    issuer: 'companion',
    frames: {
      message: { send: { type: 'message', content: 'Hello' }, answer: 'message' },
      read: { send: { type: 'read' } },
      stop: { send: { type: 'stop' } },
      ping,
    },
  }),

  // helpdesk
  'GET /api/v1/chat/sessions/:session_id/messages': always({ ...forAll(404), ...notValid }, [bySessionKey], {
    at: `${sessions}/sess_none/messages`,
  }),
  'GET /api/v1/admin/api-keys': always(whoAdministers, 'none'),
  'POST /api/v1/admin/api-keys': always({ ...whoAdministers, administrator: 201 }, 'none', {
    body: () => ({ name: 'matrix', scopes: ['cache'] }),
  }),
  'DELETE /api/v1/admin/api-keys/:id': always(
    { ...whoAdministers, administrator: 404 },
    [
      {
        kind: 'API key',
        where: 'in the address',
        own: whoAdministers,
        others: whoAdministers,
        missing: { ...whoAdministers, administrator: 404 },
        send: ({ id }) => ({ at: `/api/v1/admin/api-keys/${id}` }),
      },
    ],
    { at: '/api/v1/admin/api-keys/999999' },
  ),
  'GET /api/v1/admin/maintenance': always(whoAdministers, 'none'),
  'PUT /api/v1/admin/maintenance': always(whoAdministers, 'none', { body: () => ({ enabled: false }) }),

  // the server's own
  'OPTIONS *': always(forAll(204), 'none', {
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
