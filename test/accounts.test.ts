import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  bearer,
  claimsOf,
  forge,
  logIn,
  logins,
  makeAccount,
  password,
  tokenOf,
} from './support/accounts.ts';
import type { LoginContract } from './support/accounts.ts';
import { complete, read, send, type ErrorBody } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import { openSocket } from './support/socket.ts';

const contracts = Object.keys(logins) as LoginContract[];
const closedGateway = { PARLEY_OPEN_GATEWAY: 'false' };
const hourMs = 60 * 60 * 1000;

/** What the doors that want a login say to a token. */
async function doors(parley: Parley, token: string): Promise<Record<string, number>> {
  const chat = { model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] };
  const socket = await openSocket(`${parley.wsUrl}/ws/chat?token=${token}`);
  socket.send({ type: 'ping', id: 'knock' });
  const frame = await socket.next();
  await socket.close();
  const desk = await openSocket(`${parley.wsUrl}/ws?token=${token}`);
  const first = await desk.next();
  await desk.close();
  const at = async (path: string, root = '/api/v1') =>
    (await send(`${parley.url}${root}${path}`, 'GET', undefined, bearer(token))).status;
  return {
    assistant: await at('/chat/sessions'),
    companion: await at('/chat/history'),
    helpdesk: await at('/auth/me'),
    studio: await at('/conversations', '/api'),
    studioCalls: await at('/history/api-calls', '/api'),
    helpdeskSocket: first.type === 'auth' ? 101 : 4401,
    completion: (await complete(parley.url, { message: 'Hello' }, bearer(token))).status,
    openai: (await send(`${parley.url}/v1/chat/completions`, 'POST', chat, bearer(token))).status,
    socket: frame.type === 'pong' ? 101 : 4401,
  };
}
const of = (status: number, socket: number) => ({
  assistant: status,
  companion: status,
  helpdesk: status,
  studio: status,
  studioCalls: status,
  helpdeskSocket: socket,
  completion: status,
  openai: status,
  socket,
});
const [welcome, refused] = [of(200, 101), of(401, 4401)];

