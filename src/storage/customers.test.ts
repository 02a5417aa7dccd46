import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { customersSuite } from './customers.suite.ts';
import { createCustomers } from './customers.ts';
import { createSqliteQueries } from './dialect.ts';
import { openRecording } from './recording.fixture.ts';
import { newConversation } from './sample-handoff.fixture.ts';
import { endsOf } from './search-terms.ts';
import { sqliteStore } from './sqlite-store.fixture.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

customersSuite('sqlite', sqliteStore);

describe('customers in SQLite', () => {
  it('are read from indexes', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openStorage({ path });
    await storage.conversations.begin(await newConversation(storage, { customer: { guestId: 'a' } }));
    await storage.close();
    const { database, recording, queries: asked } = await openRecording(test, path);
    const customers = createCustomers(recording, createSqliteQueries());
    await customers.list(undefined, { skip: 0, limit: 20 });
    await customers.list('a b', { skip: 0, limit: 20 });
    await customers.findMany([1, 2]);
    assert.ok(asked.length > 5);
    for (const { sql, parameters } of asked) {
      const steps = await database.read<{ detail: string }>({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
      const poor = steps.filter(({ detail }) =>
        /^SCAN (?!customers USING INDEX customers_seen|customer_count$|customer_changes$|ends$|.* VIRTUAL TABLE)/.test(
          detail,
        ),
      );
      assert.deepEqual(poor, [], sql);
      const sorted = steps.some(({ detail }) => detail.includes('TEMP B-TREE'));
      assert.equal(sorted, /json_each.*order by/.test(sql), sql);
    }
  });
});

describe('the ends of words', () => {
  it('begin with everything that occurs in the words, and are no more than that', () => {
    assert.deepEqual(endsOf(['ab C', null, 'c']), ['ab', 'b', 'c']);
    assert.deepEqual(endsOf([null, ' ']), []);
    assert.deepEqual(endsOf(['王😀']), ['王😀', '😀']);
    assert.equal(endsOf(['x'.repeat(300)]).length, 64);
  });
});
