import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { NewAuditEntry } from './audit-log.ts';
import { newCall } from './sample-rows.fixture.ts';
import { newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

/** What every kind of storage must do where old rows go; `prepare` as in `storageSuite`. */
export function retentionSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  }

  describe(`${kind}: old calls`, () => callTests(openOne));
  describe(`${kind}: old entries of the audit log`, () => auditTests(openOne));
  describe(`${kind}: logs of turns that are lost`, () => logTests(openOne));
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const owner = 'user:1';
const days = ['2026-07-30', '2026-07-31', '2026-08-01', '2026-08-02', '2026-09-03'];

/** Three calls of the owner's on each day, and one of somebody else. */
async function callEveryDay({ apiCalls }: Storage): Promise<void> {
  for (const day of days) {
    for (const requestId of ['a', 'b', 'c']) {
      await apiCalls.record(newCall({ owner, userId: 1, apiKeyId: null, day, requestId }));
    }
    await apiCalls.record(newCall({ day }));
  }
}

function callTests(openOne: OpenOne): void {
  const page = { skip: 0, limit: 100 };

  it('go, the oldest first, so many at a time; every sum stays', async (test) => {
    const storage = await openOne(test);
    await callEveryDay(storage);
    const { apiCalls } = storage;
    const sums = await apiCalls.totals({}, ['day', 'owner']);
    const left = async () => (await apiCalls.list({ limit: 100 })).map(({ day }) => day);
    assert.equal(await apiCalls.removeBefore('2026-08-01', 5, 1), 5);
    assert.deepEqual(
      (await left()).filter((day) => day < '2026-08-01'),
      ['2026-07-31', '2026-07-31', '2026-07-31'],
    );
    assert.equal(await apiCalls.removeBefore('2026-08-01', 5, 1), 3);
    assert.equal(await apiCalls.removeBefore('2026-08-01', 5, 1), 0);
    assert.equal((await left()).length, 12);
    assert.deepEqual(await apiCalls.totals({}, ['day', 'owner']), sums);
  });

  it('are in no list from the first removal on, nor in its total; their tokens and money stay', async (test) => {
    const storage = await openOne(test);
    await callEveryDay(storage);
    const { apiCalls } = storage;
    const before = await apiCalls.page({ owner }, page);
    assert.equal(await apiCalls.removeBefore('2026-08-02', 1, 1), 1);
    const { calls, total, ...sums } = await apiCalls.page({ owner }, page);
    assert.deepEqual(
      [total, calls.map(({ day }) => day)],
      [6, [...fill('2026-09-03'), ...fill('2026-08-02')]],
    );
    const { calls: _calls, total: _total, ...sumsBefore } = before;
    assert.deepEqual(sums, sumsBefore);
    assert.deepEqual(calls, before.calls.slice(0, 6));
  });

  const filters: Record<string, [filter: object, total: number]> = {
    'that begins before': [{ fromDay: '2026-07-01' }, 6],
    'of a model': [{ model: 'gpt-4o-mini' }, 6],
    'that begins after': [{ fromDay: '2026-08-03' }, 3],
    'that begins with the first day': [{ fromDay: '2026-08-02' }, 6],
    'that ends within its month': [{ toDay: '2026-08-31' }, 3],
    'that ends before': [{ toDay: '2026-08-01' }, 0],
    'of days before': [{ fromDay: '2026-07-30', toDay: '2026-07-31', model: 'gpt-4o-mini' }, 0],
  };
  for (const [what, [filter, expected]] of Object.entries(filters)) {
    it(`leave a list ${what} with as many as it says, on all of its pages`, async (test) => {
      const storage = await openOne(test);
      await callEveryDay(storage);
      const { apiCalls } = storage;
      await apiCalls.removeBefore('2026-08-02', 4, 1);
      const found: number[] = [];
      for (let skip = 0; skip < 10; skip += 2) {
        const { calls, total } = await apiCalls.page({ owner, ...filter }, { skip, limit: 2 });
        assert.equal(total, expected);
        found.push(...calls.map(({ id }) => id));
      }
      assert.equal(new Set(found).size, expected);
      assert.equal(found.length, expected);
    });
  }

  it('do not come back into lists when a later removal is of fewer days', async (test) => {
    const storage = await openOne(test);
    await callEveryDay(storage);
    const { apiCalls } = storage;
    await apiCalls.removeBefore('2026-08-02', 100, 1);
    await apiCalls.removeBefore('2026-07-31', 100, 2);
    const { calls, total } = await apiCalls.page({ owner }, page);
    assert.deepEqual([calls.length, total], [6, 6]);
  });
}

