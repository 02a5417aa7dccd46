import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { NewAuditEntry } from './audit-log.ts';
import { isTakenClaim } from './idempotency-keys.ts';
import { changeOf, find, hire, inCharge, newConversation, newPost, to } from './sample-handoff.fixture.ts';
import { newCall, newUser } from './sample-rows.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { TurnEnd } from './turns.ts';

/** What every kind of storage must do with who is in charge; `prepare` as in `storageSuite`. */
export function ownershipSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  async function openOne(test: TestContext): Promise<Storage> {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    await hire(storage, 4);
    return storage;
  }

  describe(`${kind}: who is in charge`, () => changeTests(openOne));
  describe(`${kind}: who is given what waits`, () => capacityTests(openOne));
  describe(`${kind}: those who are no agents any more`, () => strandedTests(openOne));
  describe(`${kind}: answers that a person takes over`, () => endTests(openOne));
  describe(`${kind}: those who wait`, () => waitTests(openOne));
  describe(`${kind}: labels`, () => labelTests(openOne));
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const audit: NewAuditEntry = {
  at: 3000,
  actorId: 0,
  ip: '192.0.2.1',
  action: 'conversation.assign',
  targetType: 'conversation',
  targetId: '1',
  details: null,
};

const noted = async ({ auditLog }: Storage) => (await auditLog.list({}, { skip: 0, limit: 10 })).total;

function changeTests(openOne: OpenOne): void {
  it('changes with an event that says how things are, the claim and the audit entry', async (test) => {
    const storage = await openOne(test);
    const agent = await storage.users.create(newUser({ role: 'agent' }));
    const begun = await inCharge(storage, [], { userId: 7, customer: { userId: 7 } });
    const change = changeOf(begun, { ...to(agent), reason: 'because "so"' });
    assert.equal(await storage.ownership.change(change, newClaim(), audit), true);
    const changed = await find(storage, begun.id);
    const { status, agentType, assigneeId, ownerFence, updatedAt, lastMessageAt } = changed;
    assert.deepEqual([status, agentType, assigneeId, ownerFence], ['open', 'human', agent, 2]);
    assert.deepEqual([updatedAt, lastMessageAt], [3000, 1000]);
    const [event] = await storage.feed.after({ userId: 7 }, 1, 10);
    assert.deepEqual(event, {
      cursor: 2,
      conversationId: begun.id,
      userId: 7,
      type: 'status',
      messageId: null,
      at: 3000,
      data: {
        status: 'open',
        agentType: 'human',
        assigneeId: agent,
        assigneeName: 'Ada Lovelace',
        formerAssigneeId: null,
        priority: 'medium',
        tags: [],
        cause: 'assigned',
        actorId: agent,
        reason: 'because "so"',
      },
    });
    assert.deepEqual(await storage.idempotencyKeys.find('user:7', 'key-1', 0), newClaim());
    assert.equal(await noted(storage), 1);
    await assert.rejects(storage.ownership.change(changeOf(changed), newClaim()), isTakenClaim);
  });

  it('changes once where two change it at once, and nothing is stored of the other', async (test) => {
    const storage = await openOne(test);
    const begun = await inCharge(storage, [{}]);
    const head = await storage.feed.head();
    const changes = [3, 4].map((agent) =>
      storage.ownership.change(changeOf(begun, to(agent)), newClaim({ key: `key-${agent}` }), audit),
    );
    assert.deepEqual(await Promise.all(changes), [true, false]);
    assert.equal((await find(storage, begun.id)).assigneeId, 3);
    assert.equal((await storage.feed.after('everyone', head, 10)).length, 1);
    assert.equal(await noted(storage), 1);
    assert.equal(await storage.idempotencyKeys.find('user:7', 'key-4', 0), undefined);
    const missing = { ...changeOf(begun), conversationId: 99 };
    assert.equal(await storage.ownership.change(missing), false);
  });
}

function capacityTests(openOne: OpenOne): void {
  it('is nobody who has no room, however many conversations are given at once', async (test) => {
    const storage = await openOne(test);
    const [agent, other] = [
      await storage.users.create(newUser({ role: 'agent' })),
      await storage.users.create(newUser({ role: 'agent', username: 'bob', email: 'bob@example.com' })),
    ];
    const waiting = [await inCharge(storage, [])];
    while (waiting.length < 6) waiting.push(await inCharge(storage, []));
    const give = (place: number, assigneeId: number, capacity?: number) =>
      storage.ownership.change(changeOf(waiting[place]!, { ...to(assigneeId), capacity }));
    const given = await Promise.all([0, 1, 2, 3].map((place) => give(place, agent, 2)));
    assert.deepEqual(given, [true, true, false, false]);
    assert.equal(await give(2, agent, 2), false);
    assert.equal(await give(2, other, 0), false);
    assert.equal(await give(2, other, 1), true, 'somebody else has room');
    assert.equal(await give(3, agent), true, 'where nobody asks');
    const { id, ownerFence } = await find(storage, waiting[0]!.id);
    const over = changeOf({ ...waiting[0]!, id, ownerFence }, { ...to(agent), status: 'resolved' });
    assert.equal(await storage.ownership.change(over), true);
    assert.equal(await give(4, agent, 2), false);
    assert.equal(await give(4, agent, 3), true, 'room again');
    assert.deepEqual(
      [...(await storage.ownership.openCountsOf([agent, other]))],
      [
        [agent, 3],
        [other, 1],
      ],
    );
  });
}

