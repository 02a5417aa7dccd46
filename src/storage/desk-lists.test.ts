import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import fc from 'fast-check';
import { createDeskLists } from './desk-lists.ts';
import { deskListsSuite, make, sample } from './desk-lists.suite.ts';
import type { Query } from './database.ts';
import { createSqliteQueries } from './dialect.ts';
import { hire } from './sample-handoff.fixture.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { openStorage } from './storage.ts';
import { inAFile, temporaryFolder } from './temporary-folder.fixture.ts';

deskListsSuite('sqlite', inAFile);

it('the list of conversations reads every kind from an index in its order, and sorts the page alone', async (test) => {
  const path = join(temporaryFolder(test), 'parley.db');
  const storage = await openStorage({ path });
  test.after(() => storage.close());
  await hire(storage, 12);
  for (const values of fc.sample(sample, { numRuns: 40, seed: 6 })) await make(storage, values);
  const database = await openSqliteDatabase({ path });
  test.after(() => database.close());
  const asked: Query<unknown>[] = [];
  const lists = createDeskLists(
    {
      ...database,
      read(query) {
        asked.push(query);
        return database.read(query);
      },
    },
    createSqliteQueries(),
  );
  for (const status of [undefined, 'open'] as const) {
    for (const assigneeId of [undefined, 11]) {
      for (const customerId of [undefined, 1]) {
        await lists.conversations({ status, assigneeId, customerId }, { skip: 0, limit: 20 });
      }
    }
  }
  await lists.totals('2026-01-01', '2026-12-31');
  assert.ok(asked.length > 12);
  for (const { sql, parameters } of asked) {
    const steps = await database.read<{ detail: string }>({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
    const plan = steps.map(({ detail }) => detail);
    // The counts have some rows for each agent, however many conversations there are.
    const scans = plan.filter((step) => /^SCAN (?!conversation_counts|page\b|"?page"?)/.test(step));
    assert.deepEqual(scans, [], sql);
    const sorts = plan.filter((step) => step.includes('TEMP B-TREE'));
    const isPage = sql.includes('"page"');
    assert.deepEqual(sorts, isPage ? ['USE TEMP B-TREE FOR ORDER BY'] : [], `${sql}\n${plan.join('\n')}`);
  }
});
