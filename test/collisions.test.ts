import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, forge, makeAccount, password, tokenOf, type LoginContract } from './support/accounts.ts';
import { read, send } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import { assertShape } from './support/shape.ts';
import { openSocket } from './support/socket.ts';

/** contracts/README, "Where two documents claim the same address", point by point. */

type Headers = Record<string, string>;
type Body = Record<string, unknown>;

const studioShape = { code: 404, message: 'x', data: null };
/** Whose tokens are tried where they are not valid. */
const tried = ['assistant', 'companion', 'studio'] as const satisfies LoginContract[];
type Tried = (typeof tried)[number];

const time = '2026-01-01T10:00:00.000Z';
const assistantError = { error: { code: 'REQ001', message: 'x', details: '' } };
const helpdeskError = { success: false, error: { code: 'x', message: 'x', details: null } };
const gatewayError = { error: 'x', code: 'x', status_code: 404, request_id: 'req_x', timestamp: time };

let parley: Parley;
let assistant: string;
let companion: string;
let studio: string;
let refused: Record<Tried, Record<string, { token: string; code: string }>>;

before(async () => {
  parley = await startParley({ yaml: { limits: { body_bytes: 5_000 } } });
  for (const name of ['late', 'ada', 'ben', 'gone']) await makeAccount(parley, name);
  await makeAccount(parley, 'agent', 'agent');
  const expired = {
    assistant: await tokenOf(parley, 'late', 'assistant'),
    companion: await tokenOf(parley, 'late', 'companion'),
    studio: await tokenOf(parley, 'late', 'studio'),
  };
  parley.advance(2 * 60 * 60 * 1000);
  assistant = await tokenOf(parley, 'ada', 'assistant');
  companion = await tokenOf(parley, 'ada', 'companion');
  studio = await tokenOf(parley, 'ada', 'studio');
  const of = async (contract: Tried, token: string) => {
    const revoked = await tokenOf(parley, 'gone', contract);
    await send(`${parley.url}/api/v1/logout`, 'POST', undefined, bearer(revoked));
    return {
      forged: { token: forge(token), code: 'AUTH003' },
      expired: { token: expired[contract], code: 'AUTH002' },
      revoked: { token: revoked, code: 'AUTH003' },
      'cut short': { token: token.slice(0, -10), code: 'AUTH003' },
    };
  };
  refused = {
    assistant: await of('assistant', assistant),
    companion: await of('companion', companion),
    studio: await of('studio', studio),
  };
});
after(() => parley.close());

const call = (method: string, path: string, body?: unknown, headers?: Headers) =>
  read<Body>(send(`${parley.url}${path}`, method, body, headers));

