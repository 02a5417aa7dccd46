import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { newCall } from './sample-rows.fixture.ts';
import { endOf, newClaim, newTurn } from './sample-turns.fixture.ts';
import type { Storage } from './storage.ts';
import type { StorageUnderTest } from './storage.suite.ts';
import type { NewTurn, TurnEnd } from './turns.ts';

const states = ['completed', 'failed', 'cancelled', 'interrupted'] as const;
const days = ['2026-09-20', '2026-09-21'] as const;
const models = ['qwen-plus', 'gpt-4o', ''] as const;

/** What is done to whom; `pick` says to which of the conversations or turns there are. */
const step = fc.record({
  what: fc.constantFrom(
    'begin',
    'continue',
    'append',
    'end',
    'end',
    'remove',
    'rate',
    'acknowledge',
    'retry',
  ),
  user: fc.integer({ min: 1, max: 2 }),
  pick: fc.nat(1000),
  state: fc.constantFrom(...states),
  content: fc.constantFrom('', 'It is this.'),
  score: fc.integer({ min: 1, max: 5 }),
  day: fc.constantFrom(...days),
  model: fc.constantFrom(...models),
  tokens: fc.nat(50),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

interface Sums {
  chats: number;
  messages: number;
  answers: number;
  responseMs: number;
  tokens: number;
  errors: number;
  ratings: number;
  satisfied: number;
}

/** What the store must hold, kept in plain objects. */
interface Model {
  conversations: {
    id: number;
    user: number;
    rating: { score: number; day: string } | undefined;
    messages: number[];
  }[];
  running: { turn: NewTurn; text: string }[];
  sums: Map<string, Sums>;
  calls: number;
}

/** Sums and counts agree with what was done, whatever it was. */
export function chatSumsTests(prepare: (test: TestContext) => StorageUnderTest): void {
  it('agree with a plain model after anything that may happen', { timeout: 120_000 }, async (test) => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const storage = await prepare(test).open();
      try {
        const model: Model = { conversations: [], running: [], sums: new Map(), calls: 0 };
        for (const one of steps) await take(storage, model, one);
        await compare(storage, model);
      } finally {
        await storage.close();
      }
    });
    await fc.assert(property, { numRuns: 25 });
  });
}

async function take(storage: Storage, model: Model, one: Step): Promise<void> {
  const own = model.conversations.filter(({ user }) => user === one.user);
  const conversation = own[one.pick % (own.length || 1)];
  const running = model.running[one.pick % (model.running.length || 1)];
  switch (one.what) {
    case 'begin':
      return begin(storage, model, one, undefined);
    case 'continue':
      return begin(storage, model, one, conversation?.id);
    case 'append':
      if (!running) return;
      await storage.turns.append(running.turn.id, running.text.length, one.content);
      running.text += one.content;
      return;
    case 'end':
      return running && end(storage, model, one, running.turn);
    case 'remove':
      return remove(storage, model, one, one.pick % 5 === 0 ? model.conversations[0]?.id : conversation?.id);
    case 'rate':
      return conversation && rate(storage, model, one, conversation);
    case 'acknowledge':
      await storage.messages.acknowledge({ userId: one.user, upTo: one.pick, receipt: 'read', at: 1 });
      return;
    case 'retry':
      return retry(storage, one);
  }
}

async function begin(storage: Storage, model: Model, one: Step, id: number | undefined): Promise<void> {
  const changes = { userId: one.user, day: one.day, countedModel: one.model };
  const turn = await newTurn(
    storage,
    id === undefined ? changes : { ...changes, conversation: { kind: 'existing', id } },
  );
  await storage.turns.begin(turn);
  const messages = [turn.questionId, turn.id];
  if (id === undefined) {
    const rating = undefined;
    model.conversations.push({ id: turn.conversation.id, user: one.user, rating, messages });
  } else {
    model.conversations.find((conversation) => conversation.id === id)?.messages.push(...messages);
  }
  model.running.push({ turn, text: '' });
  add(model, one.user, one.day, one.model, { chats: id === undefined ? 1 : 0, messages: 1 });
}

async function end(storage: Storage, model: Model, one: Step, turn: NewTurn): Promise<void> {
  const { state, content, tokens, day, model: countedModel } = one;
  const call = newCall({ userId: turn.userId, messageId: turn.id });
  const counted = { exchangeTokens: tokens, responseMs: 7, countedModel };
  const ending: TurnEnd = endOf(turn, { state, content, day, call, ...counted });
  const outcomes = await Promise.all([
    storage.turns.end({ ...ending, fence: 9 }),
    storage.turns.end(ending),
    storage.turns.end(ending),
  ]);
  assert.deepEqual(outcomes, [false, true, false]);
  model.running = model.running.filter((running) => running.turn !== turn);
  model.calls++;
  const completed = state === 'completed';
  add(model, turn.userId ?? assert.fail(), day, countedModel, {
    messages: content === '' ? 0 : 1,
    answers: completed ? 1 : 0,
    responseMs: completed ? 7 : 0,
    errors: state === 'failed' || state === 'interrupted' ? 1 : 0,
    tokens,
  });
}

