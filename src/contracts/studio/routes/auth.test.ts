import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  bearer,
  forge,
  logins,
  makeAccount,
  password,
  tokenOf,
  type LoginContract,
} from '../../../../test/support/accounts.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { askStudio, type Envelope, type Headers } from '../../../../test/support/studio.ts';
import type { Answered } from '../../../../test/support/gateway.ts';

interface UserBody {
  user_id: number;
  username: string;
  email: string;
  nickname: string | null;
  avatar_url: string | null;
  phone: string | null;
  status: number;
  created_at?: string;
  last_login_at?: string | null;
}
interface LoginBody {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  user: UserBody;
}
type Answer<T = unknown> = Answered<Envelope<T>>;

/** studio.md, "用户注册". */
const registered = {
  code: 200,
  message: '注册成功',
  data: {
    user_id: 123456,
    username: 'example_user',
    email: 'user@example.com',
    nickname: 'Example',
    avatar_url: null,
    phone: null,
    status: 1,
    created_at: '2023-01-01T00:00:00Z',
  },
};
/** studio.md, "用户登录". */
const loggedIn = {
  code: 200,
  message: '登录成功',
  data: {
    access_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...',
    refresh_token: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...',
    expires_in: 3600,
    user: {
      user_id: 123456,
      username: 'example_user',
      email: 'user@example.com',
      nickname: 'Example',
      avatar_url: null,
      phone: null,
      status: 1,
    },
  },
};
const example = {
  username: 'example_user',
  email: 'user@example.com',
  password: 'password123',
  nickname: 'Example',
};
const english = { 'accept-language': 'en' };
const dayMs = 24 * 60 * 60 * 1000;

let parley: Parley;
before(async () => {
  parley = await startParley();
  await makeAccount(parley, 'someone');
});
after(() => parley.close());

const ask = <T = UserBody>(
  method: string,
  path: string,
  body?: unknown,
  headers?: Headers,
): Promise<Answer<T>> => askStudio<T>(parley, method, `/auth${path}`, body, headers);
const register = (body: unknown, headers?: Headers) => ask('POST', '/register', body, headers);
const logIn = (body: unknown, headers?: Headers) => ask<LoginBody>('POST', '/login', body, headers);
const refresh = (body: unknown) => ask<LoginBody>('POST', '/refresh', body);
const me = (token: string, headers?: Headers) =>
  ask('GET', '/user', undefined, { ...bearer(token), ...headers });
const logOut = (token: string) => ask<null>('POST', '/logout', undefined, bearer(token));

