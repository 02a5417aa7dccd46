import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import type { Conversation } from './conversations.ts';
import type { DeskTotals } from './desk-lists.ts';
import type { OwnerChange } from './ownership.ts';
import { changeOf, hire, newConversation, newPost, to } from './sample-handoff.fixture.ts';
import { endOf, newTurn } from './sample-turns.fixture.ts';
import { accepted } from './storage-error.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { NewTurn, TurnEnd } from './turns.ts';

const days = ['2026-09-20', '2026-09-21'] as const;
const agents = [3, 4] as const;
const statuses = ['open', 'pending', 'resolved', 'closed'] as const;
const agentTypes = ['ai', 'human'] as const;
const priorities = ['low', 'medium', 'high', 'urgent'] as const;

/** What is done to which of the conversations or turns there are. */
const step = fc.record({
  what: fc.constantFrom(
    'begin',
    'begin',
    'ask',
    'join',
    'end',
    'post',
    'reply',
    'change',
    'change',
    'change',
    'label',
    'rate',
    'remove',
  ),
  pick: fc.nat(1000),
  day: fc.constantFrom(...days),
  agent: fc.constantFrom(...agents),
  status: fc.constantFrom(...statuses),
  agentType: fc.constantFrom(...agentTypes),
  priority: fc.constantFrom(...priorities),
  score: fc.integer({ min: 1, max: 5 }),
  content: fc.constantFrom('', 'It is this.'),
  /** Whether it is meant for another state than there is. */
  late: fc.boolean(),
});
type Step = (typeof step extends fc.Arbitrary<infer Value> ? Value : never) & { at: number };

/** A conversation that was begun, whether or not it is still there. */
interface Begun {
  id: number;
  day: string;
  there: boolean;
  human: boolean;
  over: boolean;
  rating: { score: number; day: string } | undefined;
}

interface Model {
  begun: Begun[];
  running: NewTurn[];
  replies: { day: string; ms: number }[];
}

/** The helpdesk's counts and sums agree with a scan of what there is and what was done, whatever it was. */
export function deskSumsSuite(kind: string, prepare: (test: TestContext) => StorageUnderTest): void {
  describe(`${kind}: counts and sums for staff`, () => {
    it('agree with a scan after anything that may happen', { timeout: 120_000 }, async (test) => {
      const steps = fc.array(step, { minLength: 5, maxLength: 60 });
      const property = fc.asyncProperty(steps, async (taken) => {
        const storage = await prepare(test).open();
        await hire(storage, Math.max(...agents));
        try {
          const model: Model = { begun: [], running: [], replies: [] };
          for (const [index, one] of taken.entries()) {
            await take(storage, model, { ...one, at: 1000 + index * 100 });
          }
          await compareCounts(storage, model);
          await compareSums(storage, model);
        } finally {
          await storage.close();
        }
      });
      await fc.assert(property, { numRuns: 25 });
    });
  });
}

async function take(storage: Storage, model: Model, one: Step): Promise<void> {
  if (one.what === 'begin') return begin(storage, model, one);
  const there = model.begun.filter((begun) => begun.there);
  const begun = there[one.pick % (there.length || 1)];
  const conversation = begun && (await storage.conversations.find(begun.id));
  if (!conversation) return;
  switch (one.what) {
    case 'ask':
      return ask(storage, model, one, conversation);
    case 'join':
      return join(storage, model, one);
    case 'end':
      return end(storage, model, one);
    case 'post':
    case 'reply':
      return post(storage, model, one, begun, conversation);
    case 'change':
      return change(storage, model, one, begun, conversation);
    case 'label':
      return label(storage, one, begun);
    case 'rate':
      return rate(storage, one, begun, conversation);
    case 'remove':
      return remove(storage, one, begun, conversation);
  }
}

async function begin(storage: Storage, model: Model, { pick, day, at, late }: Step): Promise<void> {
  const userId = pick % 2 === 0 ? null : 7;
  const begun: Begun = { id: 0, day, there: true, human: false, over: false, rating: undefined };
  model.begun.push(begun);
  if (late) {
    const turn = await newTurn(storage, { userId, day, at });
    await storage.turns.begin(turn);
    model.running.push(turn);
    begun.id = turn.conversation.id;
    return;
  }
  const customer = userId === null ? { guestId: `g-${pick}` } : { userId };
  const conversation = await newConversation(storage, { userId, customer, day, at });
  await storage.conversations.begin(conversation);
  begun.id = conversation.id;
}

async function ask(storage: Storage, model: Model, one: Step, conversation: Conversation): Promise<void> {
  const { id, userId, status, agentType } = conversation;
  const existing = { kind: 'existing', id } as const;
  const turn = await newTurn(storage, { userId, conversation: existing, day: one.day, at: one.at });
  const begun = await accepted(storage.turns.begin(turn));
  assert.equal(begun, status === 'open' && agentType === 'ai');
  if (begun) model.running.push(turn);
}

async function join(storage: Storage, model: Model, { pick, day, at }: Step): Promise<void> {
  const turn = model.running[pick % (model.running.length || 1)];
  if (!turn) return;
  const { id: turnId, userId, channel } = turn;
  const question = { questionId: await storage.messages.nextId(), question: 'And?', questionTokens: 1 };
  const where = { turnId, fence: 1, conversationId: turn.conversation.id, userId, channel };
  await storage.turns.join({ ...where, ...question, day, at, countedModel: 'gpt-4o' });
}

