import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { join } from 'node:path';
import { openStorage } from '../../storage/storage.ts';
import { temporaryFolder } from '../../storage/temporary-folder.fixture.ts';
import type { Users } from '../../storage/users.ts';
import { createIdempotency } from '../idempotency.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createPasswords } from './passwords.ts';
import { createRegistration } from './registration.ts';
import { createRegistry } from './registry.ts';

const ada = { username: 'Ada', email: 'ada@example.com', password: 'correct horse' };
const hourMs = 3_600_000;

async function createTested(t: TestContext) {
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  const runtime = createFakeRuntime();
  const { users } = storage;
  const passwords = createPasswords();
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  /** `before` is waited for before the look for an account of the same name. */
  const registerAfter = (before: Promise<unknown>) => {
    const hesitant: Users = {
      ...users,
      findByLogin: async (login) => {
        await before;
        return users.findByLogin(login);
      },
    };
    const registry = createRegistry({ users: hesitant, passwords, runtime });
    return createRegistration({ users, passwords, registry, idempotency });
  };
  const register = registerAfter(Promise.resolve());
  const sent = { ip: '192.0.2.7', idempotency: { key: 'once', fingerprint: 'of the body' } };
  const send = (changes: object = {}, key = sent.idempotency.key, ip = sent.ip) =>
    register({ ...ada, ...changes }, { ip, idempotency: { ...sent.idempotency, key } });
  return { storage, runtime, register, registerAfter, send, sent };
}

const otherRequest = { code: 'invalid_request', field: 'Idempotency-Key' };

describe('a registration sent again under its key', () => {
  it('gets the account that it made', async (t) => {
    const { storage, send } = await createTested(t);
    const made = await send();
    assert.deepEqual(await send(), made);
    assert.deepEqual(await send(), made);
    assert.equal((await storage.users.list()).length, 1);
  });

  it('makes one account where all come at once', async (t) => {
    const { storage, send } = await createTested(t);
    const made = await Promise.all(Array.from({ length: 6 }, () => send()));
    assert.deepEqual(
      made.map(({ id }) => id),
      [1, 1, 1, 1, 1, 1],
    );
    assert.equal((await storage.users.list()).length, 1);
  });

  it('gets it where the first one’s account is there before its key was looked up again', async (t) => {
    const { register, registerAfter, sent } = await createTested(t);
    const first = register(ada, sent);
    const second = registerAfter(first)(ada, sent);
    assert.deepEqual(await second, await first);
  });

  for (const [what, changes] of [
    ['name', { username: 'Ada2' }],
    ['address', { email: 'ada2@example.com' }],
    ['password', { password: 'battery staple' }],
  ] as const) {
    it(`is refused with another ${what}`, async (t) => {
      const { storage, send } = await createTested(t);
      await send();
      await assert.rejects(send(changes), otherRequest);
      assert.equal((await storage.users.list()).length, 1);
    });
  }

  it('is a registration of its own from another address, with another key, and after a day', async (t) => {
    const { runtime, send } = await createTested(t);
    await send();
    const taken = { code: 'already_taken', field: 'email' };
    await assert.rejects(send({}, 'once', '192.0.2.8'), taken);
    await assert.rejects(send({}, 'another'), taken);
    runtime.time += 24 * hourMs - 1;
    await send();
    runtime.time += 1;
    await assert.rejects(send(), taken);
  });

  it('takes its key only when it succeeds', async (t) => {
    const { send, register } = await createTested(t);
    await register({ ...ada, username: 'Bob' });
    await assert.rejects(send(), { code: 'already_taken', field: 'email' });
    assert.equal((await send({ email: 'new@example.com' })).email, 'new@example.com');
  });
});

it('nothing of a password is kept with the key', async (t) => {
  const { storage, send } = await createTested(t);
  await send();
  const claim = await storage.idempotencyKeys.find('ip:192.0.2.7', 'once', 0);
  assert.deepEqual(claim?.result, { userId: 1 });
  await assert.rejects(send({ password: 'battery staple' }), otherRequest);
  assert.notEqual(claim?.fingerprint, 'of the body');
});