describe('studio: accounts', () => {
  test('registering answers as the document shows', async () => {
    const answer = await register(example);
    assert.equal(answer.status, 200);
    assertShape(answer.body, registered);
    const { user_id, created_at, ...rest } = answer.body.data;
    assert.ok(user_id > 0 && Math.abs(Date.parse(created_at ?? '') - Date.now()) < 60_000);
    const { username, email, nickname } = example;
    assert.deepEqual(rest, { username, email, nickname, avatar_url: null, phone: null, status: 1 });
    assert.deepEqual(Object.keys(answer.body), ['code', 'message', 'data']);
    assert.deepEqual([answer.body.code, answer.body.message], [200, '注册成功']);
  });

  test('what is optional is null where it is left out, null, or blank', async () => {
    for (const [index, more] of [
      {},
      { nickname: null, phone: null },
      { nickname: ' ', phone: '' },
    ].entries()) {
      const person = { username: `plain${index}`, email: `plain${index}@example.com`, password };
      const { status, body } = await register({ ...person, ...more });
      assert.deepEqual([status, body.data.nickname, body.data.phone], [200, null, null]);
    }
  });

  test('what is optional is kept, and shown at every login', async () => {
    const more = { nickname: '  小明 ', phone: '+86 (10) 1234-5678' };
    const made = await register({ username: 'xiaoming', email: 'ming@example.com', password, ...more });
    const login = await logIn({ username: 'ming@EXAMPLE.com', password });
    const own = await me(login.body.data.access_token);
    for (const { nickname, phone } of [made.body.data, login.body.data.user, own.body.data]) {
      assert.deepEqual([nickname, phone], ['小明', '+86 (10) 1234-5678']);
    }
  });

  test('names and addresses that are taken, in whatever case, are 409 with the field', async () => {
    for (const [taken, field] of [
      [{ username: 'SomeOne', email: 'fresh@example.com' }, 'username'],
      [{ username: 'fresh', email: 'Someone@Example.com' }, 'email'],
    ] as const) {
      assertRefused(await register({ ...taken, password }), 409, field, '已被使用');
      const { body } = await register({ ...taken, password }, english);
      assert.match(body.message, new RegExp(`^${field}: another account has`, 'u'));
    }
  });

  test('a repeat under the same key gets the account that was made', async () => {
    const headers = { 'idempotency-key': 'register-1' };
    const person = { username: 'once', email: 'once@example.com', password };
    const first = await register(person, headers);
    assert.deepEqual((await register(person, headers)).body, first.body);
    assertRefused(await register({ ...person, username: 'twice' }, headers), 400, 'Idempotency-Key');
    assertRefused(
      await register({ ...person, password: 'another password' }, headers),
      400,
      'Idempotency-Key',
    );
    assertRefused(await register(person, { 'idempotency-key': ' ' }), 400, 'Idempotency-Key');
  });

  describe('a registration that is not valid is 400 with the field in the message', () => {
    const fresh = { username: 'fresh', email: 'fresh@example.com', password };
    const without = (field: string) =>
      Object.fromEntries(Object.entries(fresh).filter(([name]) => name !== field));
    const cases: [title: string, body: unknown, field: string][] = [
      ['no user name', without('username'), 'username'],
      ['no address', without('email'), 'email'],
      ['no password', without('password'), 'password'],
      ['a user name that is a number', { ...fresh, username: 12345 }, 'username'],
      ['a user name that is null', { ...fresh, username: null }, 'username'],
      ['a user name of blanks', { ...fresh, username: '     ' }, 'username'],
      ['a user name of two characters', { ...fresh, username: 'ab' }, 'username'],
      ['a user name of 65 characters', { ...fresh, username: 'x'.repeat(65) }, 'username'],
      ['a user name with a control character', { ...fresh, username: 'fresh\u0000' }, 'username'],
      ['a user name that is another’s address', { ...fresh, username: 'someone@example.com' }, 'username'],
      ['an address that is a list', { ...fresh, email: ['fresh@example.com'] }, 'email'],
      ['an address without @', { ...fresh, email: 'fresh.example.com' }, 'email'],
      ['an address of nothing', { ...fresh, email: '' }, 'email'],
      ['a password of 7 characters', { ...fresh, password: '1234567' }, 'password'],
      ['a password of 257 characters', { ...fresh, password: 'x'.repeat(257) }, 'password'],
      ['a nickname that is a number', { ...fresh, nickname: 1 }, 'nickname'],
      ['a nickname of 101 characters', { ...fresh, nickname: '昵'.repeat(101) }, 'nickname'],
      ['a nickname with an invisible character', { ...fresh, nickname: 'a\u200bb' }, 'nickname'],
      ['a phone that is a number', { ...fresh, phone: 13_800_138_000 }, 'phone'],
      ['a phone of words', { ...fresh, phone: 'call me' }, 'phone'],
      ['a phone of four digits', { ...fresh, phone: '1234' }, 'phone'],
      ['a phone of 33 digits', { ...fresh, phone: '1'.repeat(33) }, 'phone'],
      ['a list', [fresh], 'body'],
      ['null', 'null', 'body'],
      ['malformed JSON', '{"username": ', 'body'],
      ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'body'],
      ['an empty body', '', 'body'],
      ['no body', undefined, 'body'],
    ];
    for (const [title, body, field] of cases) {
      test(title, async () => {
        assertRefused(await register(body), 400, field);
        const said = await register(body, english);
        assertRefused(said, 400, field);
        assert.doesNotMatch(said.body.message, /\p{Script=Han}/u);
      });
    }

    test('no account was made', async () => {
      assert.equal((await logIn({ username: 'fresh', password })).status, 401);
    });
  });

  test('the shortest and the longest that are allowed', async () => {
    for (const more of [
      { username: 'abc', password: '12345678', nickname: 'n', phone: '12345' },
      {
        username: 'z'.repeat(64),
        password: 'x'.repeat(256),
        nickname: '昵'.repeat(100),
        phone: '1'.repeat(32),
      },
    ]) {
      const { status, body } = await register({ email: `${more.phone.length}@example.com`, ...more });
      assert.equal(status, 200, body.message);
      assert.equal((await logIn(more)).status, 200);
    }
  });
});