describe('1: POST /api/v1/chat belongs to the contract of the token', () => {
  const chat = (headers: Headers) => call('POST', '/api/v1/chat', { message: 'What is Parley?' }, headers);

  test('a token of /login gets companion’s answer', async () => {
    const { status, body } = await chat(bearer(companion));
    assert.equal(status, 200);
    assertShape(body, { response: 'x', messages: [{ role: 'user', content: 'x', timestamp: time }] });
    assert.equal(body['session_id'], undefined);
  });

  test('a token of another login gets assistant’s', async () => {
    for (const token of [assistant, studio]) {
      const { status, body } = await chat(bearer(token));
      assert.equal(status, 200);
      assertShape(body, {
        session_id: 1,
        message: { id: 1, role: 'assistant', content: 'x', created_at: time, tokens: 1 },
        total_tokens: 1,
      });
      assert.equal(body['response'], undefined);
    }
  });

  test('each goes on in its own chats', async () => {
    const first = await chat(bearer(companion));
    const other = await chat(bearer(assistant));
    const [message] = first.body['messages'] as { sessionId: string }[];
    assert.notEqual(message?.sessionId, String(other.body['session_id']));
  });

  test('a renewed token is of the contract whose login it is, by whichever contract it was renewed', async () => {
    const login = { username: 'ada', password };
    const { body } = await call('POST', '/api/auth/login', login);
    const { refresh_token, access_token } = body['data'] as Record<string, string>;
    const renewed = await call('POST', '/api/auth/refresh', { refresh_token });
    const others = await Promise.all(
      [companion, access_token ?? ''].map((token) =>
        call('POST', '/api/v1/auth/refresh', undefined, bearer(token)),
      ),
    );
    const tokens = [...others, renewed].map((answer) => {
      assert.equal(answer.status, 200);
      return (answer.body['data'] as Record<string, string>)['access_token'] ?? '';
    });
    for (const [index, token] of tokens.entries()) {
      const answer = await chat(bearer(token));
      assert.equal('response' in answer.body, index === 0);
      assert.equal('session_id' in answer.body, index > 0);
    }
  });

  describe('a 401 satisfies both', () => {
    const satisfiesBoth = async (headers: Headers, code: string) => {
      const { status, body } = await chat(headers);
      assert.equal(status, 401);
      assertShape(body, { detail: 'x', error: { code: 'x', message: 'x', details: '' } });
      const error = body['error'] as Body;
      assert.deepEqual([error['code'], error['message']], [code, body['detail']]);
    };

    const strangers: [title: string, headers: Headers][] = [
      ['no token', {}],
      ['an empty one', { authorization: 'Bearer ' }],
      ['no token at all', bearer('not-a-token')],
      ['three parts of nothing', bearer('a.b.c')],
      ['an API key that does not exist', { 'x-api-key': 'pk_nothing' }],
      ['an API key as a token', bearer('pk_nothing')],
      ['another kind of credentials', { authorization: 'Basic YTpi' }],
    ];
    for (const [title, headers] of strangers) test(title, () => satisfiesBoth(headers, 'AUTH003'));

    for (const contract of tried) {
      for (const kind of ['forged', 'expired', 'revoked', 'cut short']) {
        test(`${contract}’s, ${kind}`, async () => {
          const { token = '', code = '' } = refused[contract][kind] ?? {};
          await satisfiesBoth(bearer(token), code);
        });
      }
    }
  });

  test('a valid API key is nobody’s login: 403', async () => {
    const key = await parley.key();
    const { status, body } = await chat({ 'x-api-key': key });
    assert.equal(status, 403);
    assertShape(body, assistantError);
  });

  test('other addresses take the tokens of all', async () => {
    for (const token of [assistant, companion, studio]) {
      for (const path of [
        '/api/v1/chat/sessions',
        '/api/v1/chat/history',
        '/api/v1/stats/chat',
        '/api/conversations',
        '/api/history/api-calls',
      ]) {
        assert.equal((await call('GET', path, undefined, bearer(token))).status, 200, path);
      }
    }
  });

  test('elsewhere a 401 has one contract’s shape', async () => {
    assert.deepEqual(Object.keys((await call('GET', '/api/v1/chat/history')).body), ['detail']);
    assert.deepEqual(Object.keys((await call('GET', '/api/v1/chat/sessions')).body), ['error']);
    assert.deepEqual(Object.keys((await call('GET', '/api/conversations')).body), [
      'code',
      'message',
      'data',
    ]);
  });
});

