import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { newCall } from '../storage/sample-rows.fixture.ts';
import { openStorage } from '../storage/storage.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';
import { auditEntry } from './audit.ts';
import { createRecordedLog } from './log.fixture.ts';
import { createRetention, type KeptDays, type RetentionParts } from './retention.ts';
import { createFakeRuntime } from './runtime.fixture.ts';
import { createDayOf } from './statistics/calendar.ts';

const dayMs = 86_400_000;
const noon = Date.UTC(2026, 8, 21, 12);

/** A store, and retentions of several nodes over it whose clock stands still. */
async function createTested(t: TestContext, zone = 'UTC') {
  const storage = await openStorage({ path: join(temporaryFolder(t), 'parley.db') });
  t.after(() => storage.close());
  const runtime = createFakeRuntime(noon);
  const log = createRecordedLog();
  const dayOf = createDayOf(zone);
  /** How many rows each unit removed. */
  const units: number[] = [];
  const counted =
    <Args extends unknown[]>(remove: (...args: Args) => Promise<number>) =>
    async (...args: Args) => {
      const removed = await remove(...args);
      units.push(removed);
      return removed;
    };
  const rows: RetentionParts['rows'] = {
    apiCalls: { removeBefore: counted(storage.apiCalls.removeBefore) },
    auditLog: { removeBefore: counted(storage.auditLog.removeBefore) },
    turns: { removeLostLog: counted(storage.turns.removeLostLog) },
    leases: storage.leases,
  };
  const retentionOf = (
    keep: Partial<KeptDays> = {},
    node = 'one',
    more: Partial<RetentionParts['rows']> = {},
  ) =>
    createRetention({
      rows: { ...rows, ...more },
      keep: { apiCallsDays: null, auditDays: null, ...keep },
      node,
      dayOf,
      runtime,
      log,
    });
  const callsOn = async (daysAgo: number, count = 1) => {
    const at = runtime.time - daysAgo * dayMs;
    const call = newCall({ at, day: dayOf(at), owner: 'user:1', userId: 1, apiKeyId: null });
    await Promise.all(Array.from({ length: count }, () => storage.apiCalls.record(call)));
  };
  const actOn = (daysAgo: number) =>
    storage.auditLog.add(
      auditEntry('command line', runtime.time - daysAgo * dayMs, 'user.create', { type: 'user', id: 7 }),
    );
  const daysOfCalls = async () => (await storage.apiCalls.list({ limit: 10_000 })).map(({ day }) => day);
  const entries = async () => {
    const { entries: listed } = await storage.auditLog.list({}, { skip: 0, limit: 100 });
    return listed.map(({ at, action, details }) => ({ daysAgo: (noon - at) / dayMs, action, details }));
  };
  return { storage, runtime, log, units, retentionOf, callsOn, actOn, daysOfCalls, entries };
}

describe('retention', () => {
  it('keeps everything for ever where nothing else is said', async (t) => {
    const { retentionOf, callsOn, actOn, daysOfCalls, entries, log } = await createTested(t);
    await callsOn(5_000);
    await actOn(5_000);
    await retentionOf().tend();
    assert.deepEqual([(await daysOfCalls()).length, (await entries()).length, log.lines], [1, 1, []]);
  });

  it('removes calls of days that are further back, whole days at a time, and keeps the sums', async (t) => {
    const { storage, retentionOf, callsOn, daysOfCalls } = await createTested(t, 'Asia/Shanghai');
    for (const daysAgo of [0, 6.9, 7, 7.9, 8, 30]) await callsOn(daysAgo);
    const sums = await storage.apiCalls.totals({}, ['day']);
    await retentionOf({ apiCallsDays: 7 }).tend();
    // Noon in UTC is the evening of the 21st there; seven days before, of the 14th.
    assert.deepEqual(await daysOfCalls(), ['2026-09-21', '2026-09-14', '2026-09-14']);
    assert.deepEqual(await storage.apiCalls.totals({}, ['day']), sums);
    const { calls, total } = await storage.apiCalls.page({ owner: 'user:1' }, { skip: 0, limit: 10 });
    assert.deepEqual([calls.length, total], [3, 3]);
  });

  it('removes audit entries, and says so in an entry that names their number and the time', async (t) => {
    const { retentionOf, actOn, entries } = await createTested(t);
    for (const daysAgo of [1, 89, 91, 92, 400]) await actOn(daysAgo);
    await retentionOf({ auditDays: 90 }).tend();
    assert.deepEqual(await entries(), [
      {
        daysAgo: 0,
        action: 'audit_log.expire',
        details: { before: '2026-06-23T12:00:00.000Z', removed: 3 },
      },
      { daysAgo: 1, action: 'user.create', details: null },
      { daysAgo: 89, action: 'user.create', details: null },
    ]);
  });

  it('writes one such entry a day at most, whichever nodes begin anew, and none where nothing went', async (t) => {
    const { retentionOf, actOn, entries, runtime } = await createTested(t);
    await retentionOf({ auditDays: 90 }).tend();
    assert.deepEqual(await entries(), []);
    await actOn(91);
    await retentionOf({ auditDays: 90 }).tend();
    runtime.time = noon + dayMs / 3;
    await actOn(91);
    await retentionOf({ auditDays: 90 }, 'two').tend();
    const [first, ...others] = await entries();
    assert.deepEqual(others, []);
    assert.deepEqual(first?.details, { before: '2026-06-23T20:00:00.000Z', removed: 2 });
    runtime.time = noon + (dayMs * 7) / 12;
    await actOn(91);
    await retentionOf({ auditDays: 90 }, 'two').tend();
    assert.deepEqual(
      (await entries()).map(({ details }) => details?.['removed']),
      [1, 2],
    );
  });

  it('works through much in small units, and leaves the store alone between them', async (t) => {
    const { retentionOf, callsOn, daysOfCalls, units, runtime, log } = await createTested(t);
    await callsOn(10, 950);
    await retentionOf({ apiCallsDays: 7 }).tend();
    assert.deepEqual(await daysOfCalls(), []);
    assert.deepEqual(units, [0, 200, 200, 200, 200, 150, 0]);
    assert.equal(runtime.slept.length, 5);
    assert.ok(runtime.slept.every((ms) => ms >= 50));
    assert.deepEqual(
      log.lines.map(({ level, facts }) => [level, facts]),
      [['info', { what: 'calls', rows: 950 }]],
    );
  });

  it('pauses four times as long as a unit took', async (t) => {
    const { retentionOf, callsOn, runtime, storage } = await createTested(t);
    await callsOn(10);
    const apiCalls: RetentionParts['rows']['apiCalls'] = {
      removeBefore(...args) {
        runtime.time += 100;
        return storage.apiCalls.removeBefore(...args);
      },
    };
    await retentionOf({ apiCallsDays: 7 }, 'one', { apiCalls }).tend();
    assert.deepEqual(runtime.slept, [400]);
  });
});