async function end(storage: Storage, model: Model, { pick, day, at, content, late }: Step): Promise<void> {
  const turn = model.running[pick % (model.running.length || 1)];
  if (!turn) return;
  model.running = model.running.filter((running) => running !== turn);
  const state = late ? 'cancelled' : 'completed';
  const ended = await storage.turns.end(endOf(turn, { state, day, at, content, responseMs: 7 }));
  if (ended && !late) model.replies.push({ day, ms: 7 });
}

async function post(
  storage: Storage,
  model: Model,
  { what, agent, day, at }: Step,
  begun: Begun,
  conversation: Conversation,
): Promise<void> {
  const agentId = what === 'reply' ? agent : null;
  const { status, agentType, assigneeId, waitingSince } = conversation;
  const inCharge =
    agentId === null
      ? agentType === 'human' && (status === 'open' || status === 'pending')
      : agentType === 'human' && status === 'open' && assigneeId === agentId;
  const stored = await storage.posts.post(await newPost(storage, conversation, { agentId, day, at }));
  assert.equal(stored, inCharge);
  if (!stored || agentId === null) return;
  begun.human = true;
  if (waitingSince !== null) model.replies.push({ day, ms: Math.max(0, at - waitingSince) });
}

async function change(
  storage: Storage,
  model: Model,
  one: Step,
  begun: Begun,
  conversation: Conversation,
): Promise<void> {
  const { status, agentType, agent, at, day, late } = one;
  const owner: Partial<OwnerChange> =
    agentType === 'ai' || status === 'pending'
      ? { status, agentType, assigneeId: null }
      : { ...to(agent), status };
  const own = model.running.filter((turn) => turn.conversation.id === conversation.id);
  const ends: TurnEnd[] = [];
  for (const turn of own.slice(0, one.pick % 3)) {
    // What nobody has overtaken; the others stay, and find themselves at another fence.
    if ((await storage.turns.find(turn.id))?.fence !== 1) continue;
    ends.push(endOf(turn, { state: 'cancelled', content: one.content, at, day, responseMs: 50 }));
  }
  const wanted = changeOf(conversation, { ...owner, ends, at, day });
  const fence = wanted.fence - (late ? 1 : 0);
  const changed = await Promise.all([
    storage.ownership.change({ ...wanted, fence }),
    storage.ownership.change({ ...wanted, fence }),
  ]);
  assert.deepEqual(changed, [!late, false]);
  if (late) return;
  begun.over = status === 'resolved' || status === 'closed';
  begun.human ||= wanted.assigneeId !== null;
}

async function label(storage: Storage, { priority, agent, at }: Step, { id }: Begun): Promise<void> {
  const labels = { conversationId: id, priority, tags: ['a'], actorId: agent, at };
  assert.equal(await storage.ownership.label(labels), true);
}

async function rate(
  storage: Storage,
  { score, day, at, late }: Step,
  begun: Begun,
  { id, userId, channel }: Conversation,
): Promise<void> {
  const rating = { conversationId: id, userId: late ? 99 : userId, channel, score, comment: null, day, at };
  assert.equal(await storage.conversations.rate(rating), !late);
  if (!late) begun.rating = { score, day };
}

async function remove(storage: Storage, { late, at }: Step, begun: Begun, { id, userId }: Conversation) {
  assert.equal(await storage.conversations.remove({ id, userId: late ? 99 : userId, at }), !late);
  begun.there = late;
}

async function compareCounts(storage: Storage, model: Model): Promise<void> {
  const ids = model.begun.filter(({ there }) => there).map(({ id }) => id);
  const found = await Promise.all(ids.map((id) => storage.conversations.find(id)));
  const kinds = statuses.flatMap((status) =>
    agentTypes.flatMap((agentType) => priorities.map((priority) => ({ status, agentType, priority }))),
  );
  for (const kind of kinds) {
    for (const assigneeId of [undefined, ...agents]) {
      const filter = { ...kind, assigneeId };
      const scanned = found.filter((conversation) =>
        Object.entries(filter).every(
          ([name, value]) => value === undefined || conversation?.[name as keyof typeof filter] === value,
        ),
      );
      const { total } = await storage.deskLists.conversations(filter, { skip: 0, limit: 1 });
      assert.equal(total, scanned.length, JSON.stringify(filter));
    }
  }
  for (const customerId of new Set(found.map((conversation) => conversation?.customerId ?? 0))) {
    const count = found.filter((conversation) => conversation?.customerId === customerId).length;
    assert.equal((await storage.customers.find(customerId))?.conversationCount, count);
  }
}

async function compareSums(storage: Storage, model: Model): Promise<void> {
  for (const day of days) {
    const begun = model.begun.filter((one) => one.day === day);
    const ratings = model.begun.flatMap(({ rating }) => (rating?.day === day ? [rating.score] : []));
    const replies = model.replies.filter((reply) => reply.day === day);
    const expected: DeskTotals = {
      begun: begun.length,
      human: begun.filter(({ human }) => human).length,
      over: begun.filter(({ over }) => over).length,
      replies: replies.length,
      replyMs: replies.reduce((sum, { ms }) => sum + ms, 0),
      ratings: ratings.length,
      scores: ratings.reduce((sum, score) => sum + score, 0),
    };
    assert.deepEqual(await storage.deskLists.totals(day, day), expected);
  }
}
