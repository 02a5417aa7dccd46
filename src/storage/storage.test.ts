import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createApiCalls } from './api-calls.ts';
import { createCacheEntries } from './cache-entries.ts';
import type { Database, Query } from './database.ts';
import { createSqliteQueries } from './dialect.ts';
import { newCall } from './sample-rows.fixture.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { openStorage } from './storage.ts';
import { storageSuite } from './storage.suite.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

storageSuite('sqlite', (test) => {
  const path = join(temporaryFolder(test), 'parley.db');
  return { open: () => openStorage({ path }) };
});

describe('the SQLite file', () => {
  it('and its folder are made for the owner only, the logs too', async (test) => {
    const folder = join(temporaryFolder(test), 'data', 'inner');
    const path = join(folder, 'parley.db');
    const storage = await openStorage({ path });
    const modes = [folder, path, `${path}-wal`, `${path}-shm`].map((name) => statSync(name).mode & 0o777);
    await storage.close();
    assert.deepEqual(modes, [0o700, 0o600, 0o600, 0o600]);
    assert.equal(existsSync(`${path}-wal`), false, 'the log is merged and removed by an orderly close');
  });

  it('is refused where it is no database', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    writeFileSync(path, 'something else entirely, longer than a header would be'.repeat(20));
    await assert.rejects(openStorage({ path }), { name: 'StorageError', code: 'unavailable' });
  });

  it('is refused where its folder cannot be made', async (test) => {
    const file = join(temporaryFolder(test), 'file');
    writeFileSync(file, '');
    await assert.rejects(openStorage({ path: join(file, 'data', 'parley.db') }), { code: 'unavailable' });
  });
});

describe('query plans', () => {
  it('walk an index in order, for every list and page', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openStorage({ path });
    await storage.apiCalls.record(newCall());
    await storage.close();
    const database = await openSqliteDatabase({ path });
    test.after(() => database.close());
    const queries: Query<unknown>[] = [];
    const recording: Database = {
      ...database,
      read(query) {
        queries.push(query);
        return database.read(query);
      },
    };
    const apiCalls = createApiCalls(recording, createSqliteQueries());
    const days = { fromDay: '2026-01-01', toDay: '2026-12-31' };
    for (const filter of [{}, { owner: 'a' }, { apiKeyId: 1 }, { model: 'm' }]) {
      await apiCalls.list({ ...filter, limit: 10 });
      await apiCalls.list({ ...filter, ...days, limit: 10 });
      await apiCalls.list({ ...filter, ...days, beforeId: 1, limit: 10 });
    }
    await createCacheEntries(recording, createSqliteQueries()).loadPage({ lastUsedAt: 1, id: 1 }, 10);
    assert.equal(queries.length, 4 * 5 + 2);
    for (const query of queries) await assertIndexed(database, query);
  });
});

async function assertIndexed(database: Database, { sql, parameters }: Query<unknown>): Promise<void> {
  const steps = await database.read<{ detail: string }>({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
  const plan = steps.map(({ detail }) => detail).join('\n');
  assert.match(plan, /USING (COVERING )?INDEX|INTEGER PRIMARY KEY/, sql);
  assert.doesNotMatch(plan, /TEMP B-TREE/, sql);
  if (sql.includes('"id" <') || sql.includes('"id" >')) {
    assert.match(plan, /rowid[<>]\?/, `starts at the id instead of passing over others: ${sql}`);
  }
}