describe('retention that is called again and again', () => {
  it('runs once a day', async (t) => {
    const { retentionOf, callsOn, daysOfCalls, units, runtime } = await createTested(t);
    const retention = retentionOf({ apiCallsDays: 7 });
    await Promise.all([retention.tend(), retention.tend()]);
    await callsOn(10);
    await retention.tend();
    assert.deepEqual([(await daysOfCalls()).length, units], [1, [0, 0]]);
    runtime.time += dayMs;
    await retention.tend();
    assert.deepEqual(await daysOfCalls(), []);
  });

  it('goes on after a failure, which it does not hide', async (t) => {
    const { retentionOf, callsOn, daysOfCalls, storage } = await createTested(t);
    await callsOn(10, 450);
    let calls = 0;
    const apiCalls: RetentionParts['rows']['apiCalls'] = {
      removeBefore: (...args) =>
        ++calls === 2 ? Promise.reject(new Error('disk full')) : storage.apiCalls.removeBefore(...args),
    };
    const retention = retentionOf({ apiCallsDays: 7 }, 'one', { apiCalls });
    await assert.rejects(retention.tend(), /disk full/);
    assert.equal((await daysOfCalls()).length, 250);
    await retention.tend();
    assert.deepEqual(await daysOfCalls(), []);
  });

  it('removes nothing more once it is stopped', async (t) => {
    const { retentionOf, callsOn, daysOfCalls, storage } = await createTested(t);
    await callsOn(10, 450);
    const apiCalls: RetentionParts['rows']['apiCalls'] = {
      removeBefore(...args) {
        retention.stop();
        return storage.apiCalls.removeBefore(...args);
      },
    };
    const retention = retentionOf({ apiCallsDays: 7 }, 'one', { apiCalls });
    await retention.tend();
    assert.equal((await daysOfCalls()).length, 250);
    await retention.tend();
    assert.equal((await daysOfCalls()).length, 250);
    assert.equal(await storage.leases.hold('retention', 'two', noon, noon + 1), true, 'others may go on');
  });
});

describe('retention on several nodes', () => {
  it('leaves it to the one that has the lease', async (t) => {
    const { retentionOf, callsOn, daysOfCalls, storage, runtime } = await createTested(t);
    await callsOn(10);
    await storage.leases.hold('retention', 'two', runtime.time, runtime.time + 60_000);
    const retention = retentionOf({ apiCallsDays: 7 });
    await retention.tend();
    assert.equal((await daysOfCalls()).length, 1);
    runtime.time += 60_000;
    await retention.tend();
    assert.deepEqual(await daysOfCalls(), []);
  });

  it('prolongs the lease while there is work, and ends where another node has it', async (t) => {
    const { retentionOf, callsOn, daysOfCalls, storage, runtime } = await createTested(t);
    await callsOn(10, 1000);
    let units = 0;
    const apiCalls: RetentionParts['rows']['apiCalls'] = {
      async removeBefore(...args) {
        runtime.time += 20_000;
        const removed = await storage.apiCalls.removeBefore(...args);
        const taken = await storage.leases.hold('retention', 'two', runtime.time, runtime.time + 1);
        assert.equal(taken, false, 'it is held');
        // As where this process stood still for longer than its lease lasts.
        if (++units === 3) await storage.leases.hold('retention', 'two', runtime.time + 90_000, noon * 2);
        return removed;
      },
    };
    await retentionOf({ apiCallsDays: 7 }, 'one', { apiCalls }).tend();
    assert.equal(units, 3);
    assert.equal((await daysOfCalls()).length, 400);
  });
});
