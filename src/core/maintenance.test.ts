import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Settings } from '../storage/settings.ts';
import { openStorage } from '../storage/storage.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';
import type { Caller, Role } from './identity/caller.ts';
import { createIdempotency } from './idempotency.ts';
import { createMaintenance } from './maintenance.ts';
import { createFakeRuntime } from './runtime.fixture.ts';

const person = (role: Role): Caller => ({
  kind: 'user',
  ip: '192.0.2.7',
  userId: 1,
  loginId: 1,
  contract: 'assistant',
  role,
});
const stranger: Caller = { kind: 'anonymous', ip: '192.0.2.8' };
const key: Caller = {
  kind: 'key',
  ip: '192.0.2.9',
  keyId: 1,
  scopes: new Set(['admin']),
  requestsPerMinute: null,
};
const off = { enabled: false, message: null, since: null };

async function createTested(t: TestContext) {
  const { settings, auditLog, idempotencyKeys, close } = await openStorage({
    path: join(temporaryFolder(t), 'parley.db'),
  });
  t.after(close);
  const runtime = createFakeRuntime();
  const idempotency = createIdempotency({ keys: idempotencyKeys, runtime });
  const another = (over: Settings = settings) => createMaintenance({ settings: over, idempotency, runtime });
  return { settings, auditLog, runtime, another, maintenance: another() };
}

describe('maintenance', () => {
  it('leaves an entry in the audit log with every switch', async (t) => {
    const { maintenance, auditLog } = await createTested(t);
    await maintenance.set(true, 'Back soon.', 'command line');
    const { entries } = await auditLog.list({}, { skip: 0, limit: 10 });
    assert.deepEqual(
      entries.map(({ action, targetId, details, actorName }) => [action, targetId, details, actorName]),
      [['maintenance.set', 'maintenance', { enabled: true, message: 'Back soon.' }, 'command line']],
    );
  });

  it('refuses everybody but administrators, with the administrator’s words', async (t) => {
    const { maintenance } = await createTested(t);
    await maintenance.set(true, ' Back at 18:00. ');
    for (const caller of [stranger, key, person('user'), person('agent')]) {
      assert.throws(() => maintenance.check(caller), {
        code: 'maintenance',
        message: 'Back at 18:00.',
        verbatim: true,
        retryAfterMs: 60_000,
      });
    }
    maintenance.check(person('admin'));
    await maintenance.set(false, 'ignored');
    maintenance.check(stranger);
    assert.deepEqual(maintenance.get(), off);
  });

  it('has words of its own', async (t) => {
    const { maintenance } = await createTested(t);
    await maintenance.set(true);
    assert.throws(() => maintenance.check(stranger), { message: /under maintenance/u });
    await assert.rejects(maintenance.set(true, 'a'.repeat(501)), {
      code: 'invalid_request',
      field: 'message',
    });
  });

  it('began when it was switched on, whatever its message becomes', async (t) => {
    const { runtime, maintenance } = await createTested(t);
    const since = runtime.time;
    await maintenance.set(true);
    runtime.time += 1000;
    assert.deepEqual(await maintenance.set(true, 'Soon.'), { enabled: true, message: 'Soon.', since });
  });

  it('is off until it was read, outlives the process and reaches others', async (t) => {
    const { another, maintenance } = await createTested(t);
    const other = another();
    await other.refresh();
    assert.deepEqual(other.get(), off);
    await maintenance.set(true, 'Soon.');
    await other.refresh();
    assert.deepEqual(other.get(), maintenance.get());
    assert.throws(() => other.check(stranger), { code: 'maintenance' });
  });

  it('is not switched back by a read that began before', async (t) => {
    const { settings, another } = await createTested(t);
    const read = Promise.withResolvers<void>();
    const slow = another({
      ...settings,
      async get<Value>(name: string) {
        const value = await settings.get<Value>(name);
        await read.promise;
        return value;
      },
    });
    const refreshing = slow.refresh();
    await slow.set(true);
    read.resolve();
    await refreshing;
    assert.equal(slow.get().enabled, true);
  });
});
