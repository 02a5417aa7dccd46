import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRecordedLog } from '../core/log.fixture.ts';
import { createRuntime } from '../core/runtime.ts';
import { newCall } from '../storage/sample-rows.fixture.ts';
import { openStorage } from '../storage/storage.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';
import { openHousekeeping, type OpenHousekeepingParts } from './open-housekeeping.ts';

const done = () => Promise.resolve();

test('the regular tasks remove old rows as the configuration says, until they are stopped', async (t) => {
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  const opened = {
    cache: { flush: done },
    apiKeys: { flush: done },
    ledger: { tend: done },
    turns: { tend: done },
    handoff: { releaseStranded: done },
    tidyFeed: done,
    dispatcher: { tend: done },
    search: { tend: done },
    idempotency: { removeExpired: done },
  };
  const log = createRecordedLog();
  const openAgain = () =>
    openHousekeeping({
      opened: opened as unknown as OpenHousekeepingParts['opened'],
      config: { retention: { apiCallsDays: 30, auditDays: 30 }, timeZone: 'UTC' },
      storage,
      node: { nodes: { id: 'one' } as OpenHousekeepingParts['node']['nodes'] },
      runtime: createRuntime(),
      log,
    });
  const callLongAgo = () => storage.apiCalls.record(newCall({ day: '2020-01-01' }));
  const calls = async () => (await storage.apiCalls.list({ limit: 10 })).length;

  await callLongAgo();
  await storage.auditLog.add({
    at: 1,
    actorId: 0,
    ip: '',
    action: 'user.create',
    targetType: 'user',
    targetId: '1',
    details: null,
  });
  await openAgain().run();
  assert.equal(await calls(), 0);
  const { entries } = await storage.auditLog.list({}, { skip: 0, limit: 10 });
  assert.deepEqual(
    entries.map(({ action, details }) => [action, details?.['removed']]),
    [['audit_log.expire', 1]],
  );

  await callLongAgo();
  const stopped = openAgain();
  stopped.stop();
  await stopped.run();
  assert.equal(await calls(), 1);
  assert.deepEqual(
    log.lines.filter(({ level }) => level === 'error'),
    [],
  );
});
