import { password } from '../support/accounts.ts';
import { always, unlessClosed, type Matrix } from './entries.ts';
import { forAll, overSockets, whoHasNone, whoIsLoggedIn, whoMayComplete } from './expected.ts';

const chat = { body: () => ({ message: 'Hello' }) };
const rated = { score: 5, comment: 'Matrix' };

export const companionMatrix: Matrix = {
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
      typing: { send: { type: 'typing' } },
      stop: { send: { type: 'stop' } },
      ping: { send: { type: 'ping', id: 'p' }, answer: 'pong' },
    },
  }),
};