describe('one login, every door', () => {
  test('each role has the same rights with a login of any contract', async (t) => {
    const parley = await startParley({ env: closedGateway });
    t.after(() => parley.close());
    const rights = { user: [403, 403, 403], agent: [200, 403, 403], admin: [200, 200, 200] } as const;
    for (const [role, expected] of Object.entries(rights)) {
      await makeAccount(parley, `some-${role}`, role as keyof typeof rights);
      for (const contract of contracts) {
        const token = await tokenOf(parley, `some-${role}`, contract);
        const statuses = [
          ['GET', '/admin/conversations'],
          ['GET', '/admin/users'],
          ['DELETE', '/cache/clear'],
        ].map(async ([method = '', path]) => {
          const answer = await send(`${parley.url}/api/v1${path}`, method, undefined, bearer(token));
          return answer.status;
        });
        assert.deepEqual(await Promise.all(statuses), expected, `${role}, ${contract}`);
      }
    }
  });

  test('an account made in one contract logs in to all of them, by name and by address', async (t) => {
    const parley = await startParley({ env: closedGateway });
    t.after(() => parley.close());
    await makeAccount(parley, 'boss', 'admin');
    const boss = bearer(await tokenOf(parley, 'boss', 'helpdesk'));
    const email = 'made-by-boss@example.com';
    const at = (path: string) => `${parley.url}/api/v1${path}`;
    const made = await send(at('/admin/users'), 'POST', { email, password, role: 'agent' }, boss);
    assert.equal(made.status, 201);
    const person = { username: 'registered', email: 'registered@example.com', password };
    assert.equal((await send(at('/auth/register'), 'POST', person)).status, 200);
    for (const username of [email, person.username, person.email, person.email.toUpperCase()]) {
      for (const contract of contracts) {
        assert.deepEqual(await doors(parley, await tokenOf(parley, username, contract)), welcome);
      }
    }
  });

  for (const contract of contracts) {
    test(`a token of ${contract}’s login opens every door until it is logged out, also over a restart`, async (t) => {
      const parley = await startParley({ env: closedGateway });
      t.after(() => parley.close());
      await makeAccount(parley, 'someone');
      const token = await tokenOf(parley, 'someone', contract);
      const other = await tokenOf(parley, 'someone', contract);
      assert.deepEqual(await doors(parley, token), welcome);

      await parley.restart();
      assert.deepEqual(await doors(parley, token), welcome, 'a login outlives a restart');
      const { status } = await send(`${parley.url}/api/v1/logout`, 'POST', undefined, bearer(token));
      assert.equal(status, 200);
      assert.deepEqual(await doors(parley, token), refused, 'at once');
      assert.deepEqual(await doors(parley, other), welcome, 'the person’s other login');

      await parley.restart();
      assert.deepEqual(await doors(parley, token), refused, 'after a restart');
      assert.deepEqual(await doors(parley, other), welcome);
    });
  }

  test('a token lives for an hour, and then says so in each shape', async (t) => {
    const parley = await startParley({ env: closedGateway });
    t.after(() => parley.close());
    await makeAccount(parley, 'someone');
    const token = await tokenOf(parley, 'someone');
    parley.advance(hourMs - 60_000);
    assert.deepEqual(await doors(parley, token), welcome);
    parley.advance(120_000);
    assert.deepEqual(await doors(parley, token), refused);
    const { body } = await read<{ detail: string }>(
      send(`${parley.url}/api/v1/logout`, 'POST', undefined, bearer(token)),
    );
    assert.match(body.detail, /expired/u);
  });

  test('whoever disables an account or changes its password ends its logins', async (t) => {
    const parley = await startParley({ env: closedGateway });
    t.after(() => parley.close());
    const { accounts } = parley.app.core;
    const { id } = await makeAccount(parley, 'someone');
    const before = await tokenOf(parley, 'someone');
    await accounts.setPassword(id, 'another long password');
    assert.deepEqual(await doors(parley, before), refused);
    assert.equal((await logIn(parley, { username: 'someone', password })).status, 401);

    await accounts.setPassword(id, password);
    const token = await tokenOf(parley, 'someone');
    await accounts.setStatus(id, 'disabled');
    assert.deepEqual(await doors(parley, token), refused);
    await accounts.setStatus(id, 'active');
    assert.deepEqual(await doors(parley, token), refused, 'a login that ended does not come back');
    assert.deepEqual(await doors(parley, await tokenOf(parley, 'someone')), welcome);
  });

  test('a token whose claims were changed is nobody’s', async (t) => {
    const parley = await startParley({ env: closedGateway });
    t.after(() => parley.close());
    await makeAccount(parley, 'someone');
    const token = await tokenOf(parley, 'someone');
    const [header, payload, signature] = token.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
    const raised = Buffer.from(JSON.stringify({ ...claimsOf(token), role: 'admin' })).toString('base64url');
    for (const forged of [
      forge(token),
      forge(token, { role: 'admin' }),
      `${header}.${raised}.${signature}`,
      `${none}.${payload}.${signature}`,
      `${none}.${payload}.none`,
    ]) {
      const { status, body } = await complete<ErrorBody>(parley.url, { message: 'Hello' }, bearer(forged));
      assert.equal(status, 401);
      assert.equal(body.code, 'UNAUTHORIZED');
    }
  });

  test('what a person asks is recorded as that person’s', async (t) => {
    const parley = await startParley();
    t.after(() => parley.close());
    const { id } = await makeAccount(parley, 'someone');
    await complete(parley.url, { message: 'Hello' }, bearer(await tokenOf(parley, 'someone')));
    const [call] = await parley.calls(1);
    assert.equal(call?.userId, id);
  });
});