async function remove(storage: Storage, model: Model, one: Step, id: number | undefined): Promise<void> {
  if (id === undefined) return;
  const found = model.conversations.find((conversation) => conversation.id === id);
  const own = found?.user === one.user;
  assert.equal(await storage.conversations.remove({ id, userId: one.user, at: 3000 }), own);
  if (!own) return;
  model.conversations = model.conversations.filter((conversation) => conversation !== found);
  model.running = model.running.filter(({ turn }) => turn.conversation.id !== id);
}

async function rate(
  storage: Storage,
  model: Model,
  { user, score, day }: Step,
  conversation: Model['conversations'][number],
): Promise<void> {
  const rating = { conversationId: conversation.id, userId: user, channel: 'assistant', score, day };
  assert.equal(await storage.conversations.rate({ ...rating, comment: null, at: 1 }), true);
  const old = conversation.rating;
  if (old) add(model, user, old.day, '', { ratings: -1, satisfied: old.score >= 4 ? -1 : 0 });
  conversation.rating = { score, day };
  add(model, user, day, '', { ratings: 1, satisfied: score >= 4 ? 1 : 0 });
}

/** A write under a key that is taken leaves nothing behind. */
async function retry(storage: Storage, one: Step): Promise<void> {
  const claim = newClaim();
  await storage.idempotencyKeys.put(claim, 0).catch(() => {});
  await assert.rejects(
    storage.turns.begin(await newTurn(storage, { userId: one.user, day: one.day }), claim),
  );
}

function add(model: Model, user: number, day: string, of: string, share: Partial<Sums>): void {
  for (const whose of [user, 0]) {
    for (const key of [`${whose} ${day}`, `${whose} ${day} ${of}`, `${whose} of ${of}`]) {
      const sum = model.sums.get(key) ?? emptySums();
      for (const [name, value] of Object.entries(share)) sum[name as keyof Sums] += value;
      model.sums.set(key, sum);
    }
  }
}

function emptySums(): Sums {
  return { chats: 0, messages: 0, answers: 0, responseMs: 0, tokens: 0, errors: 0, ratings: 0, satisfied: 0 };
}

async function compareSums({ chatTotals }: Storage, { sums }: Model): Promise<void> {
  for (const user of [0, 1, 2]) {
    const userId = user === 0 ? null : user;
    const sumsOf = (key: string) => sums.get(`${user} ${key}`) ?? emptySums();
    for (const day of days) {
      const filter = { userId, fromDay: day, toDay: day };
      assert.deepEqual(await chatTotals.total(filter), sumsOf(day));
      for (const of of models) {
        const expected = sumsOf(`${day} ${of}`);
        const listed = saysSomething(expected) ? [{ ...talkOf(expected), day }] : [];
        assert.deepEqual(await chatTotals.talkByDay({ ...filter, model: of }), listed);
      }
    }
    const byModel = await chatTotals.talkByModel({ userId });
    const used = models.toSorted().filter((of) => saysSomething(sumsOf(`of ${of}`)));
    assert.deepEqual(
      byModel,
      used.map((of) => ({ ...talkOf(sumsOf(`of ${of}`)), model: of })),
    );
  }
}

function talkOf({ chats, messages, tokens }: Sums) {
  return { chats, messages, tokens };
}

function saysSomething({ chats, messages, tokens }: Sums): boolean {
  return chats + messages + tokens > 0;
}

async function compare(storage: Storage, model: Model): Promise<void> {
  await compareSums(storage, model);
  for (const user of [1, 2]) {
    const own = model.conversations.filter((conversation) => conversation.user === user);
    const ids = own.map(({ id }) => id);
    const listed = await storage.conversations.listOf(user, { skip: 0, limit: 1000 });
    assert.deepEqual(
      listed.map(({ id }) => id),
      ids.toReversed(),
    );
    assert.equal(await storage.conversations.countOf(user), own.length);
    const messages = own.flatMap((conversation) => conversation.messages).toSorted((a, b) => a - b);
    const history = await storage.messages.historyOf(user, { skip: 0, limit: 1000, newestFirst: false });
    assert.deepEqual(
      history.map(({ id }) => id),
      messages,
    );
    assert.equal(await storage.messages.countOf(user), messages.length);
  }
  for (const { id, messages } of model.conversations) {
    const listed = await storage.messages.listOf(id, { skip: 0, limit: 1000 });
    assert.deepEqual(
      listed.map((message) => [message.id, message.place]),
      messages.map((message, position) => [message, position + 1]),
    );
    assert.equal((await storage.conversations.find(id))?.messageCount, messages.length);
  }
  for (const { turn, text } of model.running) assert.equal(await storage.turns.textOf(turn.id), text);
  assert.equal((await storage.apiCalls.totals({}))[0]?.calls ?? 0, model.calls);
  assert.equal((await storage.apiCalls.list({ limit: 1000 })).length, model.calls);
}
