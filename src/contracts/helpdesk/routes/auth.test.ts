import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, claimsOf, makeAccount, password, tokenOf } from '../../../../test/support/accounts.ts';
import {
  askHelpdesk,
  helpdeskLogin,
  logInToHelpdesk,
  type AccessBody,
  type Headers,
  type HelpdeskError,
  type Success,
  type UserBody,
} from '../../../../test/support/helpdesk.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';

/** helpdesk.md, "用户登录". */
const documented = {
  success: true,
  data: {
    access_token: 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9...',
    token_type: 'bearer',
    expires_in: 3600,
    user: { id: 1, email: 'admin@example.com', full_name: '管理员', role: 'admin' },
  },
};

describe('helpdesk: logins', () => {
  let parley: Parley;
  before(async () => {
    const admin = { PARLEY_ADMIN_EMAIL: 'admin@example.com', PARLEY_ADMIN_PASSWORD: 'password123' };
    parley = await startParley({ env: admin });
    await makeAccount(parley, 'mina');
  });
  after(() => parley.close());

  const me = (headers: Headers) =>
    askHelpdesk<Success<UserBody> & HelpdeskError>(parley, 'GET', '/auth/me', undefined, headers);
  const post = (path: string, headers: Headers) =>
    askHelpdesk<Success<AccessBody> & HelpdeskError>(parley, 'POST', path, undefined, headers);

  test('the document’s example logs in', async () => {
    const { status, body, headers } = await logInToHelpdesk(parley, {
      email: 'admin@example.com',
      password: 'password123',
    });
    assert.equal(status, 200);
    assertShape(body, documented);
    assert.deepEqual(Object.keys(body.data.user), ['id', 'email', 'full_name', 'role']);
    assert.deepEqual([body.data.token_type, body.data.expires_in], ['bearer', 3600]);
    assert.equal(claimsOf(body.data.access_token)['con'], 'helpdesk');
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  test('a user name logs in too, in any case', async () => {
    assert.equal((await logInToHelpdesk(parley, { email: 'MINA', password })).status, 200);
  });

  for (const email of ['', ' ', 'x', 'a@', '@b.c', 'a@b@c', 'a b@c.d']) {
    test(`"${email}" is no address: the document’s example of an error`, async () => {
      const { status, body } = await logInToHelpdesk<HelpdeskError>(parley, { email, password });
      assert.equal(status, 400);
      assert.deepEqual(body, {
        success: false,
        error: {
          code: 'VALIDATION_ERROR',
          message: '请求参数验证失败',
          details: { field: 'email', issue: '邮箱格式不正确' },
        },
      });
    });
  }

  for (const [what, sent, field, chinese, english] of [
    ['no address', { password }, 'email', '邮箱为必填项', 'is required'],
    ['no password', { email: 'mina' }, 'password', '密码为必填项', 'is required'],
    ['an empty password', { email: 'mina', password: '' }, 'password', '密码不能为空', 'must not be empty'],
    [
      'a number for a password',
      { email: 'mina', password: 1 },
      'password',
      '密码必须是字符串',
      'must be string',
    ],
    [
      'no address, in English',
      { email: 'a@', password },
      'email',
      '邮箱格式不正确',
      'must be an e-mail address',
    ],
  ] as const) {
    test(`${what} is refused in Chinese and, where it is preferred, in English`, async () => {
      const zh = await logInToHelpdesk<HelpdeskError>(parley, sent);
      const en = await logInToHelpdesk<HelpdeskError>(parley, sent, { 'accept-language': 'en' });
      assert.deepEqual([zh.status, en.status], [400, 400]);
      assert.deepEqual(zh.body.error.details, { field, issue: chinese });
      assert.deepEqual(en.body.error.details, { field, issue: english });
      assert.equal(en.body.error.message, `${field}: ${english}`);
    });
  }

  test('a wrong password, an unknown name, a disabled account', async () => {
    const answers = [];
    for (const sent of [
      { email: 'mina', password: 'wrong password' },
      { email: 'nobody@example.com', password },
    ]) {
      const { status, body } = await logInToHelpdesk<HelpdeskError>(parley, sent);
      answers.push([status, body.error.code, body.error.message]);
    }
    const wrong = [401, 'UNAUTHORIZED', '用户名或密码错误'];
    assert.deepEqual(answers, [wrong, wrong]);
    const { id } = await makeAccount(parley, 'gone');
    await parley.app.core.accounts.setStatus(id, 'disabled');
    const { status, body } = await logInToHelpdesk<HelpdeskError>(parley, { email: 'gone', password });
    assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN']);
  });

  test('a token of any contract says who one is', async () => {
    for (const headers of [
      await helpdeskLogin(parley, 'mina'),
      bearer(await tokenOf(parley, 'mina', 'companion')),
    ]) {
      const { status, body } = await me(headers);
      assert.equal(status, 200);
      const { email, username, role, status: state } = body.data;
      assert.deepEqual([email, username, role, state], ['mina@example.com', 'mina', 'user', 'active']);
    }
  });

  test('a login gets a new access token, and the old one stays good', async () => {
    const headers = await helpdeskLogin(parley, 'mina');
    parley.advance(1000);
    const { status, body } = await post('/auth/refresh', headers);
    assert.equal(status, 200);
    assertShape(body, documented);
    assert.notEqual(bearer(body.data.access_token).authorization, headers.authorization);
    assert.equal((await me(bearer(body.data.access_token))).status, 200);
    assert.equal((await me(headers)).status, 200);
  });

  test('logging out ends the login, with all its tokens', async () => {
    const headers = await helpdeskLogin(parley, 'mina');
    const renewed = bearer((await post('/auth/refresh', headers)).body.data.access_token);
    const { status, body } = await post('/auth/logout', headers);
    assert.deepEqual([status, body], [200, { success: true, data: null }]);
    for (const token of [headers, renewed]) {
      const refused = await me(token);
      assert.deepEqual([refused.status, refused.body.error.code], [401, 'UNAUTHORIZED']);
    }
  });

  for (const [method, path] of [
    ['GET', '/auth/me'],
    ['POST', '/auth/refresh'],
    ['POST', '/auth/logout'],
  ] as const) {
    test(`${method} ${path} wants a token`, async () => {
      const { status, body } = await askHelpdesk<HelpdeskError>(parley, method, path);
      assert.deepEqual([status, body.error.code, body.error.details], [401, 'UNAUTHORIZED', null]);
    });
  }
});

test('five logins a minute from one address', async (t) => {
  const parley = await startParley({ env: { PARLEY_RATE_LIMITS: 'on' } });
  t.after(() => parley.close());
  for (let i = 0; i < 5; i++) {
    assert.equal((await logInToHelpdesk(parley, { email: `nobody${i}`, password })).status, 401);
  }
  const { status, body, headers } = await logInToHelpdesk<HelpdeskError>(parley, {
    email: 'other',
    password,
  });
  assert.deepEqual([status, body.error.code], [429, 'RATE_LIMIT_EXCEEDED']);
  assert.ok(Number(headers.get('retry-after')) >= 1);
});
