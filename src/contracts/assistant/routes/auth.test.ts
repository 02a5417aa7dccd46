import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { claimsOf, logIn, makeAccount, password, type TokenBody } from '../../../../test/support/accounts.ts';
import { read, send, type Answered } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';

interface ErrorBody {
  error: { code: string; message: string; details: string };
}
interface AccountBody {
  id: number;
  username: string;
  email: string;
  role: string;
  status: string;
}

const mina = { username: 'mina', email: 'mina@example.com', password };

describe('assistant: accounts', () => {
  let parley: Parley;
  before(async () => {
    parley = await startParley();
    await makeAccount(parley, 'someone');
  });
  after(() => parley.close());

  const token = (body: unknown, headers?: Record<string, string>) =>
    read<TokenBody & ErrorBody>(send(`${parley.url}/api/v1/auth/token`, 'POST', body, headers));
  const register = (body: unknown, headers?: Record<string, string>) =>
    read<AccountBody & ErrorBody>(send(`${parley.url}/api/v1/auth/register`, 'POST', body, headers));

  test('the document’s requests get the document’s answers', async () => {
    const made = await register(mina);
    assert.equal(made.status, 200);
    assert.deepEqual(made.body, {
      id: made.body.id,
      username: 'mina',
      email: 'mina@example.com',
      role: 'user',
      status: 'active',
    });
    assert.ok(Number.isSafeInteger(made.body.id));

    const login = await token({ username: mina.username, password });
    assert.equal(login.status, 200);
    assertShape(login.body, { access_token: 'text', token_type: 'bearer' });
    assert.deepEqual(Object.keys(login.body), ['access_token', 'token_type']);
    assert.equal(login.body.token_type, 'bearer');
    assert.equal(login.body.access_token.split('.').length, 3);
    assert.equal(login.headers.get('cache-control'), 'no-store');
  });

  test('a registration sent again under its key gets the same account', async () => {
    const rosa = { username: 'rosa', email: 'rosa@example.com', password };
    const key = { 'idempotency-key': '"8e03978e-40d5-43dd-bc93-6894a57f9324"' };
    const made = await register(rosa, key);
    assert.equal(made.status, 200);
    const again = await register(rosa, key);
    assert.deepEqual([again.status, again.body], [200, made.body]);
    const other = await register({ ...rosa, email: 'other@example.com' }, key);
    assert.deepEqual(
      [other.status, other.body.error.code, other.body.error.details],
      [400, 'REQ001', 'Idempotency-Key'],
    );
    assert.equal((await register(rosa)).body.error.code, 'REQ003');
  });

  test('the token records the contract that issued it', async () => {
    const { body } = await token({ username: 'someone', password });
    assert.ok(Object.values(claimsOf(body.access_token)).includes('assistant'));
  });

  test('the login takes the e-mail address too, and any case', async () => {
    for (const username of ['SomeOne', 'someone@example.com', 'SOMEONE@EXAMPLE.COM']) {
      assert.equal((await token({ username, password })).status, 200, username);
    }
  });

  test('nobody registers as an administrator', async () => {
    const { body } = await register({
      username: 'climber',
      email: 'climber@example.com',
      password,
      role: 'admin',
      status: 'disabled',
      id: 1,
    });
    assert.equal(body.role, 'user');
    assert.equal(body.status, 'active');
    assert.notEqual(body.id, 1);
  });

  test('a wrong password and an unknown name are the same AUTH001', async () => {
    const wrong = await token({ username: 'someone', password: 'not the password' });
    const unknown = await token({ username: 'nobody-at-all', password });
    assert.equal(wrong.status, 401);
    assertError(wrong, 'AUTH001', '');
    assert.equal(unknown.status, 401);
    assert.deepEqual(unknown.body, wrong.body);
  });

  test('a disabled account is AUTH004, but only to those who know its password', async () => {
    const { id } = await makeAccount(parley, 'asleep');
    await parley.app.core.accounts.setStatus(id, 'disabled');
    const right = await token({ username: 'asleep', password });
    assert.equal(right.status, 403);
    assertError(right, 'AUTH004', '');
    const wrong = await token({ username: 'asleep', password: 'not the password' });
    assert.equal(wrong.status, 401);
    assertError(wrong, 'AUTH001', '');
  });

  describe('a name or address that is taken is REQ003', () => {
    for (const [change, details] of [
      [{ username: 'someone' }, 'username'],
      [{ username: 'SOMEone' }, 'username'],
      [{ email: 'someone@example.com' }, 'email'],
      [{ email: 'SomeOne@Example.com' }, 'email'],
    ] as const) {
      test(JSON.stringify(change), async () => {
        const answer = await register({ username: 'free', email: 'free@example.com', password, ...change });
        assert.equal(answer.status, 400);
        assertError(answer, 'REQ003', details);
      });
    }
  });

  describe('a registration that is not valid is REQ001 with the field named', () => {
    const fresh = { username: 'fresh', email: 'fresh@example.com', password };
    const without = (field: keyof typeof fresh) =>
      Object.fromEntries(Object.entries(fresh).filter(([name]) => name !== field));
    const cases: [title: string, body: unknown, details: string][] = [
      ['no user name', without('username'), 'username'],
      ['no address', without('email'), 'email'],
      ['no password', without('password'), 'password'],
      ['a user name that is a number', { ...fresh, username: 12345 }, 'username'],
      ['a user name that is null', { ...fresh, username: null }, 'username'],
      ['a user name of nothing', { ...fresh, username: '' }, 'username'],
      ['a user name of blanks', { ...fresh, username: '     ' }, 'username'],
      ['a user name of two characters', { ...fresh, username: 'ab' }, 'username'],
      ['a user name of 65 characters', { ...fresh, username: 'x'.repeat(65) }, 'username'],
      ['a user name of one character between blanks', { ...fresh, username: '  x  ' }, 'username'],
      ['a user name with a control character', { ...fresh, username: 'fresh\u0000' }, 'username'],
      ['a user name that is another’s address', { ...fresh, username: 'someone@example.com' }, 'username'],
      ['an address that is a list', { ...fresh, email: ['fresh@example.com'] }, 'email'],
      ['an address of nothing', { ...fresh, email: '' }, 'email'],
      ['an address without @', { ...fresh, email: 'fresh.example.com' }, 'email'],
      ['an address that is too long', { ...fresh, email: `${'x'.repeat(250)}@example.com` }, 'email'],
      ['a password of 7 characters', { ...fresh, password: '1234567' }, 'password'],
      ['a password of 257 characters', { ...fresh, password: 'x'.repeat(257) }, 'password'],
      ['a password that is an object', { ...fresh, password: { length: 12 } }, 'password'],
      ['a list', [fresh], 'body'],
      ['null', 'null', 'body'],
      ['malformed JSON', '{"username": ', 'body'],
      ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'body'],
      ['an empty body', '', 'body'],
    ];
    for (const [title, body, details] of cases) {
      test(title, async () => {
        const answer = await register(body);
        assert.equal(answer.status, 400);
        assertError(answer, 'REQ001', details);
      });
    }

    test('no account was made', async () => {
      assert.equal((await token({ username: 'fresh', password })).status, 401);
    });
  });

  test('the shortest and the longest name and password', async () => {
    for (const [username, secret] of [
      ['abc', '12345678'],
      ['z'.repeat(64), 'x'.repeat(256)],
    ] as const) {
      const made = await register({
        username,
        email: `${username.slice(0, 3)}@example.com`,
        password: secret,
      });
      assert.equal(made.status, 200, JSON.stringify(made.body));
      assert.equal((await token({ username, password: secret })).status, 200);
    }
  });

  describe('a login that is not valid is REQ001 with the field named', () => {
    const cases: [title: string, body: unknown, details: string][] = [
      ['no user name', { password }, 'username'],
      ['no password', { username: 'someone' }, 'password'],
      ['a user name that is a number', { username: 42, password }, 'username'],
      ['a user name of blanks', { username: ' \t ', password }, 'username'],
      ['an empty password', { username: 'someone', password: '' }, 'password'],
      ['a password that is true', { username: 'someone', password: true }, 'password'],
      ['a password without end', { username: 'someone', password: 'x'.repeat(5000) }, 'password'],
      ['malformed JSON', '{"username"', 'body'],
    ];
    for (const [title, body, details] of cases) {
      test(title, async () => {
        const answer = await token(body);
        assert.equal(answer.status, 400);
        assertError(answer, 'REQ001', details);
      });
    }
  });

  test('a form is 415, a body without end 413, in shape', async () => {
    const form = await token('username=someone&password=x', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    assert.equal(form.status, 415);
    assertError(form, 'REQ001', '');
    const large = await token({ username: 'someone', password: 'x'.repeat(2 ** 20) });
    assert.equal(large.status, 413);
    assertError(large, 'REQ001', '');
  });
});