function strandedTests(openOne: OpenOne): void {
  it('are given nothing more, and are found with what they have open', async (test) => {
    const storage = await openOne(test);
    const { ownership, users } = storage;
    const over = await inCharge(storage, [to(3), { status: 'closed', assigneeId: 3 }]);
    for (const agent of [2, 3, 3]) await inCharge(storage, [to(agent)]);
    const waiting = await inCharge(storage, [{}]);
    assert.deepEqual(await ownership.strandedWith(), []);
    await users.change({ id: 3, status: 'disabled', at: 4000 });
    await users.change({ id: 4, role: 'user', at: 4000 });
    for (const agent of [3, 4, 99]) {
      assert.equal(await ownership.change(changeOf(waiting, to(agent))), false, `given to ${agent}`);
      assert.equal(await ownership.change(changeOf(over, to(agent))), false, `opened for ${agent}`);
    }
    assert.deepEqual(await ownership.strandedWith(), [3]);
    await users.remove(2, 5000);
    assert.deepEqual(await ownership.strandedWith(), [2, 3]);
    for (const { id } of await ownership.openOf(3, 5)) {
      assert.equal(await ownership.change(changeOf(await find(storage, id))), true);
    }
    assert.deepEqual(await ownership.strandedWith(), [2]);
    const closing = { status: 'resolved', assigneeId: 3 } as const;
    assert.equal(await ownership.change(changeOf(over, closing)), true, 'who had it is kept');
  });
}

function endTests(openOne: OpenOne): void {
  it('end before the change is told, and say nothing after it', async (test) => {
    const storage = await openOne(test);
    const { turns, feed, messages } = storage;
    const [said, silent] = [await newTurn(storage), await newTurn(storage)];
    await turns.begin(said);
    const { id } = said.conversation;
    const second = { ...silent, conversation: { kind: 'existing', id } as const };
    await turns.begin(second);
    await turns.append(said.id, 0, 'It is');
    const cancelled: Partial<TurnEnd> = { state: 'cancelled', model: null, finishReason: null };
    const ends = [
      endOf(said, { ...cancelled, content: 'It is', call: newCall() }),
      endOf(second, { ...cancelled, content: '', at: 3000, responseMs: 1700.4 }),
    ];
    const head = await feed.head();
    const change = changeOf(await find(storage, id), { ends });
    assert.equal(await storage.ownership.change(change), true);
    assert.deepEqual(
      (await feed.after({ conversationId: id }, head, 10)).map(({ type, messageId }) => [type, messageId]),
      [
        ['answered', said.id],
        ['answered', silent.id],
        ['status', null],
      ],
    );
    assert.deepEqual((await messages.find(said.id))?.content, 'It is');
    assert.equal((await messages.find(silent.questionId))?.state, 'sent', 'a person will answer it');
    assert.equal((await find(storage, id)).waitingSince, 1300, 'since the question');
    assert.equal((await storage.apiCalls.list({ limit: 5 })).length, 1);
    for (const turn of [said, second]) {
      assert.equal(await turns.append(turn.id, 5, ' late'), false);
      assert.equal(await turns.end(endOf(turn)), false);
      assert.equal(await turns.find(turn.id), undefined);
    }
  });

  it('are refused with the change where one had ended already', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    const change = changeOf(await find(storage, turn.conversation.id), { ends: [endOf(turn)] });
    const both = [storage.turns.end(endOf(turn)), storage.ownership.change(change)];
    assert.deepEqual(await Promise.all(both), [true, false]);
    const { status, ownerFence } = await find(storage, turn.conversation.id);
    assert.deepEqual([status, ownerFence], ['open', 1]);
  });

  it('of other processes can write no more', async (test) => {
    const storage = await openOne(test);
    const { turns, ownership } = storage;
    const [turn, elsewhere] = [await newTurn(storage, { state: 'queued' }), await newTurn(storage)];
    await Promise.all([turns.begin(turn), turns.begin(elsewhere)]);
    assert.equal(await ownership.change(changeOf(await find(storage, turn.conversation.id))), true);
    assert.equal(await turns.start(turn.id, 9000), false);
    assert.equal(await turns.append(turn.id, 0, 'late'), false);
    assert.equal(await turns.end(endOf(turn)), false);
    assert.equal((await turns.find(turn.id))?.fence, 2);
    assert.equal(await turns.end(endOf(turn, { fence: 2, state: 'cancelled', content: '' })), true);
    assert.equal(await turns.append(elsewhere.id, 0, 'fine'), true, 'other conversations go on');
  });
}

