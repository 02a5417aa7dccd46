import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openStorage } from '../../storage/storage.ts';
import { createIdempotency } from '../idempotency.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import type { UserCaller } from './caller.ts';
import { createAdministration } from './administration.ts';
import { createPasswords } from './passwords.ts';
import { createRegistry } from './registry.ts';

const password = 'password123';
const agent = { email: 'Agent@Example.com', fullName: ' 客服小王 ', role: 'agent', password } as const;

/** The administration over a real store, with the administrator 1. */
async function createTested(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-administration-'));
  const path = join(folder, 'parley.db');
  const storage = await openStorage({ path });
  t.after(async () => {
    await storage.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const runtime = createFakeRuntime();
  const passwords = createPasswords();
  const registry = createRegistry({ users: storage.users, passwords, runtime });
  const seen: string[] = [];
  const administration = createAdministration({
    users: storage.users,
    passwords,
    registry,
    idempotency: createIdempotency({ keys: storage.idempotencyKeys, runtime }),
    runtime,
    onChanged: () => void seen.push('changed'),
    releaseAll: async (id) => void seen.push(`released ${id}`),
  });
  await registry.create({ username: 'root', email: 'root@example.com', password, role: 'admin' });
  const admin: UserCaller = {
    kind: 'user',
    ip: '192.0.2.7',
    userId: 1,
    loginId: 1,
    contract: 'helpdesk',
    role: 'admin',
  };
  const acts = async () => (await storage.auditLog.list({}, { skip: 0, limit: 100 })).entries;
  return { administration, admin, registry, storage, seen, acts, path };
}

describe('an account that is made', () => {
  it('has its address as its name, and is in the audit log', async (t) => {
    const { administration, admin, acts } = await createTested(t);
    const { createdAt, ...made } = await administration.create(admin, agent);
    assert.deepEqual(made, {
      id: 2,
      username: 'Agent@Example.com',
      email: 'Agent@Example.com',
      fullName: '客服小王',
      nickname: null,
      phone: null,
      avatarUrl: null,
      role: 'agent',
      status: 'active',
      lastLoginAt: null,
      budget: null,
    });
    assert.equal(typeof createdAt, 'number');
    const [act] = await acts();
    assert.deepEqual(
      [act?.action, act?.actorId, act?.targetType, act?.targetId, act?.details],
      ['user.create', 1, 'user', '2', { email: 'Agent@Example.com', role: 'agent' }],
    );
  });

  it('is made once under a key, also when sent twice at once; a repeat must know the password', async (t) => {
    const { administration, admin, storage } = await createTested(t);
    const sent = { key: 'k', fingerprint: 'f' };
    const [one, other] = await Promise.all([
      administration.create(admin, agent, sent),
      administration.create(admin, agent, sent),
    ]);
    assert.deepEqual([one.id, other.id], [2, 2]);
    assert.equal((await storage.users.list()).length, 2);
    await assert.rejects(administration.create(admin, { ...agent, password: 'password124' }, sent), {
      code: 'invalid_request',
      field: 'Idempotency-Key',
    });
  });

  for (const [what, changes, code, field] of [
    ['a taken address', { email: 'ROOT@example.com' }, 'already_taken', 'email'],
    ['no address', { email: 'root' }, 'invalid_request', 'email'],
    ['a short password', { password: '1234567' }, 'invalid_request', 'password'],
    ['a long name', { fullName: 'x'.repeat(101) }, 'invalid_request', 'full_name'],
  ] as const) {
    it(`is refused with ${what}`, async (t) => {
      const { administration, admin, acts } = await createTested(t);
      await assert.rejects(administration.create(admin, { ...agent, ...changes }), { code, field });
      assert.deepEqual(await acts(), []);
    });
  }
});

describe('an account that is changed', () => {
  it('has the new values; the audit log knows them, but no password', async (t) => {
    const { administration, admin, acts, path, storage } = await createTested(t);
    await administration.create(admin, agent);
    const changed = await administration.update(admin, 2, { fullName: '小李', password: 'another secret' });
    assert.deepEqual([changed.fullName, changed.email], ['小李', 'Agent@Example.com']);
    const [act] = await acts();
    assert.deepEqual(act?.details, { fullName: '小李', password: 'changed' });
    await storage.close();
    assert.equal(readFileSync(path, 'latin1').includes('another secret'), false);
  });

  it('gives its conversations back when it is no active agent any more, and not before', async (t) => {
    const { administration, admin, seen } = await createTested(t);
    await administration.create(admin, agent);
    await administration.update(admin, 2, { fullName: 'x' });
    await administration.update(admin, 2, { role: 'admin' });
    assert.deepEqual(seen.splice(0), ['changed', 'changed']);
    await administration.update(admin, 2, { status: 'disabled' });
    assert.deepEqual(seen.splice(0), ['changed', 'released 2']);
    await administration.update(admin, 2, { status: 'active', role: 'user' });
    assert.deepEqual(seen, ['changed', 'released 2']);
  });

  it('is changed once under a key', async (t) => {
    const { administration, admin, acts } = await createTested(t);
    await administration.create(admin, agent);
    const sent = { key: 'k', fingerprint: 'f' };
    const change = { password: 'another secret' };
    const one = await administration.update(admin, 2, change, sent);
    assert.deepEqual(await administration.update(admin, 2, change, sent), one);
    assert.equal((await acts()).length, 2);
  });

  for (const [what, id, changes, code, field] of [
    ['nothing to change', 1, {}, 'invalid_request', 'body'],
    ['nobody', 99, { fullName: 'x' }, 'not_found', undefined],
    ['a taken address', 2, { email: 'root@EXAMPLE.com' }, 'already_taken', 'email'],
    ['no address', 2, { email: 'x@' }, 'invalid_request', 'email'],
    ['a short password', 2, { password: 'x' }, 'invalid_request', 'password'],
    ['a name with a line break', 2, { fullName: 'a\nb' }, 'invalid_request', 'full_name'],
    ['the last administrator demoted', 1, { role: 'agent' }, 'forbidden', 'user_id'],
    ['the last administrator disabled', 1, { status: 'disabled' }, 'forbidden', 'user_id'],
  ] as const) {
    it(`is refused: ${what}`, async (t) => {
      const { administration, admin, acts, seen } = await createTested(t);
      await administration.create(admin, agent);
      await assert.rejects(administration.update(admin, id, changes), { code, field });
      assert.equal((await acts()).length, 1);
      assert.deepEqual(seen, []);
    });
  }
});

describe('an account that is deleted', () => {
  it('is gone, and so are its conversations from it', async (t) => {
    const { administration, admin, registry, seen, acts } = await createTested(t);
    await administration.create(admin, agent);
    const sent = { key: 'k', fingerprint: 'f' };
    await administration.remove(admin, 2, sent);
    await administration.remove(admin, 2, sent);
    assert.equal(await registry.get(2), undefined);
    assert.deepEqual(seen, ['changed', 'released 2']);
    assert.deepEqual(
      (await acts()).map(({ action }) => action),
      ['user.delete', 'user.create'],
    );
    await assert.rejects(administration.remove(admin, 2), { code: 'not_found' });
  });

  it('is not one’s own, and not the last administrator’s', async (t) => {
    const { administration, admin } = await createTested(t);
    await assert.rejects(administration.remove(admin, 1), { code: 'forbidden' });
    const { id } = await administration.create(admin, { ...agent, role: 'admin' });
    const other = { ...admin, userId: id };
    await administration.update(admin, id, { status: 'disabled' });
    await assert.rejects(administration.remove(other, 1), { code: 'forbidden' });
  });
});

it('nobody but administrators administers', async (t) => {
  const { administration, admin } = await createTested(t);
  for (const role of ['user', 'agent'] as const) {
    const caller = { ...admin, role };
    const page = { skip: 0, limit: 1 };
    await assert.rejects(administration.list(caller, {}, page), { code: 'forbidden' });
    await assert.rejects(administration.create(caller, agent), { code: 'forbidden' });
    await assert.rejects(administration.update(caller, 1, { fullName: 'x' }), { code: 'forbidden' });
    await assert.rejects(administration.remove(caller, 2), { code: 'forbidden' });
  }
});

it('accounts are listed page by page', async (t) => {
  const { administration, admin } = await createTested(t);
  await administration.create(admin, agent);
  const page = { skip: 1, limit: 1 };
  const { accounts, total } = await administration.list(admin, {}, page);
  assert.deepEqual([accounts.map(({ id }) => id), total], [[2], 2]);
});
