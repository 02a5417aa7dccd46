import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, forge, makeAccount, tokenOf, type LoginContract } from './support/accounts.ts';
import { read, send } from './support/gateway.ts';
import { beginSession } from './support/helpdesk.ts';
import { startParley, type Parley } from './support/parley.ts';
import { assertShape } from './support/shape.ts';
import { openSocket } from './support/socket.ts';

/** Helpdesk’s addresses beside those of the other contracts: contracts/README and docs/decisions, “Whose a session's address is”. */

type Headers = Record<string, string>;
type Body = Record<string, unknown>;

const contracts: readonly LoginContract[] = ['assistant', 'companion', 'helpdesk', 'studio'];
const assistantError = { error: { code: 'REQ001', message: 'x', details: '' } };
const helpdeskError = { success: false, error: { code: 'x', message: 'x' } };
const sessions = '/api/v1/chat/sessions';
const rated = { score: 5 };

/** The addresses that both documents, or Parley's additions to them, have. */
const shared: [method: string, rest: string, body?: object][] = [
  ['GET', ''],
  ['GET', '/messages'],
  ['POST', '/stop'],
  ['POST', '/rating', rated],
];

let parley: Parley;
const headers = {} as Record<LoginContract, Headers>;
let other: Headers;
let number: number;
let own: string;
let guests: string;

before(async () => {
  parley = await startParley({ yaml: { limits: { body_bytes: 5_000 } } });
  for (const name of ['ada', 'ben']) await makeAccount(parley, name);
  await makeAccount(parley, 'boss', 'admin');
  for (const contract of contracts) headers[contract] = bearer(await tokenOf(parley, 'ada', contract));
  other = bearer(await tokenOf(parley, 'ben', 'helpdesk'));
  const asked = await call('POST', '/api/v1/chat', { message: 'Hello there' }, headers.assistant);
  number = asked.body['session_id'] as number;
  const { accounts, conversations } = parley.app.core;
  const caller = await accounts.identify(headers.assistant['authorization']?.slice(7) ?? '', '');
  own = `sess_${(await conversations.get(caller, number)).key}`;
  guests = (await beginSession(parley)).session_id;
});
after(() => parley.close());

const call = (method: string, path: string, body?: unknown, shown?: Headers) =>
  read<Body>(send(`${parley.url}${path}`, method, body, shown));
const codeOf = ({ body }: { body: Body }) => (body['error'] as Body | undefined)?.['code'];

for (const [method, rest, body] of shared) {
  describe(`${method} ${sessions}/{id}${rest} belongs to the contract of the id`, () => {
    const at = (id: number | string, shown: Headers = {}) =>
      call(method, `${sessions}/${id}${rest}`, body, shown);

    test('digits are assistant’s, sess_… is helpdesk’s, whichever login is shown', async () => {
      for (const contract of contracts) {
        const byNumber = await at(number, headers[contract]);
        const byKey = await at(own, headers[contract]);
        assert.deepEqual([byNumber.status, byKey.status], [200, 200], contract);
        assert.ok(!('success' in byNumber.body), contract);
        assert.equal(byKey.body['success'], true, contract);
      }
    });

    test('what is another’s, and what is nobody’s', async () => {
      const answers = [await at(number, other), await at(own, other), await at(own), await at(guests)];
      assert.deepEqual(
        answers.map((answer) => [answer.status, codeOf(answer)]),
        [
          [404, 'CHAT003'],
          [404, 'SESSION_NOT_FOUND'],
          [404, 'SESSION_NOT_FOUND'],
          [200, undefined],
        ],
      );
    });

    test('no token, and one that is not valid, are refused in the owner’s shape', async () => {
      const nobody = await at(number);
      assert.equal(nobody.status, 401);
      assertShape(nobody.body, assistantError);
      for (const contract of contracts) {
        const forged = bearer(forge(headers[contract]['authorization']?.slice(7) ?? ''));
        for (const [id, shape] of [
          [number, assistantError],
          [guests, helpdeskError],
        ] as const) {
          const answer = await at(id, forged);
          assert.equal(answer.status, 401);
          assertShape(answer.body, shape);
          assert.equal('success' in answer.body, shape === helpdeskError);
        }
      }
    });

    test('what is neither is no session, in helpdesk’s shape', async () => {
      for (const id of ['abc', 'sess_', `sess_${number}`, '-1', '1.5', `${number}x`, '１']) {
        for (const shown of [{}, ...Object.values(headers)]) {
          const answer = await at(encodeURIComponent(id), shown);
          assert.deepEqual([answer.status, codeOf(answer)], [404, 'SESSION_NOT_FOUND'], id);
          assert.equal(answer.body['success'], false);
        }
      }
    });
  });
}

test('to switch is helpdesk’s alone: a number is no session there', async () => {
  const human = { agent_type: 'human' };
  for (const shown of [{}, ...Object.values(headers)]) {
    const answer = await call('POST', `${sessions}/${number}/switch-agent`, human, shown);
    assert.deepEqual([answer.status, codeOf(answer)], [404, 'SESSION_NOT_FOUND']);
  }
});

test('to rename, delete and stream is assistant’s alone: sess_… is no session there', async () => {
  for (const id of [own, guests, 'abc']) {
    for (const [method, rest, body] of [
      ['PATCH', '', { title: 'Hello' }],
      ['DELETE', ''],
      ['POST', '/stream', { message: 'Hello' }],
      ['GET', '/stream'],
    ] as const) {
      for (const shown of Object.values(headers)) {
        const answer = await call(method, `${sessions}/${id}${rest}`, body, shown);
        assert.deepEqual([answer.status, codeOf(answer)], [404, 'CHAT003'], `${method} ${id}${rest}`);
        assertShape(answer.body, assistantError);
      }
    }
  }
});

