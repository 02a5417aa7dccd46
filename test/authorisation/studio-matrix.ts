import { password } from '../support/accounts.ts';
import { always, type Matrix } from './entries.ts';
import type { NamedObject, Sent, Target } from './entry.ts';
import {
  forAll,
  whoHasNone,
  whoIsLoggedIn,
  whoMayComplete,
  type ByOwner,
  type Expected,
} from './expected.ts';

const issuer = 'studio';
const conversations = '/api/conversations';
const none = `${conversations}/999999`;

/** For people who are logged in, about what is another's. */
const whoMayNot: Expected = {
  ...whoIsLoggedIn,
  user: 403,
  anotherUser: 403,
  agent: 403,
  administrator: 403,
};

/** To each their own, for staff too; of what is another's it is said that it is. */
const ownersOnly: ByOwner = { own: whoIsLoggedIn, others: whoMayNot, missing: whoHasNone };

/** For everybody with a login or a key that may have answers, wherever the server listens. */
const whoMayRelay: Expected = { ...whoMayComplete, nobody: 401 };

/** Keys have no conversations. */
const withoutKeys = { key: 403, adminKey: 403 };

const conversation = (rest = '', more: Omit<Sent, 'at'> = {}, repeatable = false): NamedObject => ({
  kind: 'session',
  where: 'in the address',
  ...ownersOnly,
  repeatable,
  send: ({ id }) => ({ at: `${conversations}/${id}${rest}`, ...more }),
});

const said = { content: [{ type: 'text', text: 'Hello' }] };
const relayed = { model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] };

/** A request to a conversation of the caller's own that names a reply to go on with, and one to a conversation that names the caller's. */
const replies = (body?: object): NamedObject[] => {
  const stream = ({ id }: Target) => `${conversations}/${id}/messages/stream`;
  const sent = body !== undefined && { body };
  return [
    {
      kind: 'turn',
      where: 'in Last-Event-ID',
      own: whoIsLoggedIn,
      others: whoHasNone,
      missing: whoHasNone,
      send: ({ turnId }, own) => ({ at: stream(own), headers: { 'last-event-id': `${turnId}:0` }, ...sent }),
    },
    {
      kind: 'turn',
      where: 'in last_event_id',
      own: whoIsLoggedIn,
      others: whoHasNone,
      missing: whoHasNone,
      send: ({ turnId }, own) => ({ at: `${stream(own)}?last_event_id=${turnId}%3A0`, ...sent }),
    },
    {
      ...conversation(),
      where: 'in the address, beside a reply of one’s own',
      send: (target, own) => ({
        at: stream(target),
        headers: { 'last-event-id': `${own.turnId}:0` },
        ...sent,
      }),
    },
  ];
};

let registered = 0;

const accounts: Matrix = {
  'POST /api/auth/register': always(forAll(200), 'none', {
    body: () => {
      registered++;
      const username = `new-in-studio-${registered}`;
      return { username, email: `${username}@example.com`, password };
    },
  }),
  'POST /api/auth/login': always(forAll(200), 'none', { body: () => ({ username: 'user', password }) }),
  'POST /api/auth/refresh': always(forAll(401), 'none', { body: () => ({ refresh_token: 'none' }) }),
  'POST /api/auth/logout': always(whoIsLoggedIn, 'none', { issuer, endsLogin: true }),
  'GET /api/auth/user': always(whoIsLoggedIn, 'none', { issuer }),
};

export const studioMatrix: Matrix = {
  ...accounts,
  'POST /api/conversations': always(whoIsLoggedIn, 'none', {
    issuer,
    body: () => ({ model_name: 'parley-local' }),
  }),
  'GET /api/conversations': always(whoIsLoggedIn, [{ kind: 'list', at: `${conversations}?limit=100` }], {
    issuer,
  }),
  'GET /api/conversations/:conversation_id': always(whoHasNone, [conversation()], { issuer, at: none }),
  'PUT /api/conversations/:conversation_id': always(
    whoHasNone,
    [conversation('', { body: { title: 'Matrix' } }, true)],
    { issuer, at: none, body: () => ({ title: 'Matrix' }) },
  ),
  'DELETE /api/conversations/:conversation_id': always(whoHasNone, [conversation('', {}, true)], {
    issuer,
    at: none,
  }),
  'GET /api/conversations/:conversation_id/messages': always(whoHasNone, [conversation('/messages')], {
    issuer,
    at: `${none}/messages`,
  }),
  'POST /api/conversations/:conversation_id/messages': always(
    whoHasNone,
    [conversation('/messages?wait=true', { body: said }, true)],
    { issuer, at: `${none}/messages`, body: () => said },
  ),
  'POST /api/conversations/:conversation_id/stop': always(whoHasNone, [conversation('/stop', {}, true)], {
    issuer,
    at: `${none}/stop`,
  }),
  'POST /api/conversations/:conversation_id/messages/stream': always(
    whoHasNone,
    [conversation('/messages/stream', { body: said }, true), ...replies(said)],
    { issuer, at: `${none}/messages/stream`, body: () => said },
  ),
  'GET /api/conversations/:conversation_id/messages/stream': always(
    whoHasNone,
    // One’s own has no reply on its way.
    [{ ...conversation('/messages/stream'), own: whoHasNone }, ...replies()],
    { issuer, at: `${none}/messages/stream` },
  ),
  'DELETE /api/messages/:message_id': always(
    whoHasNone,
    [
      {
        ...conversation(),
        repeatable: true,
        send: ({ turnId }) => ({ at: `/api/messages/${turnId}` }),
      },
    ],
    { issuer, at: '/api/messages/999999999' },
  ),
  'POST /api/bailian/chat/completions': always(
    whoMayRelay,
    [
      {
        kind: 'session',
        where: 'in the body',
        own: { ...whoMayRelay, ...withoutKeys },
        others: { ...whoMayNot, ...withoutKeys },
        missing: { ...whoHasNone, ...withoutKeys },
        send: ({ id }) => ({
          at: '/api/bailian/chat/completions',
          body: { ...relayed, conversation_id: id },
        }),
      },
    ],
    { issuer, body: () => relayed },
  ),
  'GET /api/history/api-calls': always(
    whoMayRelay,
    [{ kind: 'own figures', at: '/api/history/api-calls?limit=100' }],
    { issuer },
  ),
  'GET /api/history/budget': always(whoMayRelay, [{ kind: 'own figures', at: '/api/history/budget' }], {
    issuer,
  }),
  'GET /api/history/conversations/statistics': always(
    whoIsLoggedIn,
    [{ kind: 'own figures', at: '/api/history/conversations/statistics' }],
    { issuer },
  ),
};
