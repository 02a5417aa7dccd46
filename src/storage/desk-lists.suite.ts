import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { AgentType, ConversationStatus, ListedConversation, Priority } from './conversations.ts';
import type { ConversationFilter } from './desk-lists.ts';
import { find, hire, inCharge, to } from './sample-handoff.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';

interface Sample {
  customer: number;
  status: ConversationStatus;
  agentType: AgentType;
  priority: Priority;
  assigneeId: number | null;
  at: number;
}

/** Any conversation. */
export const sample: fc.Arbitrary<Sample> = fc.record({
  customer: fc.integer({ min: 1, max: 3 }),
  status: fc.constantFrom('open', 'pending', 'resolved', 'closed'),
  agentType: fc.constantFrom('ai', 'human'),
  priority: fc.constantFrom('low', 'medium', 'high', 'urgent'),
  assigneeId: fc.constantFrom(null, 11, 12),
  at: fc.integer({ min: 1, max: 4 }),
});

/** The conversation that a sample describes, as units leave it. */
export async function make(
  storage: Storage,
  { customer, priority, at, ...owner }: Sample,
): Promise<ListedConversation> {
  const { id } = await inCharge(storage, [owner], { customer: { guestId: `g-${customer}` }, at });
  assert.equal(
    await storage.ownership.label({ conversationId: id, priority, tags: [`t-${customer}`], actorId: 1, at }),
    true,
  );
  const { systemPrompt: _prompt, metadata: _metadata, ...listed } = await find(storage, id);
  return listed;
}

function passes(filter: ConversationFilter, conversation: ListedConversation): boolean {
  return Object.entries(filter).every(
    ([name, value]) => value === undefined || conversation[name as keyof ConversationFilter] === value,
  );
}

const newestFirst = (a: ListedConversation, b: ListedConversation) =>
  b.lastMessageAt - a.lastMessageAt || b.id - a.id;

const all = { skip: 0, limit: 1000 };

export function deskListsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext) {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    await hire(storage, 12);
    return storage;
  }

  describe(`${kind}: the list of conversations`, () => {
    it('is what a plain filter over all of them finds, whatever the filter and the page', async (test) => {
      const storage = await openOne(test);
      const made: ListedConversation[] = [];
      for (const values of fc.sample(sample, { numRuns: 60, seed: 5 }))
        made.push(await make(storage, values));
      const filter: fc.Arbitrary<ConversationFilter> = fc.record(
        {
          status: fc.constantFrom<ConversationStatus>('open', 'pending', 'resolved', 'closed'),
          agentType: fc.constantFrom<AgentType>('ai', 'human'),
          priority: fc.constantFrom<Priority>('low', 'medium', 'high', 'urgent'),
          assigneeId: fc.constantFrom(11, 12, 13),
          customerId: fc.integer({ min: 1, max: 4 }),
        },
        { requiredKeys: [] },
      );
      const page = fc.record({
        skip: fc.integer({ min: 0, max: 20 }),
        limit: fc.integer({ min: 1, max: 10 }),
      });
      await fc.assert(
        fc.asyncProperty(filter, fc.oneof(page, fc.constant(all)), async (wanted, { skip, limit }) => {
          const naive = made.filter((conversation) => passes(wanted, conversation)).toSorted(newestFirst);
          const { conversations, total } = await storage.deskLists.conversations(wanted, { skip, limit });
          assert.deepEqual(conversations, naive.slice(skip, skip + limit));
          assert.equal(total, naive.length);
        }),
        { numRuns: 300 },
      );
    });

    it('follows messages, changes of who is in charge, and removals', async (test) => {
      const storage = await openOne(test);
      const { deskLists } = storage;
      const first = await inCharge(storage, []);
      const second = await inCharge(storage, [{}, to(11)], { at: 2000 });
      const idsOf = async (filter: ConversationFilter) =>
        (await deskLists.conversations(filter, all)).conversations.map(({ id }) => id);
      assert.deepEqual(await idsOf({}), [second.id, first.id]);
      assert.deepEqual(await idsOf({ assigneeId: 11, status: 'open' }), [second.id]);
      assert.deepEqual(await idsOf({ agentType: 'ai' }), [first.id]);
      await storage.conversations.remove({ id: second.id, userId: null, at: 3000 });
      assert.deepEqual(await deskLists.conversations({ assigneeId: 11 }, all), {
        conversations: [],
        total: 0,
      });
      assert.equal((await deskLists.conversations({ customerId: 1 }, all)).total, 1);
      assert.deepEqual(await idsOf({ status: undefined }), [first.id]);
    });
  });

  describe(`${kind}: the sums of the desk`, () => {
    it('are those of the days asked for, both included', async (test) => {
      const storage = await openOne(test);
      for (const [day, steps] of [
        ['2026-09-20', []],
        ['2026-09-21', [{}, to(11)]],
        ['2026-09-22', [{ status: 'resolved', agentType: 'ai' }]],
        ['2026-09-23', []],
      ] as const) {
        await inCharge(
          storage,
          steps.map((step) => ({ ...step, day })),
          { day },
        );
      }
      const totals = await storage.deskLists.totals('2026-09-21', '2026-09-22');
      assert.deepEqual([totals.begun, totals.human, totals.over], [2, 1, 1]);
      assert.deepEqual(
        Object.values(await storage.deskLists.totals('2027-01-01', '2027-01-02')),
        [0, 0, 0, 0, 0, 0, 0],
      );
    });
  });
}