const fill = (day: string) => [day, day, day];

function auditTests(openOne: OpenOne): void {
  const act: NewAuditEntry = {
    at: 0,
    actorId: 1,
    ip: '192.0.2.1',
    action: 'user.create',
    targetType: 'user',
    targetId: '7',
    details: null,
  };
  const note = (at: number, before: string): NewAuditEntry => ({
    ...act,
    at,
    actorId: 0,
    action: 'audit_log.expire',
    targetType: 'audit_log',
    targetId: null,
    details: { before },
  });
  const listed = async ({ auditLog }: Storage) => {
    const { entries } = await auditLog.list({}, { skip: 0, limit: 100 });
    return entries.map(({ at, action, actorName, details }) => [at, action, actorName, details]);
  };

  it('go, the oldest first, and an entry says how many and up to when', async (test) => {
    const storage = await openOne(test);
    const { auditLog } = storage;
    for (const at of [30, 10, 20, 40, 50]) await auditLog.add({ ...act, at });
    const removal = { before: 40, limit: 2, entry: note(100, 'then'), since: 90 };
    assert.equal(await auditLog.removeBefore(removal), 2);
    assert.deepEqual(await listed(storage), [
      [100, 'audit_log.expire', 'Parley', { before: 'then', removed: 2 }],
      [50, 'user.create', 'Parley', null],
      [40, 'user.create', 'Parley', null],
      [30, 'user.create', 'Parley', null],
    ]);
    assert.equal(await auditLog.removeBefore(removal), 1);
    assert.equal(await auditLog.removeBefore(removal), 0);
    assert.deepEqual((await listed(storage))[0], [
      100,
      'audit_log.expire',
      'Parley',
      { before: 'then', removed: 3 },
    ]);
  });

  it('have an entry of each time, which goes in its time too', async (test) => {
    const storage = await openOne(test);
    const { auditLog } = storage;
    for (const at of [10, 20]) await auditLog.add({ ...act, at });
    assert.equal(
      await auditLog.removeBefore({ before: 15, limit: 9, entry: note(100, 'one'), since: 90 }),
      1,
    );
    assert.equal(
      await auditLog.removeBefore({ before: 50, limit: 9, entry: note(200, 'two'), since: 190 }),
      1,
    );
    assert.equal(
      await auditLog.removeBefore({ before: 150, limit: 9, entry: note(300, 'three'), since: 290 }),
      1,
    );
    assert.deepEqual(await listed(storage), [
      [300, 'audit_log.expire', 'Parley', { before: 'three', removed: 1 }],
      [200, 'audit_log.expire', 'Parley', { before: 'two', removed: 1 }],
    ]);
  });

  it('are said to be gone only where they are: of two removals at once, one counts', async (test) => {
    const storage = await openOne(test);
    const { auditLog } = storage;
    for (let at = 0; at < 10; at++) await auditLog.add({ ...act, at });
    const removal = { before: 50, limit: 10, entry: note(100, 'then'), since: 90 };
    const both = await Promise.allSettled([auditLog.removeBefore(removal), auditLog.removeBefore(removal)]);
    const refused = both.filter(({ status }) => status === 'rejected');
    assert.equal(refused.length, 1);
    assert.deepEqual(await listed(storage), [
      [100, 'audit_log.expire', 'Parley', { before: 'then', removed: 10 }],
    ]);
  });
}

function logTests(openOne: OpenOne): void {
  it('are there for nobody, and removed; those of turns that run stay', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const turn = await newTurn(storage);
    await turns.begin(turn);
    for (const start of [0, 1, 2]) await turns.append(turn.id, start, 'x');
    assert.equal(await turns.removeLostLog(10), 0);
    assert.equal(await turns.textOf(turn.id), 'xxx');
  });
}
