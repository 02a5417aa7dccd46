import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inCharge } from './sample-handoff.fixture.ts';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { createFeed } from './feed.ts';
import type { FeedEvent } from './feed.ts';
import { createSqliteQueries } from './dialect.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

describe('pages of the feed', () => {
  it('say how far they looked, and follow one another without a gap, in every scope', async (test) => {
    const path = join(temporaryFolder(test), 'parley.db');
    const storage = await openStorage({ path });
    test.after(() => storage.close());
    for (let round = 0; round < 5; round++) {
      await inCharge(storage, [{}]);
      const turn = await newTurn(storage, { userId: 7 + (round % 2) });
      await storage.turns.begin(turn);
      await storage.turns.end(endOf(turn));
    }
    const { feed } = storage;
    const head = await feed.head();
    const everything = await feed.after('everyone', 0, 1000);
    assert.deepEqual(
      everything.map(({ cursor }) => cursor),
      Array.from({ length: head }, (_, index) => index + 1),
    );
    for (const scope of ['everyone', { userId: 7 }, { conversationId: 3 }] as const) {
      const isIn = ({ userId, conversationId }: FeedEvent) =>
        scope === 'everyone' || ('userId' in scope ? userId === 7 : conversationId === 3);
      const told: FeedEvent[] = [];
      let cursor = 0;
      for (let page; (page = await feed.pageAfter(scope, cursor, 3)).events.length > 0; cursor = page.upTo) {
        told.push(...page.events);
        assert.ok(page.upTo === head || page.upTo === page.events.at(-1)?.cursor);
      }
      assert.deepEqual(told, everything.filter(isIn));
      assert.deepEqual(await feed.pageAfter(scope, 0, 1000), { events: told, upTo: head });
      assert.deepEqual(await feed.pageAfter(scope, head, 3), { events: [], upTo: head });
    }
  });

  it('of everybody are a range of cursors', async (test) => {
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
});
