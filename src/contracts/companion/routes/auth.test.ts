import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  bearer,
  claimsOf,
  forge,
  logIn,
  makeAccount,
  password,
  tokenOf,
  type TokenBody,
} from '../../../../test/support/accounts.ts';
import { read, send, type Answered } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';

interface ErrorBody {
  detail: string;
}

const logOut = (parley: Parley, headers?: Record<string, string>, body?: unknown) =>
  read<{ message: string } & ErrorBody>(send(`${parley.url}/api/v1/logout`, 'POST', body, headers));

describe('companion: login', () => {
  let parley: Parley;
  before(async () => {
    parley = await startParley();
    await makeAccount(parley, 'someone');
  });
  after(() => parley.close());

  const login = (body: unknown, headers?: Record<string, string>) =>
    read<TokenBody & ErrorBody>(send(`${parley.url}/api/v1/login`, 'POST', body, headers));

  test('the document’s request gets the document’s answer', async () => {
    const { status, body, headers } = await login({ username: 'someone', password });
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body), ['access_token', 'token_type']);
    assert.equal(body.token_type, 'bearer');
    assert.equal(body.access_token.split('.').length, 3);
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  test('the token records the contract that issued it', async () => {
    const { body } = await login({ username: 'someone', password });
    assert.ok(Object.values(claimsOf(body.access_token)).includes('companion'));
  });

  test('it takes accounts of another contract’s registration, by name or address, in any case', async () => {
    const mina = { username: 'mina', email: 'mina@example.com', password };
    assert.equal((await send(`${parley.url}/api/v1/auth/register`, 'POST', mina)).status, 200);
    for (const username of ['mina', 'MINA', 'mina@example.com', 'Mina@Example.com']) {
      assert.equal((await login({ username, password })).status, 200, username);
    }
  });

  test('a wrong password and an unknown name are the same 401', async () => {
    const wrong = await login({ username: 'someone', password: 'not the password' });
    const unknown = await login({ username: 'nobody-at-all', password });
    assertError(wrong, 401);
    assertError(unknown, 401);
    assert.deepEqual(unknown.body, wrong.body);
  });

  test('a disabled account is 403, but only to those who know its password', async () => {
    const { id } = await makeAccount(parley, 'asleep');
    await parley.app.core.accounts.setStatus(id, 'disabled');
    assertError(await login({ username: 'asleep', password }), 403);
    assertError(await login({ username: 'asleep', password: 'not the password' }), 401);
  });

  describe('what is not valid is 400 with the field named', () => {
    const cases: [title: string, body: unknown, field: string][] = [
      ['no user name', { password }, 'username'],
      ['no password', { username: 'someone' }, 'password'],
      ['nothing at all', {}, 'username'],
      ['a user name that is a number', { username: 42, password }, 'username'],
      ['a user name that is null', { username: null, password }, 'username'],
      ['a user name of nothing', { username: '', password }, 'username'],
      ['a user name of blanks', { username: '   ', password }, 'username'],
      ['a user name without end', { username: 'x'.repeat(5000), password }, 'username'],
      ['an empty password', { username: 'someone', password: '' }, 'password'],
      ['a password that is a list', { username: 'someone', password: [password] }, 'password'],
      ['a list', [{ username: 'someone', password }], 'body'],
      ['malformed JSON', '{"username": "someone"', 'body'],
      ['an empty body', '', 'body'],
      ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'body'],
    ];
    for (const [title, body, field] of cases) {
      test(title, async () => {
        const answer = await login(body);
        assertError(answer, 400);
        assert.match(answer.body.detail, new RegExp(field, 'u'));
      });
    }
  });

  test('a form is 415, a body without end 413, in shape', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    assertError(await login('username=someone&password=x', form), 415);
    assertError(await login({ username: 'someone', password: 'x'.repeat(2 ** 20) }), 413);
  });
});