describe('2: GET /api/v1/chat/sessions/{id}/messages belongs to the contract of the id', () => {
  let id: number;
  let key: string;
  before(async () => {
    const asked = await call('POST', '/api/v1/chat', { message: 'Hello there' }, bearer(assistant));
    id = asked.body['session_id'] as number;
    const { accounts, conversations } = parley.app.core;
    key = (await conversations.get(await accounts.identify(assistant, ''), id)).key;
  });
  const messages = (session: string, headers: Headers = {}, query = '') =>
    call('GET', `/api/v1/chat/sessions/${session}/messages${query}`, undefined, headers);

  test('digits are assistant’s', async () => {
    const { status, body } = await messages(String(id), bearer(assistant));
    assert.equal(status, 200);
    assertShape(body, [{ id: 1, role: 'user', content: 'x', created_at: time, tokens: 1, status: 'x' }]);
    const stranger = await messages(String(id), bearer(await tokenOf(parley, 'ben')));
    assert.equal(stranger.status, 404);
    assert.equal((stranger.body['error'] as Body)['code'], 'CHAT003');
    assertShape((await messages(String(id))).body, assistantError);
    for (const none of ['0', '00', '999999', '9'.repeat(30)]) {
      const answer = await messages(none, bearer(assistant));
      assert.equal((answer.body['error'] as Body)['code'], 'CHAT003', none);
    }
  });

  test('sess_… is helpdesk’s', async () => {
    const { status, body } = await messages(`sess_${key}`, bearer(assistant));
    assert.equal(status, 200);
    const example = {
      id: 'msg_1',
      session_id: 'sess_abc',
      sender_type: 'user',
      content: 'x',
      message_type: 'text',
      created_at: time,
    };
    assertShape(body, { success: true, data: { messages: [example], total: 2, has_more: false } });
    const { messages: list } = body['data'] as { messages: Record<keyof typeof example, string>[] };
    assert.match(list[0]?.id ?? '', /^msg_\d+$/);
    assert.deepEqual(
      list.map(({ sender_type, session_id, message_type }) => [sender_type, session_id, message_type]),
      [
        ['user', `sess_${key}`, 'text'],
        ['ai', `sess_${key}`, 'text'],
      ],
    );
    assert.equal(list[0]?.content, 'Hello there');
  });

  test('its pages have the document’s parameters', async () => {
    const page = async (query: string) => {
      const { data } = (await messages(`sess_${key}`, bearer(assistant), query)).body as {
        data: { messages: { sender_type: string }[]; total: number; has_more: boolean };
      };
      return [data.messages.map(({ sender_type }) => sender_type), data.total, data.has_more];
    };
    assert.deepEqual(await page('?limit=1'), [['user'], 2, true]);
    assert.deepEqual(await page('?limit=1&offset=1'), [['ai'], 2, false]);
    assert.deepEqual(await page('?offset=7'), [[], 2, false]);
    for (const query of ['?limit=0', '?limit=101', '?offset=-1', '?limit=x']) {
      const { status, body } = await messages(`sess_${key}`, bearer(assistant), query);
      assert.equal(status, 400, query);
      assert.equal((body['error'] as Body)['code'], 'VALIDATION_ERROR');
    }
  });

  test('a person’s session is there for that person and for staff', async () => {
    const agent = bearer(await tokenOf(parley, 'agent'));
    assert.equal((await messages(`sess_${key}`, agent)).status, 200);
    const others: Headers[] = [{}, bearer(await tokenOf(parley, 'ben')), { 'x-api-key': await parley.key() }];
    for (const headers of others) {
      const { status, body } = await messages(`sess_${key}`, headers);
      assert.equal(status, 404);
      assert.equal((body['error'] as Body)['code'], 'SESSION_NOT_FOUND');
    }
  });

  test('a token that is not valid is 401, in helpdesk’s shape', async () => {
    const { status, body } = await messages(`sess_${key}`, bearer(forge(assistant)));
    assert.equal(status, 401);
    assertShape(body, helpdeskError, ['.error.details']);
    assert.equal((body['error'] as Body)['code'], 'UNAUTHORIZED');
  });

  for (const session of ['abc', 'sess_', 'sess_none', '-1', '1.5', '42x', 'x42', '%20', 'SESS_x', '１']) {
    test(`"${session}" is SESSION_NOT_FOUND, whoever asks`, async () => {
      for (const headers of [{}, bearer(assistant), bearer(companion)]) {
        const { status, body } = await messages(encodeURI(session).replace('%2520', '%20'), headers);
        assert.equal(status, 404);
        assertShape(body, helpdeskError, ['.error.details']);
        assert.equal((body['error'] as Body)['code'], 'SESSION_NOT_FOUND');
      }
    });
  }
});