describe('a login of helpdesk’s', () => {
  test('gets assistant’s answer at POST /api/v1/chat', async () => {
    const { status, body } = await call('POST', '/api/v1/chat', { message: 'Hello' }, headers.helpdesk);
    assert.equal(status, 200);
    assertShape(body, { session_id: 1, message: { role: 'assistant' }, total_tokens: 1 });
  });

  test('gets gateway’s frames at WS /ws/chat, 4401 where it is not valid', async () => {
    const token = headers.helpdesk['authorization']?.slice(7) ?? '';
    const socket = await openSocket(`${parley.wsUrl}/ws/chat?token=${token}`);
    socket.send({ type: 'chat', id: 'one', data: { message: 'Hello', model: 'parley-local' } });
    assert.equal((await socket.next()).type, 'complete');
    await socket.close();
    const forged = await openSocket(`${parley.wsUrl}/ws/chat?token=${forge(token)}`);
    assert.equal((await forged.closed).code, 4401);
  });

  test('is what any other login is at WS /ws', async () => {
    for (const contract of contracts) {
      const socket = await openSocket(`${parley.wsUrl}/ws?session_id=${own}`, { headers: headers[contract] });
      const frame = (await socket.next()) as unknown as { type: string; data: Body };
      assert.deepEqual([frame.type, frame.data['authenticated']], ['auth', true], contract);
      await socket.close();
    }
  });

  test('is ended at either contract’s logout, each in its own shape', async () => {
    for (const [path, shape] of [
      ['/api/v1/logout', { detail: 'x' }],
      ['/api/v1/auth/logout', helpdeskError],
    ] as const) {
      const login = bearer(await tokenOf(parley, 'ben', 'helpdesk'));
      assert.equal((await call('POST', path, undefined, login)).status, 200);
      const again = await call('POST', path, undefined, login);
      assert.equal(again.status, 401);
      assertShape(again.body, shape);
      assert.equal((await call('GET', '/api/v1/auth/me', undefined, login)).status, 401);
    }
  });
});

test('a session of helpdesk’s is none at assistant’s socket', async () => {
  for (const id of [own, guests]) {
    const socket = await openSocket(`${parley.wsUrl}/ws/chat/${id}`, { headers: headers.helpdesk });
    assert.equal((await socket.closed).code, 4404);
  }
});

describe('refusals have the owner’s shape', () => {
  for (const path of ['/api/v1/auth/me', '/api/v1/admin/users', '/api/v1/admin/conversations/1/notes']) {
    test(`401 at ${path}`, async () => {
      const strangers: Headers[] = [{}, bearer('not-a-token'), { 'x-api-key': 'pk_nothing' }];
      for (const shown of strangers) {
        const { status, body } = await call('GET', path, undefined, shown);
        assert.equal(status, 401);
        assert.deepEqual(Object.keys(body), ['success', 'error']);
        assert.equal(codeOf({ body }), 'UNAUTHORIZED');
      }
    });
  }

  test('404 where nothing is, and where another method is', async () => {
    for (const [method, path] of [
      ['GET', '/api/v1/admin'],
      ['GET', '/api/v1/admin/nothing'],
      ['GET', '/api/v1/auth/login'],
      ['GET', '/api/v1/chat/messages'],
      ['PUT', `${sessions}/${guests}`],
      ['POST', `${sessions}/${guests}/messages`],
      ['DELETE', '/api/v1/admin/conversations/1'],
    ] as const) {
      const answer = await call(method, path, undefined, bearer(await tokenOf(parley, 'boss', 'helpdesk')));
      assert.equal(answer.status, 404, path);
      assertShape(answer.body, { success: false, detail: 'x', error: { code: 'NOT_FOUND', message: 'x' } });
      assert.equal(codeOf(answer), 'NOT_FOUND');
    }
  });

  const owners: [path: () => string, shown: () => Headers | Promise<Headers>, shape: object][] = [
    [() => '/api/v1/auth/login', () => ({}), helpdeskError],
    [() => sessions, () => ({}), helpdeskError],
    [() => '/api/v1/chat/messages', () => ({}), helpdeskError],
    [() => `${sessions}/${guests}/switch-agent`, () => ({}), helpdeskError],
    [() => `${sessions}/${guests}/rating`, () => ({}), helpdeskError],
    [() => `${sessions}/${number}/rating`, () => headers.helpdesk, assistantError],
    [
      () => '/api/v1/admin/users',
      async () => bearer(await tokenOf(parley, 'boss', 'helpdesk')),
      helpdeskError,
    ],
  ];
  for (const [path, shown, shape] of owners) {
    test(`a body that cannot be read: ${path().replace(/undefined.*/u, '')}`, async () => {
      for (const [sent, type, expected] of [
        [JSON.stringify({ content: 'x'.repeat(6_000) }), 'application/json', 413],
        ['{"content": "Hel', 'application/json', 400],
        ['content=x', 'text/plain', 415],
      ] as const) {
        const { status, body } = await call('POST', path(), sent, {
          ...(await shown()),
          'content-type': type,
        });
        assert.equal(status, expected);
        assertShape(body, shape);
        assert.equal('success' in body, shape === helpdeskError);
      }
    });
  }
});
