import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verify } from '@node-rs/argon2';
import { openTemporaryStorage } from '../completions/bench.fixture.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createRuntime } from '../runtime.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { createPasswords } from './passwords.ts';

async function createTested(t: Parameters<typeof openTemporaryStorage>[0]) {
  const { users } = await openTemporaryStorage(t);
  const runtime = { ...createFakeRuntime(), token: createRuntime().token };
  const ensure = (password: string | null, email = 'admin@example.com') =>
    ensureFirstAdmin({ users, passwords: createPasswords(), runtime }, { email, password });
  return { users, ensure, runtime };
}

describe('the first administrator', () => {
  it('is made with the chosen password, which is kept as an argon2id hash by OWASP’s parameters', async (t) => {
    const { users, ensure, runtime } = await createTested(t);
    assert.deepEqual(await ensure('correct horse'), { email: 'admin@example.com', generatedPassword: null });
    const user = await users.findByLogin('admin@example.com');
    assert.ok(user !== undefined);
    assert.deepEqual(
      [user.username, user.role, user.status, user.createdAt, user.updatedAt],
      ['admin@example.com', 'admin', 'active', runtime.time, runtime.time],
    );
    assert.match(user.passwordHash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    assert.equal(await verify(user.passwordHash, 'correct horse'), true);
    assert.equal(await verify(user.passwordHash, 'correct horsf'), false);
  });

  it('gets a password that nobody can guess, told once', async (t) => {
    const { users, ensure } = await createTested(t);
    const { generatedPassword } = await ensure(null);
    assert.match(generatedPassword ?? '', /^[\w-]{16}$/);
    const user = await users.firstAdmin();
    assert.equal(await verify(user?.passwordHash ?? '', generatedPassword ?? ''), true);
    assert.deepEqual(await ensure(null), { email: 'admin@example.com', generatedPassword: null });
  });

  it('is made once: later settings change nothing', async (t) => {
    const { users, ensure } = await createTested(t);
    await ensure('correct horse');
    const before = await users.firstAdmin();
    assert.deepEqual(await ensure('another', 'other@example.com'), {
      email: 'admin@example.com',
      generatedPassword: null,
    });
    assert.deepEqual([await users.firstAdmin(), await users.countAdmins()], [before, 1]);
  });

  it('is one also where two processes start at once; only one tells a password', async (t) => {
    const { users, ensure } = await createTested(t);
    const both = await Promise.all([ensure(null), ensure(null)]);
    assert.equal(both.filter(({ generatedPassword }) => generatedPassword !== null).length, 1);
    assert.equal(await users.countAdmins(), 1);
  });
});