describe('studio: logins', () => {
  test('logging in answers as the document shows, and is not kept by caches', async () => {
    const answer = await logIn({ username: 'someone', password });
    assert.equal(answer.status, 200);
    assertShape(answer.body, {
      ...loggedIn,
      data: { ...loggedIn.data, user: { ...loggedIn.data.user, nickname: null } },
    });
    assert.equal(answer.body.data.expires_in, 3600);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.deepEqual(Object.keys(answer.body.data.user), Object.keys(loggedIn.data.user));
  });

  test('by user name or address, in any case', async () => {
    for (const username of ['someone', 'SOMEONE', 'someone@example.com', 'Someone@Example.COM']) {
      assert.equal((await logIn({ username, password })).status, 200, username);
    }
  });

  test('a wrong password and an unknown name are told the same', async () => {
    const wrong = await logIn({ username: 'someone', password: 'not the password' });
    const unknown = await logIn({ username: 'nobody-at-all', password });
    assert.deepEqual(wrong.body, { code: 401, message: '用户名或密码错误', data: null });
    assert.deepEqual([unknown.status, unknown.body], [wrong.status, wrong.body]);
    const said = await logIn({ username: 'someone', password: 'not the password' }, english);
    assert.equal(said.body.message, 'The user name or the password is wrong.');
  });

  test('a disabled account is 403, its tokens are 401', async () => {
    const { id } = await makeAccount(parley, 'banned');
    const { access_token, refresh_token } = (await logIn({ username: 'banned', password })).body.data;
    await parley.app.core.accounts.setStatus(id, 'disabled');
    const refused = await logIn({ username: 'banned', password });
    assert.deepEqual(refused.body, { code: 403, message: '用户账户已被禁用', data: null });
    assert.equal((await logIn({ username: 'banned', password: 'wrong password' })).status, 401);
    assert.equal((await me(access_token)).status, 401);
    assert.equal((await refresh({ refresh_token })).status, 401);
  });

  describe('a login that is not valid is 400 with the field in the message', () => {
    const cases: [title: string, body: unknown, field: string][] = [
      ['no user name', { password }, 'username'],
      ['no password', { username: 'someone' }, 'password'],
      ['a user name that is a number', { username: 42, password }, 'username'],
      ['a user name of blanks', { username: ' \t ', password }, 'username'],
      ['an empty password', { username: 'someone', password: '' }, 'password'],
      ['a password that is true', { username: 'someone', password: true }, 'password'],
      ['a password without end', { username: 'someone', password: 'x'.repeat(5000) }, 'password'],
      ['malformed JSON', '{"username"', 'body'],
      ['no body', undefined, 'body'],
    ];
    for (const [title, body, field] of cases) {
      test(title, async () => assertRefused(await logIn(body), 400, field));
    }
  });

  test('a form is 415, a body without end 413, in the envelope', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await logIn('username=someone&password=x', form);
    assert.deepEqual(answer.body, { code: 415, message: '请以 application/json 发送请求', data: null });
    assert.equal(answer.status, 415);
    const large = await logIn({ username: 'someone', password: 'x'.repeat(2 ** 20) });
    assert.deepEqual([large.status, large.body], [413, { code: 413, message: '请求内容过大', data: null }]);
  });

  test('too many wrong passwords are 429, whatever door they came by', async () => {
    await makeAccount(parley, 'guessed');
    let last: Answer | undefined;
    for (let guess = 0; guess < 20 && last?.status !== 429; guess++) {
      last = await logIn({ username: 'guessed', password: `guess ${guess}` });
    }
    assert.equal(last?.status, 429);
    assert.deepEqual([last?.body.code, last?.body.data], [429, null]);
    assert.ok(Number(last?.headers.get('retry-after')) > 0);
    assert.equal((await logIn({ username: 'guessed', password })).status, 429, 'the right one, too');
  });
});

