import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import { isRefusedUnit } from './storage-error.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { NewTurn } from './turns.ts';

/** What several nodes need to know of each other's turns, on any database. */
export function turnNodesSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  const openOne: OpenOne = async (test) => {
    const storage = await prepare(test).open();
    test.after(() => storage.close());
    return storage;
  };
  describe(`${kind}: turns of several nodes`, () => {
    orderTests(openOne);
    seizureTests(openOne);
    readTests(openOne);
    guardTests(openOne);
  });
}

type OpenOne = (test: TestContext) => Promise<Storage>;

const place = ({ conversation: { id } }: NewTurn) => ({ conversation: { kind: 'existing', id } as const });

function orderTests(openOne: OpenOne): void {
  it('one with an earlier turn in its conversation is queued, and starts when that has ended', async (test) => {
    const storage = await openOne(test);
    const { turns, messages } = storage;
    const first = await newTurn(storage);
    // Its ids are lower than those of one that is stored before it.
    const late = await newTurn(storage, { ...place(first), node: 'node-2' });
    const early = await newTurn(storage, { ...place(first), node: 'node-3' });
    assert.equal(await turns.begin(first), 'running');
    assert.equal(await turns.begin(early), 'queued');
    assert.equal(await turns.begin(late), 'queued');
    assert.deepEqual(
      (await turns.activeIn(first.conversation.id)).map(({ id, node, state }) => [id, node, state]),
      [
        [first.id, 'node-1', 'running'],
        [early.id, 'node-3', 'queued'],
        [late.id, 'node-2', 'queued'],
      ],
    );
    assert.equal((await messages.find(late.id))?.state, 'queued');
    assert.equal(await turns.start(early.id, 8000), false);
    await turns.end(endOf(first));
    assert.equal(await turns.start(late.id, 8000), false, 'it is not the next');
    assert.equal((await messages.find(late.id))?.state, 'queued');
    assert.equal(await turns.start(early.id, 8000), true);
    await turns.end(endOf(early));
    assert.equal(await turns.start(late.id, 8000), true);
    const other = await newTurn(storage, place(first));
    assert.equal(await turns.begin(other), 'queued');
    const elsewhere = await newTurn(storage);
    assert.equal(await turns.begin(elsewhere), 'running');
  });

  it('begun at once by several, one runs', async (test) => {
    const storage = await openOne(test);
    const first = await newTurn(storage);
    await storage.turns.begin(first);
    await storage.turns.end(endOf(first));
    const begun = await Promise.all(Array.from({ length: 20 }, () => newTurn(storage, place(first))));
    const states = await Promise.all(begun.map((turn) => storage.turns.begin(turn)));
    assert.deepEqual(states.toSorted(), [...Array<string>(19).fill('queued'), 'running']);
  });
}

function seizureTests(openOne: OpenOne): void {
  it('one is seized once, as it was seen, and its maker writes nothing from then on', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const turn = await newTurn(storage);
    await turns.begin(turn);
    await turns.append(turn.id, 0, 'Said');
    const wish = { id: turn.id, fence: 1, leaseUntil: 9000 };
    const both = await Promise.all([
      turns.seize({ ...wish, node: 'node-2' }),
      turns.seize({ ...wish, node: 'node-3' }),
    ]);
    const [seized, ...others] = both.filter((each) => each !== undefined);
    assert.ok(seized);
    assert.deepEqual([others, seized.fence, seized.leaseUntil, seized.channel], [[], 2, 9000, turn.channel]);
    assert.deepEqual(await turns.find(turn.id), seized);
    assert.equal(await turns.append(turn.id, 4, ' too late'), false);
    assert.equal(await turns.end(endOf(turn)), false);
    assert.equal(await turns.end(endOf(turn, { fence: 2, content: 'Said' })), true);
    assert.equal(await turns.seize({ ...wish, fence: 2, node: 'node-2' }), undefined, 'it has ended');
  });

  it('one whose lease goes on is not seized as lapsed', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const turn = await newTurn(storage, { leaseUntil: 5000 });
    await turns.begin(turn);
    assert.deepEqual(await turns.lapsed('node-2', 5000), []);
    const [lapsed] = await turns.lapsed('node-2', 5001);
    assert.equal(lapsed?.id, turn.id);
    assert.deepEqual(await turns.lapsed('node-1', 5001), [], 'its own are none');
    await turns.renew('node-1', 7000);
    const wish = { id: turn.id, fence: 1, node: 'node-2', leaseUntil: 9000 };
    assert.equal(await turns.seize({ ...wish, lapsedBefore: 5001 }), undefined);
    assert.equal((await turns.seize({ ...wish, lapsedBefore: 7001 }))?.node, 'node-2');
  });

  it('a change of who is in charge may ask that no turn is left out', async (test) => {
    const storage = await openOne(test);
    const { turns, ownership, conversations } = storage;
    const turn = await newTurn(storage);
    const other = await newTurn(storage, place(turn));
    await turns.begin(turn);
    await turns.begin(other);
    const change = {
      conversationId: turn.conversation.id,
      fence: (await conversations.find(turn.conversation.id))?.ownerFence ?? 0,
      status: 'pending',
      agentType: 'human',
      assigneeId: null,
      formerAssigneeId: null,
      cause: 'handed_off',
      actorId: null,
      reason: null,
      at: 3000,
      day: turn.day,
      alone: true,
    } as const;
    assert.equal(await ownership.change({ ...change, ends: [endOf(turn)] }), false);
    assert.equal((await turns.find(other.id))?.fence, 1);
    assert.equal(await ownership.change({ ...change, ends: [endOf(turn), endOf(other)] }), true);
    assert.deepEqual(await turns.activeIn(turn.conversation.id), []);
  });
}