describe('3: WS /ws/chat belongs to the contract of the token', () => {
  const first = async (query: string, frame: object, protocols?: string[]) => {
    const socket = await openSocket(
      `${parley.wsUrl}/ws/chat${query}`,
      protocols === undefined ? {} : { protocols },
    );
    socket.send(frame);
    const answer = (await socket.next()) as unknown as { type: string; data: Body; id?: string };
    return { socket, answer };
  };

  test('companion’s token gets companion’s frames', async () => {
    const ways: [query: string, protocols?: string[]][] = [
      [`?token=${companion}`],
      ['', [`bearer.${companion}`]],
    ];
    for (const way of ways) {
      const { socket, answer } = await first(way[0], { type: 'message', content: 'Hello' }, way[1]);
      assertShape(answer, { type: 'message', data: { role: 'user', content: 'Hello', timestamp: time } });
      await socket.close();
    }
  });

  test('no token and any other token get gateway’s', async () => {
    const chat = { type: 'chat', id: 'one', data: { message: 'Hello', model: 'parley-local' } };
    const key = await parley.key();
    for (const query of ['', `?token=${assistant}`, `?token=${studio}`, `?token=${key}`]) {
      const { socket, answer } = await first(query, chat);
      assert.deepEqual([answer.type, answer.id], ['complete', 'one']);
      await socket.close();
    }
  });

  describe('a token that is present and not valid is closed with 4401', () => {
    const isClosed = async (token: string) => {
      const socket = await openSocket(`${parley.wsUrl}/ws/chat?token=${token}`);
      const frame = (await socket.next()) as unknown as { type: string; data: Body };
      const { code } = await socket.closed;
      assert.deepEqual([frame.type, code], ['error', 4401]);
      return frame.data;
    };
    for (const contract of tried) {
      for (const kind of ['forged', 'expired', 'revoked', 'cut short']) {
        test(`${contract}’s, ${kind}`, async () => {
          const data = await isClosed(refused[contract][kind]?.token ?? '');
          if (contract === 'companion') assert.equal(data['role'], 'system');
          else assert.equal(data['code'], 'UNAUTHORIZED');
        });
      }
    }
    for (const token of ['x', 'a.b.c', 'pk_nothing']) test(token, () => isClosed(token).then(() => {}));
  });
});

