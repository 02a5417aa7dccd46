import { administrationMatrix } from './administration-matrix.ts';
import { assistantMatrix } from './assistant-matrix.ts';
import { companionMatrix } from './companion-matrix.ts';
import { deskMatrix } from './desk-matrix.ts';
import { always, page, unlessClosed, type Matrix } from './entries.ts';
import { forAll, overSockets, whoMayChange, whoMayComplete } from './expected.ts';
import { helpdeskMatrix } from './helpdesk-matrix.ts';
import { studioMatrix } from './studio-matrix.ts';

const chat = { body: () => ({ message: 'Hello' }) };
const openAiChat = {
  body: () => ({ model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] }),
};
/** What the victim calls an answer on its way to a gateway’s socket. */
export const victimsAnswer = 'victims';

/**
 * Who may do what: every route and socket of the server × every caller × whose it is. One that has no entry here, or a frame that
 * has none, fails the tests.
 */
export const matrix: Matrix = {
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
      ping: { send: { type: 'ping', id: 'p' }, answer: 'pong' },
    },
  }),

  // openai
  'POST /v1/chat/completions': unlessClosed(whoMayComplete, openAiChat),
  'GET /v1/models': unlessClosed(whoMayComplete),
  'GET /v1/models/:model': unlessClosed(whoMayComplete, { at: '/v1/models/parley-local' }),
  'POST /v1/embeddings': unlessClosed(whoMayComplete, {
    body: () => ({ model: 'parley-local-embedding', input: 'Hello' }),
  }),

  ...assistantMatrix,
  ...companionMatrix,
  ...helpdeskMatrix,
  ...deskMatrix,
  ...administrationMatrix,
  ...studioMatrix,

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