function waitTests(openOne: OpenOne): void {
  it('wait from entering the queue to an answer, the AI or the end', async (test) => {
    const storage = await openOne(test);
    const waits = async (...steps: Parameters<typeof inCharge>[1]) =>
      (await inCharge(storage, steps)).waitingSince;
    const ai = { status: 'open', agentType: 'ai' } as const;
    const resolved = { status: 'resolved', assigneeId: 3 } as const;
    assert.equal(await waits(), null);
    assert.equal(await waits({}), 3000);
    assert.equal(await waits({}, { at: 4000, cause: 'assigned' }), 3000, 'still the same wait');
    assert.equal(await waits({}, { ...to(3), at: 4000 }), 3000, 'taken, but not answered');
    assert.equal(await waits(to(3)), null);
    assert.equal(await waits(to(3), { at: 4000 }), 4000, 'put back');
    assert.equal(await waits({}, ai), null);
    assert.equal(await waits({}, to(3), resolved), null);
  });

  it('stand in line, the longest first', async (test) => {
    const storage = await openOne(test);
    const ids: number[] = [];
    for (const at of [5000, 4000, 6000]) ids.push((await inCharge(storage, [{ at }])).id);
    await inCharge(storage, []);
    await inCharge(storage, [{}, to(3)]);
    const line = await storage.ownership.waiting(10);
    assert.deepEqual(
      line.map(({ id }) => id),
      [ids[1], ids[0], ids[2]],
    );
    assert.deepEqual(line[0], await find(storage, ids[1] ?? 0));
    assert.equal((await storage.ownership.waiting(2)).length, 2);
  });

  it('are counted by the agent who has them open', async (test) => {
    const storage = await openOne(test);
    const { ownership } = storage;
    const [first, second] = [await inCharge(storage, [to(3)]), await inCharge(storage, [{}, to(3)])];
    await ownership.label({ conversationId: second.id, priority: 'urgent', actorId: 3, at: 5000 });
    await inCharge(storage, [to(4)]);
    await inCharge(storage, [to(3), { status: 'closed', assigneeId: 3 }]);
    assert.deepEqual(
      [...(await ownership.openCountsOf([3, 4, 5]))],
      [
        [3, 2],
        [4, 1],
        [5, 0],
      ],
    );
    const open = await ownership.openOf(3, 10);
    assert.deepEqual(
      open.map(({ id }) => id),
      [first.id, second.id],
    );
    assert.equal((await ownership.openOf(3, 1)).length, 1);
    await storage.conversations.remove({ id: first.id, userId: null, at: 6000 });
    assert.deepEqual([...(await ownership.openCountsOf([3]))], [[3, 1]]);
  });
}

function labelTests(openOne: OpenOne): void {
  it('stay with a conversation, each told by an event', async (test) => {
    const storage = await openOne(test);
    const { ownership } = storage;
    const begun = await newConversation(storage);
    await storage.conversations.begin(begun);
    const label = { conversationId: begun.id, actorId: 3, at: 5000 };
    const tags = ['a "b"', '你好'];
    assert.equal(await ownership.label({ ...label, priority: 'high', tags }, newClaim(), audit), true);
    assert.equal(await ownership.label({ ...label, tags: [] }), true);
    const { priority, tags: left, updatedAt, ownerFence } = await find(storage, begun.id);
    assert.deepEqual([priority, left, updatedAt, ownerFence], ['high', [], 5000, 1]);
    const events = await storage.feed.after({ conversationId: begun.id }, 1, 10);
    assert.deepEqual(
      events.map(({ type, data }) => [type, data?.['cause'], data?.['priority'], data?.['tags']]),
      [
        ['status', 'priority', 'high', tags],
        ['status', 'tags', 'high', tags],
        ['status', 'tags', 'high', []],
      ],
    );
    assert.equal(await noted(storage), 1);
    await assert.rejects(ownership.label({ ...label, priority: 'low' }, newClaim()), isTakenClaim);
    assert.equal(await ownership.label({ ...label, conversationId: 99, priority: 'low' }), false);
    await storage.ownership.change(changeOf(await find(storage, begun.id), to(3)));
    await storage.posts.post(await newPost(storage, await find(storage, begun.id)));
    assert.equal((await find(storage, begun.id)).priority, 'high');
  });
}