function readTests(openOne: OpenOne): void {
  it('who holds what, and where a user asked last, is known', async (test) => {
    const storage = await openOne(test);
    const { turns } = storage;
    const first = await newTurn(storage);
    const second = await newTurn(storage);
    const others = await newTurn(storage, { node: 'node-2', userId: 8 });
    for (const turn of [first, second, others]) await turns.begin(turn);
    await turns.seize({ id: second.id, fence: 1, node: 'node-2', leaseUntil: 9000 });
    assert.deepEqual(await turns.heldBy('node-1'), [{ id: first.id, fence: 1 }]);
    assert.deepEqual(
      (await turns.heldBy('node-2')).toSorted((a, b) => a.id - b.id),
      [
        { id: second.id, fence: 2 },
        { id: others.id, fence: 1 },
      ],
    );
    assert.equal(await turns.lastActiveOf(7), second.conversation.id);
    await turns.end(endOf(second, { fence: 2 }));
    assert.equal(await turns.lastActiveOf(7), first.conversation.id);
    assert.equal(await turns.lastActiveOf(9), undefined);
  });

  it('what was said is read on from any place', async (test) => {
    const storage = await openOne(test);
    const turn = await newTurn(storage);
    await storage.turns.begin(turn);
    const pieces = ['One ', 't', 'wo \u{1f600}', ' three'];
    let said = '';
    for (const piece of pieces) {
      await storage.turns.append(turn.id, said.length, piece);
      said += piece;
    }
    for (let start = 0; start <= said.length + 1; start++) {
      assert.equal(await storage.turns.textOf(turn.id, start), said.slice(start));
    }
    assert.equal(await storage.turns.textOf(turn.id + 1000, 3), '');
  });
}

function guardTests(openOne: OpenOne): void {
  it('a conversation begins where the user has begun no other since, and has room for it', async (test) => {
    const storage = await openOne(test);
    const { turns, conversations } = storage;
    assert.equal(await conversations.lastPlaceOf(7), 0);
    const guarded = async (guard: { userPlace?: number; mostOfUser?: number }) => {
      const turn = await newTurn(storage);
      return { ...turn, conversation: { ...turn.conversation, ...guard } };
    };
    const both = await Promise.allSettled([
      turns.begin(await guarded({ userPlace: 1 })),
      turns.begin(await guarded({ userPlace: 1 })),
    ]);
    const refused = both.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
    assert.equal(refused.length, 1);
    assert.ok(isRefusedUnit(refused[0]));
    assert.equal(await conversations.lastPlaceOf(7), 1);
    await turns.begin(await guarded({ userPlace: 2, mostOfUser: 2 }));
    await assert.rejects(turns.begin(await guarded({ mostOfUser: 2 })), isRefusedUnit);
    assert.equal(await conversations.countOf(7), 2);
    const [one] = await conversations.listOf(7, { skip: 0, limit: 1 });
    await conversations.remove({ id: one?.id ?? 0, userId: 7, at: 3000 });
    await turns.begin(await guarded({ userPlace: 3, mostOfUser: 2 }));
  });

  it('a question is refused where too many wait', async (test) => {
    const storage = await openOne(test);
    const first = await newTurn(storage);
    await storage.turns.begin(first);
    const next = async (mostWaiting: number) => {
      const turn = await newTurn(storage, place(first));
      return { ...turn, conversation: { ...turn.conversation, mostWaiting } };
    };
    await storage.turns.begin(await next(1));
    await assert.rejects(storage.turns.begin(await next(1)), isRefusedUnit);
    await storage.turns.begin(await next(2));
  });
}
