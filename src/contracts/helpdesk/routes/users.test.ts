import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { password } from '../../../../test/support/accounts.ts';
import type { Answered } from '../../../../test/support/gateway.ts';
import {
  askHelpdesk,
  beginSession,
  joinHelpdesk,
  logInToHelpdesk,
  messagesOf,
  sendMessage,
  type Headers,
  type HelpdeskError,
  type SessionBody,
  type Success,
  type UserBody,
} from '../../../../test/support/helpdesk.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';

type One = Success<UserBody> & HelpdeskError;
type Many = Success<{ users: UserBody[]; total: number; has_more: boolean }>;

/** helpdesk.md, "用户管理". */
const documented = {
  email: 'agent@example.com',
  full_name: '客服小王',
  role: 'agent',
  password: 'password123',
};

const shape: UserBody = {
  id: 1,
  email: 'x',
  full_name: 'x',
  role: 'x',
  username: 'x',
  status: 'x',
  created_at: '2024-01-01T10:00:00Z',
  last_login_at: '2024-01-01T10:00:00Z',
};

describe('helpdesk: users', () => {
  let parley: Parley;
  let admin: { id: number; headers: Headers };
  let ask: <T = One>(method: string, path?: string, body?: unknown, more?: Headers) => Promise<Answered<T>>;
  before(async () => {
    parley = await startParley();
    admin = await joinHelpdesk(parley, 'boss', 'admin');
    ask = (method, path = '', body, more = {}) =>
      askHelpdesk(parley, method, `/admin/users${path}`, body, { ...admin.headers, ...more });
  });
  after(() => parley.close());

  const statusOf = async (path: string, headers: Headers) =>
    (await askHelpdesk(parley, 'GET', path, undefined, headers)).status;

  test('the document’s example makes an account, which logs in with its address', async () => {
    const { status, body } = await ask('POST', '', documented);
    assert.equal(status, 201);
    assertShape(body, { success: true, data: { ...shape, last_login_at: null } });
    const { password: _, ...shown } = documented;
    assert.deepEqual({ ...body.data, ...shown, username: shown.email, status: 'active' }, body.data);
    assert.ok(!JSON.stringify(body).includes(documented.password));
    assert.equal((await logInToHelpdesk(parley, documented)).status, 200);
  });

  test('a list has pages, filters and a search', async () => {
    for (const name of ['list-a', 'list-b', 'list-c']) {
      await ask('POST', '', { ...documented, email: `${name}@example.com`, role: 'user' });
    }
    const of = async (query: string) => (await ask<Many>('GET', query)).body.data;
    const page = await of('?search=LIST-&limit=2&offset=0');
    assertShape(page.users, [shape], ['[].last_login_at']);
    assert.deepEqual([page.users.length, page.total, page.has_more], [2, 3, true]);
    const rest = await of('?search=list-&limit=2&offset=2');
    assert.deepEqual([rest.users.length, rest.total, rest.has_more], [1, 3, false]);
    const admins = await of('?role=admin');
    assert.ok(admins.users.every(({ role }) => role === 'admin'));
    assert.equal((await of('?status=disabled')).total, 0);
  });

  test('one account is changed, and only what is named', async () => {
    const { id, headers } = await joinHelpdesk(parley, 'changed');
    const { status, body } = await ask('PUT', `/${id}`, { full_name: '小李', email: 'li@example.com' });
    assert.equal(status, 200);
    const { full_name, email, role, username } = body.data;
    assert.deepEqual([full_name, email, role, username], ['小李', 'li@example.com', 'user', 'changed']);
    assert.deepEqual((await ask('GET', `/${id}`)).body.data, body.data);
    assert.equal(await statusOf('/auth/me', headers), 200, 'its logins go on');
  });

  test('one who is an administrator no more has no rights at once', async () => {
    const { id, headers } = await joinHelpdesk(parley, 'former', 'admin');
    assert.equal(await statusOf('/admin/users', headers), 200);
    await ask('PUT', `/${id}`, { role: 'agent' });
    assert.equal(await statusOf('/admin/users', headers), 401);
    const again = await logInToHelpdesk(parley, { email: 'former', password });
    const token = { authorization: `Bearer ${again.body.data.access_token}` };
    assert.equal(await statusOf('/admin/users', token), 403);
  });

  for (const [what, changes] of [
    ['a new password', { password: 'another password' }],
    ['disabling', { status: 'disabled' }],
  ] as const) {
    test(`${what} ends the logins`, async () => {
      const { id, headers } = await joinHelpdesk(parley, `ended-${Object.keys(changes).join()}`);
      assert.equal((await ask('PUT', `/${id}`, changes)).status, 200);
      assert.equal(await statusOf('/auth/me', headers), 401);
    });
  }

  for (const [what, end] of [
    ['disabled', (id: number) => ask('PUT', `/${id}`, { status: 'disabled' })],
    ['demoted', (id: number) => ask('PUT', `/${id}`, { role: 'user' })],
    ['deleted', (id: number) => ask('DELETE', `/${id}`)],
  ] as const) {
    test(`the conversations of an agent who is ${what} wait for another`, async () => {
      const { id, headers } = await joinHelpdesk(parley, `${what}-agent`, 'agent');
      const { session_id } = await beginSession(parley);
      await sendMessage(parley, session_id, '我来帮您', headers);
      const session = async () =>
        (await askHelpdesk<Success<SessionBody>>(parley, 'GET', `/chat/sessions/${session_id}`)).body.data;
      assert.equal((await session()).assignee?.id, id);
      assert.equal((await end(id)).status, 200);
      const { status, agent_type, assignee } = await session();
      assert.deepEqual([status, agent_type, assignee], ['pending', 'human', null]);
      const { messages } = await messagesOf(parley, session_id);
      assert.deepEqual(
        messages.map(({ content }) => content),
        ['我来帮您'],
        'what was said stays',
      );
    });
  }

  test('a deleted account is gone; its address is free; its conversations are for staff alone', async () => {
    const { id, headers } = await joinHelpdesk(parley, 'leaver');
    const { session_id } = await beginSession(parley, {}, headers);
    const { status, body } = await ask('DELETE', `/${id}`);
    assert.deepEqual([status, body], [200, { success: true, data: { id } }]);
    assert.equal((await ask('GET', `/${id}`)).status, 404);
    assert.equal(await statusOf('/auth/me', headers), 401);
    assert.equal((await logInToHelpdesk(parley, { email: 'leaver', password })).status, 401);
    const path = `/chat/sessions/${session_id}`;
    assert.equal(await statusOf(path, {}), 404);
    assert.equal(await statusOf(path, admin.headers), 200);
    const next = { ...documented, email: 'leaver@example.com', role: 'user' };
    assert.equal((await ask('POST', '', next)).status, 201);
    const newcomer = await logInToHelpdesk(parley, next);
    assert.equal(await statusOf(path, { authorization: `Bearer ${newcomer.body.data.access_token}` }), 404);
  });

  test('a write under a key happens once; the audit log has it', async () => {
    const key = { 'idempotency-key': 'make-once' };
    const account = { ...documented, email: 'once@example.com' };
    const made = await ask('POST', '', account, key);
    assert.deepEqual((await ask('POST', '', account, key)).body, made.body);
    const other = await ask('POST', '', { ...account, full_name: 'x' }, key);
    assert.deepEqual([other.status, other.body.error.details?.field], [400, 'Idempotency-Key']);
    const log = await parley.app.core.auditLog.list(
      { targetType: 'user', targetId: String(made.body.data.id) },
      { skip: 0, limit: 10 },
    );
    assert.deepEqual(
      log.entries.map(({ action, actorName }) => [action, actorName]),
      [['user.create', 'boss']],
    );
  });

  for (const [what, changes, field, issue] of [
    ['a taken address', { email: 'BOSS@example.com' }, 'email', '邮箱已被使用'],
    ['no address', { email: 'nobody' }, 'email', '邮箱格式不正确'],
    ['an empty address', { email: '' }, 'email', '邮箱不能为空'],
    ['a short password', { password: 'short' }, 'password', '密码长度必须不少于 8 个字符'],
    ['an unknown role', { role: 'owner' }, 'role', '角色必须是以下值之一：user、agent、admin'],
    ['a long name', { full_name: 'x'.repeat(101) }, 'full_name', '姓名长度必须不超过 100 个字符'],
    ['a name with a line break', { full_name: 'a\nb' }, 'full_name', '姓名不能包含控制字符或不可见字符'],
  ] as const) {
    test(`${what} is refused, in a new account and in a change`, async () => {
      const { id } = await joinHelpdesk(parley, `refused-${what.replaceAll(' ', '-')}`);
      for (const answer of [
        await ask('POST', '', { ...documented, email: 'new@example.com', ...changes }),
        await ask('PUT', `/${id}`, changes),
      ]) {
        assert.equal(answer.status, 400);
        assert.equal(answer.body.error.code, 'VALIDATION_ERROR');
        assert.deepEqual(answer.body.error.details, { field, issue });
      }
    });
  }

  test('a change of nothing, and of nobody', async () => {
    const nothing = await ask('PUT', `/${admin.id}`, {});
    assert.deepEqual([nothing.status, nothing.body.error.details?.field], [400, 'body']);
    for (const [method, body] of [['PUT', { full_name: 'x' }], ['DELETE'], ['GET']] as const) {
      const { status, body: answer } = await ask(method, '/99999', body);
      assert.deepEqual([status, answer.error.code], [404, 'NOT_FOUND']);
    }
    assert.equal((await ask('GET', '/none')).status, 400);
  });

  test('one does not delete oneself', async () => {
    const { status, body } = await ask('DELETE', `/${admin.id}`);
    assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN']);
    const issue = 'user_id 是您自己的账户，请联系其他管理员';
    assert.deepEqual(body.error.details, { field: 'user_id', issue });
  });

  test('the last administrator stays one', async () => {
    const { users } = (await ask<Many>('GET', '?role=admin&status=active')).body.data;
    for (const { id } of users.filter((user) => user.id !== admin.id)) {
      await ask('PUT', `/${id}`, { role: 'user' });
    }
    for (const changes of [{ role: 'agent' }, { status: 'disabled' }]) {
      const { status, body } = await ask('PUT', `/${admin.id}`, changes);
      assert.deepEqual([status, body.error.code], [403, 'FORBIDDEN']);
      const issue = 'user_id 是最后一个有效的管理员，请先添加其他管理员';
      assert.deepEqual(body.error.details, { field: 'user_id', issue });
    }
    assert.equal(await statusOf('/admin/users', admin.headers), 200);
  });

  for (const role of ['user', 'agent'] as const) {
    test(`a ${role} manages no users`, async () => {
      const { headers } = await joinHelpdesk(parley, `mere-${role}`, role);
      for (const [method, path] of [
        ['GET', ''],
        ['POST', ''],
        ['PUT', `/${admin.id}`],
        ['DELETE', `/${admin.id}`],
      ] as const) {
        const body = method === 'POST' || method === 'PUT' ? {} : undefined;
        const { status, body: answer } = await ask(method, path, body, headers);
        assert.deepEqual([status, answer.error.code], [403, 'FORBIDDEN']);
      }
    });
  }
});