describe('4: an address that no document knows', () => {
  test('under /api/v1 satisfies all contracts there', async () => {
    for (const path of ['/api/v1', '/api/v1/', '/api/v1/nothing', '/api/v1/chat/nothing/here']) {
      const { status, body } = await call('GET', path);
      assert.equal(status, 404, path);
      assertShape(body, { ...helpdeskError, detail: 'x' });
      const error = body['error'] as Body;
      assert.deepEqual(
        [error['code'], error['message'], error['details']],
        ['NOT_FOUND', body['detail'], null],
      );
    }
    const wrongMethod = await call('PUT', '/api/v1/chat', { message: 'Hello' }, bearer(companion));
    assert.equal((wrongMethod.body['error'] as Body)['code'], 'NOT_FOUND');
  });

  test('elsewhere under /api is studio’s, in the language of the request', async () => {
    const places: [method: string, path: string][] = [
      ['GET', '/api'],
      ['GET', '/api/'],
      ['GET', '/api/nothing'],
      ['GET', '/api/v10'],
      ['GET', '/api/v2/chat'],
      ['GET', '/api/conversations/1/nothing'],
      ['GET', '/api/auth/login'],
      ['PATCH', '/api/conversations'],
      ['GET', '/api/bailian/chat/completions'],
      ['GET', '/api/messages/1'],
    ];
    for (const [method, path] of places) {
      const said: unknown[] = [];
      for (const language of ['zh-CN', 'en']) {
        const shown = { ...bearer(studio), 'accept-language': language };
        const { status, body } = await call(method, path, undefined, shown);
        assert.equal(status, 404, path);
        assert.deepEqual(Object.keys(body), Object.keys(studioShape));
        assert.deepEqual([body['code'], body['data']], [404, null]);
        said.push(body['message']);
      }
      assert.match(String(said[0]), /\p{Script=Han}/u, path);
      assert.doesNotMatch(String(said[1]), /\p{Script=Han}/u, path);
    }
    const unasked = await call('GET', '/api/nothing');
    assert.match(String(unasked.body['message']), /\p{Script=Han}/u, 'Chinese where nothing is preferred');
  });

  test('anywhere else is gateway’s', async () => {
    for (const path of ['/nothing', '/apis', '/v2/models']) {
      const { status, body } = await call('GET', path);
      assert.equal(status, 404, path);
      assertShape(body, gatewayError);
      assert.equal(body['code'], 'NOT_FOUND');
    }
  });

  test('a socket’s is refused at the handshake', async () => {
    for (const path of ['/ws/nothing', '/', '/ws/chat/1/2']) {
      await assert.rejects(openSocket(`${parley.wsUrl}${path}`), /404/, path);
    }
  });
});

describe('5: a refusal that concerns no single contract has the shape of the route’s owner', () => {
  const large = JSON.stringify({ message: 'x'.repeat(6_000) });
  const malformed = '{"message": "Hel';
  const owners: [owner: string, path: string, headers: () => Headers, shape: object][] = [
    ['companion', '/api/v1/chat', () => bearer(companion), { detail: 'x' }],
    ['companion', '/api/v1/login', () => ({}), { detail: 'x' }],
    ['companion', '/api/v1/chat/rating', () => bearer(assistant), { detail: 'x' }],
    ['assistant', '/api/v1/chat', () => bearer(assistant), assistantError],
    ['assistant', '/api/v1/auth/token', () => ({}), assistantError],
    ['gateway', '/api/v1/chat/completion', () => ({}), gatewayError],
    ['assistant', '/api/v1/chat', () => bearer(studio), assistantError],
    ['studio', '/api/auth/login', () => ({}), studioShape],
    ['studio', '/api/conversations', () => bearer(studio), studioShape],
    ['studio', '/api/conversations', () => bearer(companion), studioShape],
  ];
  for (const [owner, path, headers, shape] of owners) {
    for (const [title, sent, status] of [
      ['a body that is too large', large, 413],
      ['malformed JSON', malformed, 400],
      ['an empty body', '', 400],
    ] as const) {
      test(`${owner}, ${path}: ${title}`, async () => {
        const answer = await call('POST', path, sent, headers());
        assert.equal(answer.status, status);
        assertShape(answer.body, shape, ['.details']);
        assert.deepEqual('detail' in answer.body, owner === 'companion');
        if (owner === 'studio') assert.deepEqual([answer.body['code'], answer.body['data']], [status, null]);
      });
    }

    test(`${owner}, ${path}: a body that is no JSON`, async () => {
      const answer = await call('POST', path, 'message=x', { ...headers(), 'content-type': 'text/plain' });
      assert.equal(answer.status, 415);
      assertShape(answer.body, shape);
    });
  }

  test('helpdesk’s, too', async () => {
    await makeAccount(parley, 'boss', 'admin');
    const boss = bearer(await tokenOf(parley, 'boss'));
    for (const [sent, status] of [
      [large, 413],
      [malformed, 400],
    ] as const) {
      const { status: seen, body } = await call('POST', '/api/v1/admin/api-keys', sent, boss);
      assert.equal(seen, status);
      assertShape(body, { success: false, error: { code: 'VALIDATION_ERROR', message: 'x' } });
    }
  });
});
