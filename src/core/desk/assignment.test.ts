import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { createDeskAgents } from './agents.ts';
import { createAssignment } from './assignment.ts';
import { createDeskBench, key } from './desk.fixture.ts';

async function createTested(t: TestContext) {
  const tested = await createDeskBench(t);
  const { storage, settings, bench, dayOf, woken, boss, idempotency } = tested;
  await settings.set(boss, { assignment: 'round_robin', capacity: 10 });
  let there: number[] = [];
  const presence = {
    online: () => there,
    of: (id: number) => (there.includes(id) ? ('online' as const) : ('offline' as const)),
  };
  const parts = {
    line: storage.waitingLine,
    agents: storage.agents,
    ownership: storage.ownership,
    presence,
    settings,
    wake: (id: number) => void woken.push(id),
    dayOf,
    runtime: bench.runtime,
    log: bench.log,
  };
  const assignment = createAssignment(parts);
  const agents = createDeskAgents({
    rows: storage.agents,
    ownership: storage.ownership,
    presence,
    settings,
    idempotency,
    runtime: bench.runtime,
    onRoom: () => void assignment.look(),
  });
  return {
    ...tested,
    parts,
    agents,
    look: assignment.look,
    arrive: (...ids: number[]) => void (there = ids),
    /** A conversation that begins to wait now. */
    async waits(changes: { priority?: 'urgent' } = {}) {
      const id = await tested.begin();
      if (changes.priority)
        await storage.ownership.label({ conversationId: id, ...changes, actorId: 3, at: 1 });
      bench.runtime.time += 10;
      await tested.change(id);
      return id;
    },
    assigneeOf: async (id: number) => (await storage.conversations.find(id))?.assigneeId,
  };
}

test('what waits is given in turn to those who are online, the longest waiting first', async (t) => {
  const { waits, look, arrive, assigneeOf, ann, bob, woken, storage } = await createTested(t);
  const ids = [await waits(), await waits(), await waits()];
  await look();
  assert.deepEqual(await Promise.all(ids.map(assigneeOf)), [null, null, null], 'nobody is there');
  arrive(ann.userId, bob.userId);
  const before = await storage.feed.head();
  await look();
  const given = [ann.userId, bob.userId, ann.userId];
  assert.deepEqual(await Promise.all(ids.map(assigneeOf)), given);
  assert.deepEqual(woken, ids);
  const events = await storage.feed.after('everyone', before, 10);
  assert.deepEqual(
    events.map(({ conversationId, type, data }) => [
      conversationId,
      type,
      data?.['status'],
      data?.['assigneeId'],
    ]),
    ids.map((id, at) => [id, 'status', 'open', given[at]]),
  );
  assert.deepEqual([events[0]?.data?.['actorId'], events[0]?.data?.['reason']], [null, 'round_robin']);

  const next = await waits();
  await look();
  assert.equal(await assigneeOf(next), bob.userId, 'who was given something longest ago');
});

test('urgent ones go before those who wait longer', async (t) => {
  const { waits, look, arrive, assigneeOf, ann, agents, boss } = await createTested(t);
  const usual = await waits();
  const urgent = await waits({ priority: 'urgent' });
  await agents.setCapacity(boss, ann.userId, 1);
  arrive(ann.userId);
  await look();
  assert.deepEqual([await assigneeOf(urgent), await assigneeOf(usual)], [ann.userId, null]);
});

test('nobody is given more than the capacity, the own one or the setting’s', async (t) => {
  const { waits, look, arrive, change, assigneeOf, ann, bob, boss, agents, settings } = await createTested(t);
  await agents.setCapacity(boss, ann.userId, 0);
  await settings.set(boss, { capacity: 2 });
  arrive(ann.userId, bob.userId);
  const ids = [await waits(), await waits(), await waits()] as const;
  await look();
  assert.deepEqual(await Promise.all(ids.map(assigneeOf)), [bob.userId, bob.userId, null]);
  await change(ids[0], { status: 'resolved', assigneeId: bob.userId });
  await look();
  assert.equal(await assigneeOf(ids[2]), bob.userId, 'bob has room again');
});

test('nothing is given by itself where agents take what they want', async (t) => {
  const { waits, look, arrive, assigneeOf, ann, boss, settings } = await createTested(t);
  arrive(ann.userId);
  await settings.set(boss, { assignment: 'manual' });
  const id = await waits();
  await look();
  assert.equal(await assigneeOf(id), null);
});

test('two processes that look at once give each conversation once', async (t) => {
  const { waits, arrive, parts, ann, bob, storage, look } = await createTested(t);
  const ids = [];
  for (let n = 0; n < 12; n++) ids.push(await waits());
  arrive(ann.userId, bob.userId);
  const other = createAssignment(parts);
  const before = await storage.feed.head();
  await Promise.all([look(), other.look(), look()]);
  const events = await storage.feed.after('everyone', before, 100);
  const given = events.map(({ conversationId }) => conversationId);
  assert.equal(given.length, ids.length);
  assert.deepEqual(new Set(given), new Set(ids));
  const open = await storage.ownership.openCountsOf([ann.userId, bob.userId]);
  assert.equal((open.get(ann.userId) ?? 0) + (open.get(bob.userId) ?? 0), 12);
});

