import { password } from '../support/accounts.ts';
import { always, type Matrix } from './entries.ts';
import type { NamedObject, Sent } from './entry.ts';
import { forAll, overSockets, toEachTheirOwn, whoHasNone, whoIsLoggedIn } from './expected.ts';

const sessions = '/api/v1/chat/sessions';
const noSession = `${sessions}/999999`;

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

const chat = { body: () => ({ message: 'Hello' }) };
const rated = { score: 5, comment: 'Matrix' };
let registered = 0;

export const assistantMatrix: Matrix = {
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
        ping: { send: { type: 'ping', id: 'p' }, answer: 'pong' },
      },
    },
  ),
};
