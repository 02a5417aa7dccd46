import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { inCharge } from './sample-handoff.fixture.ts';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import type { FeedEvent } from './feed.ts';
import type { StorageUnderTest } from './storage.suite.ts';

export function feedSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  describe(`${kind}: pages of the feed`, () => {
    it('say how far they looked, and follow one another without a gap, in every scope', async (test) => {
      const storage = await prepare(test).open();
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
        everything.map(({ cursor }) => cursor).toSorted((one, other) => one - other),
      );
      for (const scope of ['everyone', { userId: 7 }, { conversationId: 3 }] as const) {
        const isIn = ({ userId, conversationId }: FeedEvent) =>
          scope === 'everyone' || ('userId' in scope ? userId === 7 : conversationId === 3);
        const told: FeedEvent[] = [];
        let cursor = 0;
        for (
          let page;
          (page = await feed.pageAfter(scope, cursor, 3)).events.length > 0;
          cursor = page.upTo
        ) {
          told.push(...page.events);
          assert.ok(page.upTo === head || page.upTo === page.events.at(-1)?.cursor);
        }
        assert.deepEqual(told, everything.filter(isIn));
        assert.deepEqual(await feed.pageAfter(scope, 0, 1000), { events: told, upTo: head });
        assert.deepEqual(await feed.pageAfter(scope, head, 3), { events: [], upTo: head });
      }
    });
  });
}
