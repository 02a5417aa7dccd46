import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type NewAuditEntry } from './audit-log.ts';
import { newUser } from './sample-rows.fixture.ts';
import type { StorageUnderTest } from './storage.suite.ts';

const act: NewAuditEntry = {
  at: 1000,
  actorId: 1,
  ip: '192.0.2.1',
  action: 'user.create',
  targetType: 'user',
  targetId: '7',
  details: { role: 'agent' },
};

export function auditLogSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function createTested(t: TestContext) {
    const storage = await prepare(t).open();
    t.after(() => storage.close());
    await storage.users.create(newUser({ username: 'ada', fullName: 'Ada Lovelace' }));
    const { auditLog } = storage;
    const idsOf = async (filter: Parameters<typeof auditLog.list>[0]) =>
      (await auditLog.list(filter, { skip: 0, limit: 10 })).entries.map(({ id }) => id);
    return { storage, auditLog, idsOf };
  }

  describe(`${kind}: the audit log`, () => {
    it('keeps what was done by whom, with the name as it was then', async (t) => {
      const { auditLog } = await createTested(t);
      await auditLog.add(act);
      const { entries, total, more } = await auditLog.list({}, { skip: 0, limit: 10 });
      assert.deepEqual(entries, [{ ...act, id: 1, actorName: 'Ada Lovelace' }]);
      assert.deepEqual([total, more], [1, false]);
    });

    it('names actors without an account', async (t) => {
      const { auditLog } = await createTested(t);
      await auditLog.add({ ...act, actorId: 0 });
      await auditLog.add({ ...act, actorId: 0, actorName: 'command line', targetId: null, details: null });
      const { entries } = await auditLog.list({}, { skip: 0, limit: 10 });
      assert.deepEqual(
        entries.map(({ actorName }) => actorName),
        ['command line', 'Parley'],
      );
    });

    it('is listed newest first, by page and by every filter', async (t) => {
      const { auditLog, idsOf } = await createTested(t);
      await auditLog.add(act);
      await auditLog.add({ ...act, at: 2000, action: 'user.delete' });
      await auditLog.add({ ...act, at: 3000, actorId: 2, targetType: 'api_key', action: 'api_key.revoke' });
      await auditLog.add({ ...act, at: 3000, targetId: '8' });
      assert.deepEqual(await idsOf({}), [4, 3, 2, 1]);
      assert.deepEqual(await idsOf({ actorId: 1 }), [4, 2, 1]);
      assert.deepEqual(await idsOf({ action: 'user.create' }), [4, 1]);
      assert.deepEqual(await idsOf({ actorId: 1, action: 'user.delete' }), [2]);
      assert.deepEqual(await idsOf({ targetType: 'user' }), [4, 2, 1]);
      assert.deepEqual(await idsOf({ targetType: 'user', targetId: '7' }), [2, 1]);
      assert.deepEqual(await idsOf({ from: 2000, to: 2999 }), [2]);
      const page = await auditLog.list({}, { skip: 1, limit: 2 });
      assert.deepEqual([page.entries.map(({ id }) => id), page.total, page.more], [[3, 2], 4, true]);
    });
  });
}