describe('assistant: the limit of logins', () => {
  test('five a minute, over login and registration together, whatever their outcome', async (t) => {
    const parley = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
    t.after(() => parley.close());
    await makeAccount(parley, 'someone');
    const register = (body: unknown) =>
      read<ErrorBody>(send(`${parley.url}/api/v1/auth/register`, 'POST', body));
    const statuses = [
      (await logIn(parley, { username: 'someone', password })).status,
      (await register(mina)).status,
      (await register({})).status,
      (await logIn(parley, '{')).status,
      (await logIn(parley, { username: 'someone', password })).status,
    ];
    assert.deepEqual(statuses, [200, 200, 400, 400, 200]);
    for (const refused of [
      await logIn<ErrorBody>(parley, { username: 'someone', password }),
      await register({ username: 'other', email: 'other@example.com', password }),
    ]) {
      assert.equal(refused.status, 429);
      assertError(refused, 'RATE001', '');
      const seconds = Number(refused.headers.get('retry-after'));
      assert.ok(seconds >= 1 && seconds <= 60, `Retry-After: ${seconds}`);
    }
    assert.equal((await logIn(parley, { username: 'someone', password }, 'companion')).status, 200);
  });

  test('is configurable', async (t) => {
    const parley = await startParley({
      env: { PARLEY_RATE_LIMITS: 'on' },
      yaml: { limits: { assistant: { auth_per_minute: 1 } } },
    });
    t.after(() => parley.close());
    assert.equal((await logIn(parley, {})).status, 400);
    assert.equal((await logIn(parley, {})).status, 429);
  });
});

function assertError({ body }: Answered<ErrorBody>, code: string, details: string): void {
  assert.deepEqual(Object.keys(body), ['error']);
  assert.deepEqual(Object.keys(body.error), ['code', 'message', 'details']);
  assert.equal(body.error.code, code);
  assert.equal(body.error.details, details);
  assert.ok(body.error.message.length > 10);
}
