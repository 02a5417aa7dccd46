import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { createCustomers } from './customers.ts';
import type { Database, Query } from './database.ts';
import { createDeskLists } from './desk-lists.ts';
import { createPostgresQueries } from './dialect.ts';
import { readPostgresIds } from './ids.ts';
import { createMessageSearch } from './message-search.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { emptySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { make } from './desk-lists.suite.ts';
import { createStorage } from './storage.ts';

/** A store whose queries are explained; the tables are so small that PostgreSQL has to be told not to read them whole, or to sort. */
async function createTested(test: TestContext) {
  const url = await emptySchema(test);
  const database = await openPostgresDatabase({ url });
  test.after(() => database.close());
  const asked: Query<unknown>[] = [];
  const recording: Database = {
    ...database,
    read(query) {
      asked.push(query);
      return database.read(query);
    },
  };
  const plansWithout = async (...costly: ('seqscan' | 'sort')[]) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    test.after(() => client.end());
    for (const step of costly) await client.query(`SET enable_${step} = off`);
    const plans: { sql: string; plan: string }[] = [];
    for (const { sql, parameters } of asked) {
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(`EXPLAIN ${sql}`, [...parameters]);
      plans.push({ sql, plan: rows.map((row) => row['QUERY PLAN']).join('\n') });
    }
    return plans;
  };
  return { database, recording, plansWithout };
}

describe('plans on PostgreSQL', { skip: withoutPostgres }, () => {
  it('read customers and what is found from indexes', async (test) => {
    const { recording, plansWithout } = await createTested(test);
    const customers = createCustomers(recording, createPostgresQueries());
    const messages = createMessageSearch(recording, createPostgresQueries());
    await customers.list(undefined, { skip: 0, limit: 20 });
    await customers.list('a b', { skip: 0, limit: 20 });
    await customers.findMany([1, 2]);
    await messages.follow();
    await messages.find('a "b c"', { skip: 0, limit: 20 });
    const plans = await plansWithout('seqscan');
    assert.ok(plans.length > 10);
    const oneRow = ['customer_count', 'message_search_progress', 'feed_forgotten'];
    for (const { sql, plan } of plans) {
      const whole = Array.from(plan.matchAll(/Seq Scan on (\w+)/g), ([, table = '']) => table);
      assert.deepEqual(
        whole.filter((table) => !oneRow.includes(table)),
        [],
        plan,
      );
      if (sql.includes('customer_search')) assert.match(plan, /customer_search_ends/);
    }
  });

  it('merge the kinds of conversations in their order, and sort the page alone', async (test) => {
    const { database, recording, plansWithout } = await createTested(test);
    const queries = createPostgresQueries();
    const storage = createStorage(database, queries, readPostgresIds(database));
    const conversation = { customer: 1, agentType: 'ai', priority: 'low', assigneeId: null, at: 1 } as const;
    for (const status of ['open', 'pending'] as const) await make(storage, { ...conversation, status });
    const lists = createDeskLists(recording, queries);
    for (const filter of [{}, { customerId: 1 }]) await lists.conversations(filter, { skip: 0, limit: 20 });
    const pages = (await plansWithout('seqscan', 'sort')).filter(({ sql }) => sql.includes('as "page"'));
    assert.equal(pages.length, 2);
    for (const { plan } of pages) {
      assert.match(plan, /Merge Append/);
      assert.equal(plan.match(/\bSort {2}\(/g)?.length, 1, plan);
    }
  });
});
