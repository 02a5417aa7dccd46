import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { openSqliteDatabase } from './sqlite-database.ts';
import { createFeed } from './feed.ts';
import { feedSuite } from './feed.suite.ts';
import { createSqliteQueries } from './dialect.ts';
import { openStorage } from './storage.ts';
import { inAFile, temporaryFolder } from './temporary-folder.fixture.ts';

feedSuite('sqlite', inAFile);

it('pages of everybody are a range of cursors', async (test) => {
  const path = join(temporaryFolder(test), 'parley.db');
  await (await openStorage({ path })).close();
  const database = await openSqliteDatabase({ path });
  test.after(() => database.close());
  const plans: string[] = [];
  const recording: typeof database = {
    ...database,
    async read(query) {
      const steps = await database.read({ ...query, sql: `EXPLAIN QUERY PLAN ${query.sql}` });
      plans.push(...steps.map((step) => String((step as { detail: string }).detail)));
      return database.read(query);
    },
  };
  await createFeed(recording, createSqliteQueries()).after('everyone', 0, 10);
  assert.ok(plans.includes('SEARCH feed USING INTEGER PRIMARY KEY (rowid>?)'), plans.join());
});
