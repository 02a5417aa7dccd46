import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { newLogin, newUser } from './sample-rows.fixture.ts';
import type { UserChange } from './users.ts';
import type { StorageUnderTest } from './storage.suite.ts';

export function userChangesSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  /** A store with the administrators 1 and 2, the user 3, and a login of each. */
  async function createTested(t: TestContext) {
    const storage = await prepare(t).open();
    t.after(() => storage.close());
    const { users, logins, auditLog, idempotencyKeys } = storage;
    for (const [name, role] of [
      ['root', 'admin'],
      ['second', 'admin'],
      ['ada@example.com', 'user'],
    ] as const) {
      const email = name.includes('@') ? name : `${name}@example.com`;
      const userId = await users.create(newUser({ username: name, email, role, fullName: `The ${name}` }));
      const refreshHash = `refresh-${userId}`;
      await logins.create(newLogin({ userId, refreshHash }), newUser().passwordHash);
    }
    const change = (id: number, changes: Partial<UserChange>) => users.change({ id, at: 5000, ...changes });
    const revokedAt = async (id: number) => (await logins.findById(id))?.revokedAt;
    return { users, logins, auditLog, idempotencyKeys, change, revokedAt };
  }

  const claim = { owner: 'user:1', key: 'k', fingerprint: 'f', result: { userId: 3 }, expiresAt: 9e12 };
  const audit = {
    at: 5000,
    actorId: 1,
    ip: '::1',
    action: 'user.update',
    targetType: 'user',
    targetId: '3',
    details: null,
  };

  describe(`${kind}: a change of an account`, () => {
    it('changes what it names, and leaves the rest', async (t) => {
      const { users, change, revokedAt } = await createTested(t);
      assert.equal(await change(3, { fullName: 'Ada' }), true);
      const user = await users.findById(3);
      assert.deepEqual(
        [user?.fullName, user?.email, user?.role, user?.status, user?.updatedAt],
        ['Ada', 'ada@example.com', 'user', 'active', 5000],
      );
      assert.equal(await revokedAt(3), null);
      assert.equal(await change(99, { fullName: 'Nobody' }), false);
    });

    it('takes the user name along where that was the address', async (t) => {
      const { users, change } = await createTested(t);
      await change(3, { email: 'Ada@new.example' });
      await change(1, { email: 'root@new.example' });
      assert.equal((await users.findByLogin('ada@NEW.example'))?.username, 'Ada@new.example');
      assert.equal(await users.findByLogin('ada@example.com'), undefined);
      assert.equal((await users.findByLogin('root@new.example'))?.username, 'root');
    });

    it('does not take another’s address', async (t) => {
      const { change } = await createTested(t);
      await assert.rejects(change(3, { email: 'ROOT@example.com' }), { constraint: 'users.email_key' });
    });

    for (const [what, changes, ended] of [
      ['another role', { role: 'agent' }, true],
      ['the same role', { role: 'user' }, false],
      ['a new password', { passwordHash: 'another' }, true],
      ['disabling', { status: 'disabled' }, true],
      ['enabling', { status: 'active' }, false],
      ['another address', { email: 'ada@new.example' }, false],
    ] as const) {
      it(`${what} ${ended ? 'ends' : 'does not end'} the logins`, async (t) => {
        const { change, revokedAt } = await createTested(t);
        assert.equal(await change(3, changes), true);
        assert.equal(await revokedAt(3), ended ? 5000 : null);
        assert.equal(await revokedAt(1), null);
      });
    }

    it('leaves an active administrator, also where two demote each other at once', async (t) => {
      const { users, change, revokedAt } = await createTested(t);
      const done = await Promise.all([change(1, { role: 'agent' }), change(2, { status: 'disabled' })]);
      assert.deepEqual(done, [true, false]);
      assert.equal(await revokedAt(2), null, 'a refused change changes nothing');
      assert.equal(await users.remove(2, 5000), false);
      assert.equal(await change(2, { role: 'admin', fullName: 'Still' }), true);
    });

    it('is stored with its claim and its audit entry, or nothing is', async (t) => {
      const { users, auditLog, idempotencyKeys } = await createTested(t);
      assert.equal(await users.change({ id: 99, fullName: 'x', at: 5000 }, claim, audit), false);
      assert.equal(await idempotencyKeys.find('user:1', 'k', 0), undefined);
      assert.equal(await users.change({ id: 3, fullName: 'x', at: 5000 }, claim, audit), true);
      assert.deepEqual((await idempotencyKeys.find('user:1', 'k', 0))?.result, { userId: 3 });
      assert.equal((await auditLog.list({}, { skip: 0, limit: 9 })).total, 1);
    });
  });

  describe(`${kind}: an account that is removed`, () => {
    it('is found no more, has no login, and its names are free', async (t) => {
      const { users, logins, revokedAt } = await createTested(t);
      assert.equal(await users.remove(3, 5000, claim, audit), true);
      assert.equal(await users.remove(3, 5000), false);
      assert.equal(await users.findById(3), undefined);
      for (const login of ['ada@example.com', '@deleted:3', '']) {
        assert.equal(await users.findByLogin(login), undefined);
      }
      assert.deepEqual(
        (await users.list()).map(({ id }) => id),
        [1, 2],
      );
      assert.equal(await revokedAt(3), 5000);
      assert.deepEqual(await logins.revokedSince(5000), [3]);
      assert.equal(await users.create(newUser({ username: 'ada', email: 'ada@example.com' })), 4);
    });

    it('keeps the name under which customers knew it, if it answered any', async (t) => {
      const { users } = await createTested(t);
      await users.remove(2, 5000);
      await users.remove(3, 5000);
      assert.deepEqual(
        [...(await users.namesOf([2, 3, 1, 1, 99]))],
        [
          [1, 'The root'],
          [2, 'The second'],
          [3, ''],
        ],
      );
      assert.equal(await users.countAdmins(), 1);
    });

    it('keeps what was before the "@" where there was no other name: nobody is shown an agent’s address', async (t) => {
      const { users } = await createTested(t);
      const email = 'wang@example.com';
      const id = await users.create(newUser({ username: email, email, role: 'agent', fullName: '' }));
      assert.deepEqual([...(await users.namesOf([id]))], [[id, 'wang']]);
      await users.remove(id, 5000);
      assert.deepEqual([...(await users.namesOf([id]))], [[id, 'wang']]);
    });
  });

  describe(`${kind}: a page of accounts`, () => {
    for (const [filter, ids] of [
      [{}, [1, 2, 3]],
      [{ role: 'admin' }, [1, 2]],
      [{ status: 'disabled' }, []],
      [{ search: 'EXAMPLE.com' }, [1, 2, 3]],
      [{ search: 'the sec' }, [2]],
      [{ search: 'THE ROOT' }, [1]],
      [{ search: 'root', role: 'user' }, []],
      [{ search: '%' }, []],
      [{ search: '_' }, []],
      [{ search: '\\' }, []],
      [{ search: '' }, [1, 2, 3]],
    ] as const) {
      it(`of ${JSON.stringify(filter)} has ${ids.length}`, async (t) => {
        const { users } = await createTested(t);
        const { users: found, total } = await users.page(filter, { skip: 0, limit: 10 });
        assert.deepEqual(
          found.map(({ id }) => id),
          ids,
        );
        assert.equal(total, ids.length);
      });
    }

    it('begins where it should, and counts all', async (t) => {
      const { users } = await createTested(t);
      const { users: found, total } = await users.page({}, { skip: 1, limit: 1 });
      assert.deepEqual([found.map(({ id }) => id), total], [[2], 3]);
    });
  });
}