test('nodes that look at once give nobody more than the capacity, and nothing out of turn', async (t) => {
  const { waits, arrive, parts, ann, bob, boss, settings, storage, agents } = await createTested(t);
  const nodes = Array.from({ length: 4 }, () => createAssignment(parts));
  const lookEverywhere = () => Promise.all(nodes.flatMap(({ look }) => [look(), look()]));
  await settings.set(boss, { capacity: 3 });
  await agents.setCapacity(boss, bob.userId, 2);
  const ids: number[] = [];
  for (let n = 0; n < 12; n++) ids.push(await waits());
  arrive(ann.userId, bob.userId);
  await lookEverywhere();
  const open = () => storage.ownership.openCountsOf([ann.userId, bob.userId]);
  assert.deepEqual(
    [...(await open())],
    [
      [ann.userId, 3],
      [bob.userId, 2],
    ],
  );
  const left = (await storage.ownership.waiting(20)).map(({ id }) => id);
  assert.deepEqual(left, ids.slice(5), 'the longest waiting first');
});

test('who was given too many by another node meanwhile is passed over', async (t) => {
  const { waits, arrive, parts, ann, bob, boss, settings, storage, assigneeOf } = await createTested(t);
  await settings.set(boss, { capacity: 1 });
  const [first, second] = [await waits(), await waits()];
  arrive(ann.userId, bob.userId);
  const other = createAssignment({ ...parts, presence: { online: () => [ann.userId] } });
  let counted = 0;
  const ownership = {
    ...parts.ownership,
    async openCountsOf(ids: readonly number[]) {
      const counts = await storage.ownership.openCountsOf(ids);
      // The first conversation goes to Ann, whom this node believes to be free.
      if (counted++ === 0) await other.look();
      return counts;
    },
  };
  await createAssignment({ ...parts, ownership }).look();
  assert.deepEqual([await assigneeOf(first), await assigneeOf(second)], [ann.userId, bob.userId]);
});

test('an account that is disabled is given nothing though its socket is open still', async (t) => {
  const { waits, look, arrive, assigneeOf, ann, bob, storage } = await createTested(t);
  arrive(ann.userId, bob.userId);
  await storage.users.change({ id: ann.userId, status: 'disabled', at: 5 });
  const ids = [await waits(), await waits()];
  await look();
  assert.deepEqual(await Promise.all(ids.map(assigneeOf)), [bob.userId, bob.userId]);
});

test('a failure is logged, and the next look does the work', async (t) => {
  const { waits, arrive, parts, assigneeOf, ann, bench } = await createTested(t);
  arrive(ann.userId);
  const id = await waits();
  let failures = 1;
  const line = {
    first: () => (failures-- > 0 ? Promise.reject(new Error('no disk')) : parts.line.first()),
  };
  const assignment = createAssignment({ ...parts, line });
  await assignment.look();
  assert.equal(await assigneeOf(id), null);
  assert.equal(bench.log.lines.length, 1);
  await assignment.look();
  assert.equal(await assigneeOf(id), ann.userId);
});

test('a change of who has it that is refused again and again ends the look', async (t) => {
  const { waits, arrive, parts, ann } = await createTested(t);
  arrive(ann.userId);
  await waits();
  let asked = 0;
  const ownership = {
    ...parts.ownership,
    change: () => Promise.resolve(++asked < 0),
  };
  await createAssignment({ ...parts, ownership }).look();
  assert.equal(asked, 1);
});

test('agents are listed with who is there, capacity and what they have', async (t) => {
  const { agents, ann, bob, boss, arrive, begin, change, auditLog } = await createTested(t);
  arrive(ann.userId);
  await change(await begin(), { status: 'open', assigneeId: bob.userId });
  const changed = await agents.setCapacity(boss, bob.userId, 4, key('a'));
  assert.deepEqual(await agents.setCapacity(boss, bob.userId, 4, key('a')), changed);
  const shown = (name: string, role: string, rest: object) => ({
    id: { ann, bob, boss }[name]?.userId,
    name: `${name} of the desk`,
    email: `${name}@example.com`,
    role,
    availability: 'offline',
    capacity: 10,
    ownCapacity: null,
    openConversations: 0,
    ...rest,
  });
  assert.deepEqual(await agents.list(ann), [
    shown('ann', 'agent', { availability: 'online' }),
    shown('bob', 'agent', { capacity: 4, ownCapacity: 4, openConversations: 1 }),
    shown('boss', 'admin', {}),
  ]);
  assert.equal((await auditLog.list({ action: 'agent.update' }, { skip: 0, limit: 5 })).total, 1);
  await assert.rejects(agents.setCapacity(boss, 99, 4), { code: 'not_found' });
  for (const capacity of [-1, 1001, 0.5]) {
    const refused = { code: 'invalid_request', field: 'capacity' };
    await assert.rejects(async () => agents.setCapacity(boss, bob.userId, capacity), refused);
  }
});

test('once stopped, nothing is given any more', async (t) => {
  const { waits, arrive, parts, assigneeOf, ann } = await createTested(t);
  arrive(ann.userId);
  const id = await waits();
  const assignment = createAssignment(parts);
  assignment.stop();
  await assignment.look();
  assert.equal(await assigneeOf(id), null);
});

test('once stopped in the middle of a look, nothing more is given', async (t) => {
  const { waits, arrive, parts, assigneeOf, ann } = await createTested(t);
  arrive(ann.userId);
  const ids = [await waits(), await waits()];
  const { ownership } = parts;
  const assignment = createAssignment({
    ...parts,
    ownership: {
      ...ownership,
      change(change) {
        assignment.stop();
        return ownership.change(change);
      },
    },
  });
  await assignment.look();
  assert.deepEqual(await Promise.all(ids.map(assigneeOf)), [ann.userId, null]);
});