describe('companion: logout', () => {
  let parley: Parley;
  before(async () => {
    parley = await startParley();
    await makeAccount(parley, 'someone');
  });
  after(() => parley.close());

  test('the document’s request gets the document’s answer', async () => {
    const token = await tokenOf(parley, 'someone', 'companion');
    const { status, body } = await logOut(parley, bearer(token));
    assert.equal(status, 200);
    assert.deepEqual(body, { message: 'Successfully logged out' });
    assertError(await logOut(parley, bearer(token)), 401);
  });

  test('a login of another contract ends the same way', async () => {
    const token = await tokenOf(parley, 'someone', 'assistant');
    assert.equal((await logOut(parley, bearer(token))).status, 200);
    assertError(await logOut(parley, bearer(token)), 401);
  });

  test('clients that announce JSON and send none, or send some, are understood', async () => {
    for (const body of ['', '{}']) {
      const headers = { ...bearer(await tokenOf(parley, 'someone')), 'content-type': 'application/json' };
      assert.equal((await logOut(parley, headers, body)).status, 200, body);
    }
  });

  test('other logins of the same person stay', async () => {
    const [one, other] = [await tokenOf(parley, 'someone'), await tokenOf(parley, 'someone')];
    assert.equal((await logOut(parley, bearer(one))).status, 200);
    assert.equal((await logOut(parley, bearer(other))).status, 200);
  });

  test('nobody, and tokens that are not valid, are 401', async () => {
    const token = await tokenOf(parley, 'someone');
    const shown: Record<string, string>[] = [
      {},
      bearer(''),
      bearer('none'),
      bearer('a.b.c'),
      bearer(forge(token)),
      bearer(`${token}x`),
      { authorization: `Basic ${Buffer.from(`someone:${password}`).toString('base64')}` },
      { 'x-api-key': 'pk_unknown' },
    ];
    for (const headers of shown) {
      assertError(await logOut(parley, headers), 401);
    }
    assert.equal((await logOut(parley, bearer(token))).status, 200, 'none of that ended the login');
  });

  test('an API key is 403: it has no login to end', async () => {
    const key = await parley.key({ scopes: ['admin'] });
    assertError(await logOut(parley, { 'x-api-key': key }), 403);
    assertError(await logOut(parley, bearer(key)), 403);
  });
});

describe('companion: the limit of logins', () => {
  test('five a minute and address, whatever their outcome; logging out is free', async (t) => {
    const parley = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => parley.close());
    await makeAccount(parley, 'someone');
    const attempts = [
      { username: 'someone', password },
      { username: 'someone', password: 'not the password' },
      {},
      '{',
      { username: 'someone', password },
    ];
    const statuses: number[] = [];
    let token = '';
    for (const attempt of attempts) {
      const { status, body } = await logIn(parley, attempt, 'companion');
      statuses.push(status);
      if (status === 200) token = body.access_token;
    }
    assert.deepEqual(statuses, [200, 401, 400, 400, 200]);
    const refused = await logIn<ErrorBody>(parley, { username: 'someone', password }, 'companion');
    assertError(refused, 429);
    const seconds = Number(refused.headers.get('retry-after'));
    assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
    assert.equal((await logIn(parley, { username: 'someone', password }, 'assistant')).status, 200);
    assert.equal((await logOut(parley, bearer(token))).status, 200);
  });

  test('is configurable, and counts the address that a trusted proxy names', async (t) => {
    const parley = await startParley({
      env: { PARLEY_RATE_LIMITS: 'on', PARLEY_TRUSTED_PROXIES: '127.0.0.1' },
      yaml: { limits: { companion: { logins_per_minute: 1 } } },
    });
    t.after(() => parley.close());
    const from = async (address: string) =>
      (await send(`${parley.url}/api/v1/login`, 'POST', {}, { 'x-forwarded-for': address })).status;
    assert.equal(await from('192.0.2.1'), 400);
    assert.equal(await from('192.0.2.2'), 400);
    assert.equal(await from('192.0.2.1'), 429);
  });
});

function assertError({ status, body }: Answered<ErrorBody>, expected: number): void {
  assert.equal(status, expected);
  assert.deepEqual(Object.keys(body), ['detail']);
  assert.ok(body.detail.length > 10);
}
