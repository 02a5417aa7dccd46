import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { type NewAuditEntry } from './audit-log.ts';
import { newKey, newUser } from './sample-rows.fixture.ts';
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

    it('names what was made in the same unit', async (t) => {
      const { storage, auditLog } = await createTested(t);
      // So that no two ids are the same.
      for (let made = 0; made < 9; made++) await auditLog.add(act);
      const user = newUser({ username: 'otto', email: 'otto@example.com' });
      const claim = { owner: 'user:1', key: 'k', fingerprint: 'f', expiresAt: 9e12 };
      assert.equal(await storage.users.create(user, claim, { ...act, targetId: null }), 2);
      assert.equal(await storage.apiKeys.create(newKey(), undefined, { ...act, targetId: null }), 1);
      const webhook = {
        url: 'https://shop.example/',
        description: '',
        events: [],
        enabled: true,
        secret: 'whsec_AAAA',
        cursor: 0,
        createdBy: 1,
        createdAt: 1000,
      };
      const webhookClaim = { ...claim, key: 'another' };
      assert.equal(await storage.webhooks.create(webhook, webhookClaim, { ...act, targetId: null }), 1);
      const { entries } = await auditLog.list({}, { skip: 0, limit: 3 });
      assert.deepEqual(
        entries.map(({ targetId }) => targetId),
        ['1', '1', '2'],
      );
      const claimed = await storage.idempotencyKeys.find('user:1', 'another', 0);
      assert.deepEqual(claimed?.result, { webhookId: 1 });
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