describe('guessing', () => {
  const guesses = 10;

  test('failed logins of one account are counted over all contracts, whether the account is there or not', async (t) => {
    const parley = await startParley();
    t.after(() => parley.close());
    await makeAccount(parley, 'someone');
    await makeAccount(parley, 'another');
    for (const username of ['someone', 'not-there']) {
      for (let guess = 0; guess < guesses; guess++) {
        const contract = contracts[guess % contracts.length];
        const { status } = await logIn(parley, { username, password: `guess ${guess}` }, contract);
        assert.equal(status, 401);
      }
      for (const contract of contracts) {
        const { status, body, headers } = await logIn<object>(parley, { username, password }, contract);
        assert.equal(status, 429, 'the right password, too');
        const shapes = {
          assistant: ['error'],
          companion: ['detail'],
          helpdesk: ['success', 'error'],
          studio: ['code', 'message', 'data'],
        };
        assert.deepEqual(Object.keys(body), shapes[contract]);
        assert.ok(Number(headers.get('retry-after')) > 60);
      }
    }
    assert.equal((await logIn(parley, { username: 'another', password })).status, 200);
  });

  test('a name that many want at once goes to one of them', async (t) => {
    const parley = await startParley();
    t.after(() => parley.close());
    const answers = await Promise.all(
      ['wanted', 'Wanted', 'WANTED', 'wanTed', 'wanted'].map((username, index) => {
        const registration = { username, email: `wanted-${index}@example.com`, password };
        return read<{ error?: { code: string; details: string } }>(
          send(`${parley.url}/api/v1/auth/register`, 'POST', registration),
        );
      }),
    );
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    for (const { status, body } of answers) {
      if (status === 200) continue;
      assert.equal(status, 400);
      assert.deepEqual([body.error?.code, body.error?.details], ['REQ003', 'username']);
    }
  });
});

test('no token and no password is in a log line', async (t) => {
  const parley = await startParley({ env: { ...closedGateway, PARLEY_RATE_LIMITS: 'on' } });
  t.after(() => parley.close());
  await makeAccount(parley, 'someone');
  const tokens = await Promise.all(contracts.map((contract) => tokenOf(parley, 'someone', contract)));
  const [token = '', ending = ''] = tokens;
  const secret = 'a-password-that-is-wrong';
  const registration = { username: 'xy', email: 'no address', password: secret };
  await send(`${parley.url}/api/v1/auth/register`, 'POST', registration);
  for (const contract of contracts) {
    await logIn(parley, { username: 'someone', password: secret }, contract);
    await logIn(parley, `{"password": "${secret}"`, contract);
    await logIn(parley, { username: 'someone', password: [secret] }, contract);
    await logIn(parley, { username: 'someone', password: secret }, contract);
    await logIn(parley, { username: 'someone', password: secret }, contract);
  }
  await doors(parley, token);
  await doors(parley, forge(token));
  await send(`${parley.url}/api/v1/logout?token=${ending}`, 'POST', undefined, bearer(ending));
  await send(`${parley.url}/api/v1/logout?token=${ending}`, 'POST', undefined, bearer(ending));
  await send(`${parley.url}/api/v1/nowhere?token=${token}`, 'GET', undefined, bearer(token));
  await (await openSocket(`${parley.wsUrl}/ws/chat`, { protocols: [`bearer.${token}`] })).close();
  await parley.restart();
  await doors(parley, token);

  const log = parley.log();
  assert.match(log, /\/api\/v1\/logout/u, 'the requests were logged');
  for (const [what, text] of [
    ['the password', password],
    ['a wrong password', secret],
    ...tokens.flatMap((each) => [
      ['a token', each],
      ['a signature', each.split('.')[2] ?? ''],
    ]),
    ['a forged signature', forge(token).split('.')[2] ?? ''],
  ] as const) {
    assert.ok(!log.includes(text ?? ''), `${what} is in the log`);
  }
});