describe('studio: what a login is good for', () => {
  test('the own account, by a token of any contract', async () => {
    for (const contract of Object.keys(logins) as LoginContract[]) {
      const answer = await me(await tokenOf(parley, 'someone', contract));
      assert.equal(answer.status, 200, contract);
      assertShape(answer.body, {
        ...registered,
        message: '获取成功',
        data: { ...registered.data, nickname: null, last_login_at: '2023-01-02T00:00:00Z' },
      });
      assert.deepEqual([answer.body.data.username, answer.body.message], ['someone', '获取成功']);
    }
  });

  test('a refreshed token, as often as wanted, with the same refresh token', async () => {
    const { access_token, refresh_token } = (await logIn({ username: 'someone', password })).body.data;
    for (let count = 0; count < 3; count++) {
      parley.advance(1000);
      const answer = await refresh({ refresh_token });
      assert.equal(answer.status, 200);
      assert.deepEqual(Object.keys(answer.body.data), ['access_token', 'expires_in']);
      assert.deepEqual([answer.body.message, answer.body.data.expires_in], ['Token刷新成功', 3600]);
      assert.equal(answer.headers.get('cache-control'), 'no-store');
      assert.notEqual(answer.body.data.access_token, access_token);
      assert.equal((await me(answer.body.data.access_token)).status, 200);
    }
    assert.equal((await me(access_token)).status, 200, 'the first one');
  });

  test('logging out ends the login at once, its refresh token with it, and no other', async () => {
    const [one, other] = [
      (await logIn({ username: 'someone', password })).body.data,
      (await logIn({ username: 'someone', password })).body.data,
    ];
    const renewed = (await refresh(one)).body.data.access_token;
    const out = await logOut(one.access_token);
    assert.deepEqual([out.status, out.body], [200, { code: 200, message: '登出成功', data: null }]);
    for (const answer of [
      await me(one.access_token),
      await me(renewed),
      await refresh(one),
      await logOut(one.access_token),
    ]) {
      assertRefused(answer, 401);
    }
    assert.equal((await me(other.access_token)).status, 200);
    assert.equal((await refresh(other)).status, 200);
  });

  test('a content type without a body is no reason to refuse a logout', async () => {
    const { access_token } = (await logIn({ username: 'someone', password })).body.data;
    const headers = { ...bearer(access_token), 'content-type': 'application/json' };
    assert.equal((await ask('POST', '/logout', undefined, headers)).status, 200);
  });

  test('without a token, or with one that is not valid, it is 401 and says which', async () => {
    const { access_token } = (await logIn({ username: 'someone', password })).body.data;
    const key = { 'x-api-key': await parley.key() };
    for (const [headers, status, message] of [
      [{}, 401, '未认证，请先登录'],
      [bearer('nonsense'), 401, '令牌无效或已失效，请重新登录'],
      [bearer(forge(access_token)), 401, '令牌无效或已失效，请重新登录'],
      [{ authorization: 'Basic c29tZW9uZTp4' }, 401, '未认证，请先登录'],
      [key, 403, '无权限执行该操作'],
    ] as const) {
      for (const [method, path] of [
        ['GET', '/user'],
        ['POST', '/logout'],
      ] as const) {
        const { status: actual, body } = await ask(method, path, undefined, headers);
        assert.deepEqual([actual, body], [status, { code: status, message, data: null }]);
      }
    }
  });

  describe('a refresh that is not valid', () => {
    for (const [title, body, status, field] of [
      ['nothing', {}, 400, 'refresh_token'],
      ['no body', undefined, 400, 'body'],
      ['a number', { refresh_token: 5 }, 400, 'refresh_token'],
      ['an empty text', { refresh_token: '' }, 400, 'refresh_token'],
      ['a text without end', { refresh_token: 'x'.repeat(2000) }, 400, 'refresh_token'],
      ['what nobody was given', { refresh_token: 'X1EjyqrCcA9NeD-aajOXqBs_qly1cV8Agn0XW46FLyc' }, 401, ''],
    ] as const) {
      test(`${title} is ${status}`, async () => assertRefused(await refresh(body), status, field));
    }

    test('an access token is none', async () => {
      const { access_token } = (await logIn({ username: 'someone', password })).body.data;
      assertRefused(await refresh({ refresh_token: access_token }), 401);
    });
  });

  test('an access token lives for an hour, a refresh token for 30 days', async () => {
    const { access_token, refresh_token } = (await logIn({ username: 'someone', password })).body.data;
    parley.advance(3_601_000);
    const expired = await me(access_token);
    assert.deepEqual(expired.body, { code: 401, message: '令牌已过期，请重新登录', data: null });
    parley.advance(29.5 * dayMs);
    const last = await refresh({ refresh_token });
    assert.equal(last.status, 200);
    const { expires_in } = last.body.data;
    assert.ok(expires_in <= 3600);
    parley.advance(dayMs);
    assertRefused(await refresh({ refresh_token }), 401);
    assertRefused(await me(last.body.data.access_token), 401);
  });
});

/** In the envelope, the status in it, the field in the message. */
function assertRefused({ status, body }: Answer, expected: number, field = '', text = ''): void {
  assert.equal(status, expected, JSON.stringify(body));
  assert.deepEqual(Object.keys(body), ['code', 'message', 'data']);
  assert.deepEqual([body.code, body.data], [expected, null]);
  assert.ok(body.message.includes(field) && body.message.includes(text), body.message);
  assert.ok(body.message.length > 3);
}
