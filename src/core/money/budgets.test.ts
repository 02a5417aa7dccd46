import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  answerOf,
  createBench,
  createScriptedProvider,
  finish,
  groups,
  hang,
  keyCaller,
  question,
  textDelta,
  userCaller,
  type Bench,
  type Script,
} from '../completions/bench.fixture.ts';
import { complete } from '../completions/complete.ts';
import { stream } from '../completions/stream.ts';
import { ParleyError } from '../errors.ts';
import type { Budgets } from './budgets.ts';
import { estimateRequest } from './call-estimate.ts';

const never = new AbortController().signal;
const models = [
  {
    id: 'fast',
    provider: 'acme',
    prices: [{ from: '2026-01-01', currency: 'USD' as const, input: 1000, output: 1000 }],
  },
  {
    id: 'paid-in-yuan',
    provider: 'acme',
    prices: [{ from: '2026-01-01', currency: 'CNY' as const, input: 7000, output: 7000 }],
  },
  {
    id: 'free',
    provider: 'acme',
    prices: [{ from: '2026-01-01', currency: 'USD' as const, input: 0, output: 0 }],
  },
  { id: 'unpriced', provider: 'acme' },
];

const asked = (changes: Parameters<typeof question>[1] = {}) =>
  question('Hi', { maxTokens: 95, cache: null, ...changes });
/** What `asked` is estimated to take: 5 tokens of prompt and 95 of the answer, a thousandth of a dollar each. */
const each = 100;
/** What the script's answers really take. */
const usage = { promptTokens: 30, completionTokens: 20, estimated: false };
const dollars = (amount: number) => ({ amountNano: amount * 1e9, currency: 'USD' as const });

async function createTested(t: TestContext, script: Script, budgets: { perUser?: object; perKey?: object }) {
  const provider = createScriptedProvider('acme', script);
  const bench = await createBench(t, {
    models,
    providers: [provider],
    retries: { attempts: 1 },
    budgets: budgets as never,
  });
  return { bench, provider, budgets: bench.completions.budgets as Budgets };
}

/** Answers that come when the test says so. */
function heldAnswers() {
  const waiting: (() => void)[] = [];
  const answer = async () => {
    await new Promise<void>((resolve) => waiting.push(resolve));
    return answerOf('Hello!', { usage });
  };
  return { answer, waiting };
}

const spentInBooks = async ({ storage }: Bench, owner: string) => {
  const totals = await storage.apiCalls.totals({ owner }, ['outcome']);
  return totals
    .filter(({ outcome }) => outcome !== 'cache_hit')
    .reduce((sum, { promptTokens, completionTokens }) => sum + promptTokens + completionTokens, 0);
};

const isOver = { code: 'budget_exceeded' };

describe('a budget', () => {
  it('lets through as many calls at once as fit by their estimates, and no more', async (t) => {
    const { answer, waiting } = heldAnswers();
    const { bench, provider, budgets } = await createTested(
      t,
      { answer },
      { perUser: { tokens: each * 10 } },
    );
    const calls = Array.from({ length: 100 }, () =>
      complete(bench.completions, userCaller(5), asked(), never),
    );
    const settled = Promise.allSettled(calls);
    while (waiting.length < 10) await new Promise(setImmediate);
    const during = await budgets.view(userCaller(5));
    assert.deepEqual([during.spent, during.reserved, during.remaining], [0, each * 10, 0]);
    for (const go of waiting) go();
    const outcomes = await settled;
    assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 10);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        assert.equal((outcome.reason as ParleyError).code, 'budget_exceeded');
    }
    assert.equal(provider.requests.length, 10);
    const { spent, reserved, remaining } = await budgets.view(userCaller(5));
    assert.deepEqual([spent, reserved, remaining], [500, 0, 500]);
    assert.equal(await spentInBooks(bench, 'user:5'), 500);
  });

  it('in money counts what calls cost, those paid in another currency by the rate', async (t) => {
    const answer = () => answerOf('Hello!', { usage });
    const { bench, budgets } = await createTested(t, { answer }, { perKey: dollars(0.21) });
    await complete(bench.completions, keyCaller(7), asked(), never);
    assert.equal((await budgets.view(keyCaller(7))).spent, 0.05e9);
    await complete(bench.completions, keyCaller(7), asked({ model: 'paid-in-yuan' }), never);
    assert.equal((await budgets.view(keyCaller(7))).spent, 0.1e9);
    await complete(bench.completions, keyCaller(7), asked(), never);
    const refused = complete(bench.completions, keyCaller(7), asked(), never);
    await assert.rejects(refused, (error: ParleyError) => {
      assert.equal(error.code, 'budget_exceeded');
      assert.match(
        error.message,
        /may take 0\.1 USD.* budget of 0\.21 USD 0\.15 USD are spent and 0 USD set aside/,
      );
      assert.equal(error.retryAfterMs, Date.UTC(2026, 9, 1) - bench.runtime.time);
      assert.equal(error.retryable, false);
      assert.deepEqual(error.facts, { month: '2026-09', resets_at: '2026-10-01T00:00:00.000Z' });
      return true;
    });
  });

  it('in money lets what is free pass, and refuses a model of which nobody knows the price', async (t) => {
    const { bench, provider } = await createTested(
      t,
      { answer: () => answerOf('Hello!') },
      { perUser: dollars(0) },
    );
    await complete(bench.completions, userCaller(5), asked({ model: 'free' }), never);
    const unpriced = complete(bench.completions, userCaller(5), asked({ model: 'unpriced' }), never);
    await assert.rejects(unpriced, /price of the model "unpriced" is not known/);
    assert.equal(provider.requests.length, 1);
  });

  it('says that it may soon fit where only calls on their way stand against it', async (t) => {
    const { answer, waiting } = heldAnswers();
    const { bench } = await createTested(t, { answer }, { perUser: { tokens: each } });
    const first = complete(bench.completions, userCaller(5), asked(), never);
    while (waiting.length < 1) await new Promise(setImmediate);
    const second = complete(bench.completions, userCaller(5), asked(), never);
    await assert.rejects(second, { ...isOver, retryAfterMs: 1000, retryable: true });
    waiting[0]?.();
    await first;
  });

  it('is nobody else’s', async (t) => {
    const { bench } = await createTested(t, { answer: () => answerOf('Hello!') }, { perUser: { tokens: 1 } });
    await assert.rejects(complete(bench.completions, userCaller(5), asked(), never), isOver);
    await complete(bench.completions, keyCaller(5), asked(), never);
    await complete(bench.completions, { kind: 'anonymous', ip: '' }, asked(), never);
    await complete(
      bench.completions,
      { kind: 'guest', ip: '', conversationId: 5, userId: null },
      asked(),
      never,
    );
  });
});

describe('what was set aside comes back', () => {
  const roomForOne = { perUser: { tokens: each + 99 } };
  const afterwards = async (budgets: Budgets) => {
    const { spent, reserved } = await budgets.view(userCaller(5));
    assert.equal(reserved, 0);
    return spent;
  };

  it('from a call that fails', async (t) => {
    const broken = () => Promise.reject(new ParleyError('provider_failed', 'It broke.'));
    const { bench, budgets } = await createTested(t, { answer: broken }, roomForOne);
    for (let call = 0; call < 3; call++) {
      await assert.rejects(complete(bench.completions, userCaller(5), asked(), never), {
        code: 'provider_failed',
      });
    }
    assert.equal(await afterwards(budgets), 0);
  });

  it('from a call that is cancelled, but for its prompt', async (t) => {
    const { bench, budgets } = await createTested(
      t,
      { answer: (_request, signal) => hang(signal) },
      roomForOne,
    );
    const cancelling = new AbortController();
    const call = complete(bench.completions, userCaller(5), asked(), cancelling.signal);
    while ((await budgets.view(userCaller(5))).reserved === 0) await new Promise(setImmediate);
    cancelling.abort();
    await assert.rejects(call, { code: 'cancelled' });
    assert.equal(await afterwards(budgets), 5);
  });

  it('from an answer of the cache, which sets nothing aside', async (t) => {
    const { bench, budgets } = await createTested(
      t,
      { answer: () => answerOf('Hello!', { usage }) },
      roomForOne,
    );
    const cached = asked({ cache: { read: true, write: true } });
    for (let call = 0; call < 5; call++) await complete(bench.completions, userCaller(5), cached, never);
    assert.equal(await afterwards(budgets), 50);
  });

  it('from an answer that cannot be put into the books', async (t) => {
    const { bench, budgets } = await createTested(
      t,
      { answer: () => answerOf('Hello!', { usage }) },
      roomForOne,
    );
    const { apiCalls } = bench.storage;
    const { record } = apiCalls;
    apiCalls.record = () => Promise.reject(new Error('The disk is full.'));
    await assert.rejects(complete(bench.completions, userCaller(5), asked(), never), {
      code: 'storage_failed',
    });
    apiCalls.record = record;
    assert.equal(await afterwards(budgets), 0);
  });

  it('from a stream, whether it is read to its end, left, broken off, or never begun', async (t) => {
    const script = { stream: () => groups([textDelta('Hel')], [textDelta('lo')], [finish({ usage })]) };
    const { bench, budgets, provider } = await createTested(t, script, { perUser: { tokens: 1_000 } });
    const begin = () => stream(bench.completions, userCaller(5), asked(), never);
    for await (const _group of begin());
    assert.equal(await afterwards(budgets), 50);
    for await (const [event] of begin()) if (event?.type === 'text-delta') break;
    const left = await afterwards(budgets);
    assert.ok(left > 50 && left < 70, `${left} of the prompt and a word`);
    for await (const [event] of begin()) if (event?.type === 'start') break;
    assert.equal(await afterwards(budgets), left);
    assert.equal(provider.requests.length, 2);
  });
});

describe('a month', () => {
  it('ends, and with it what was spent in it; what is on its way counts in the next', async (t) => {
    const { answer, waiting } = heldAnswers();
    const { bench, budgets } = await createTested(t, { answer }, { perUser: { tokens: each } });
    bench.runtime.time = Date.UTC(2026, 9, 1) - 1;
    const first = complete(bench.completions, userCaller(5), asked(), never);
    while (waiting.length < 1) await new Promise(setImmediate);
    bench.runtime.time = Date.UTC(2026, 9, 1);
    assert.deepEqual(await budgets.view(userCaller(5)), {
      month: '2026-10',
      budget: { tokens: each },
      spent: 0,
      reserved: each,
      remaining: 0,
      resetsAt: Date.UTC(2026, 10, 1),
    });
    waiting[0]?.();
    await first;
    assert.equal((await budgets.view(userCaller(5))).spent, 50);
    bench.runtime.time = Date.UTC(2026, 10, 1);
    assert.equal((await budgets.view(userCaller(5))).spent, 0);
  });

  it('is read from the books by a process that did not see it', async (t) => {
    const { bench, budgets } = await createTested(t, { answer: () => answerOf('Hello!', { usage }) }, {});
    for (let call = 0; call < 3; call++) await complete(bench.completions, userCaller(5), asked(), never);
    assert.deepEqual((await budgets.view(userCaller(5))).spent, 150);
  });
});

describe('a budget of one’s own', () => {
  const created = {
    username: 'Ada',
    email: 'ada@example.com',
    fullName: '',
    passwordHash: '',
    role: 'user',
    status: 'active',
  };

  it('holds within a second where another process sets it, and at once where this one is told', async (t) => {
    const { bench, budgets } = await createTested(t, { answer: () => answerOf('Hello!', { usage }) }, {});
    const times = { createdAt: 1, updatedAt: 1, nickname: null, phone: null };
    const id = await bench.storage.users.create({ ...created, ...times });
    const call = () => complete(bench.completions, userCaller(id), asked(), never);
    await call();
    const set = (budget: { tokens: number } | null) => bench.storage.users.change({ id, at: 2, budget });
    await set({ tokens: 60 });
    bench.runtime.time += 1_000;
    await assert.rejects(call(), isOver);
    await set({ tokens: 1_000 });
    budgets.forget();
    await call();
    await set(null);
    budgets.forget();
    assert.equal((await budgets.view(userCaller(id))).budget, null);
  });

  it('comes before the configuration’s', async (t) => {
    const { bench } = await createTested(t, { answer: () => answerOf('Hello!') }, { perUser: { tokens: 1 } });
    const times = { createdAt: 1, updatedAt: 1, nickname: null, phone: null };
    const id = await bench.storage.users.create({ ...created, ...times });
    await bench.storage.users.change({ id, at: 2, budget: { tokens: 1_000 } });
    await complete(bench.completions, userCaller(id), asked(), never);
  });

  it('is not looked for where there are none', async (t) => {
    const { bench, budgets } = await createTested(t, { answer: () => answerOf('Hello!') }, {});
    await complete(bench.completions, userCaller(5), asked(), never);
    const estimate = () => assert.fail('nobody needs an estimate');
    assert.equal(budgets.reserve(userCaller(6), estimate), null);
    assert.equal(budgets.check(keyCaller(6), estimate), null);
  });
});

describe('an estimate', () => {
  const model = { ...models[0], maxOutput: 500 } as never;
  const messages = [{ role: 'user' as const, content: 'Hi' }];

  it('is of the prompt with what is asked beside it, and of as many answers as are asked for', () => {
    const tokens = (changes: object) =>
      estimateRequest(model, { model: 'fast', messages, ...changes }, Date.now()).tokens;
    assert.equal(tokens({ maxTokens: 95 }), 100);
    assert.equal(tokens({}), 505);
    assert.equal(tokens({ maxTokens: 9_000 }), 505);
    assert.equal(tokens({ maxTokens: 10, wire: { n: 3 } }), 35);
    assert.ok(
      tokens({ maxTokens: 95, extra: { tools: [{ type: 'function', function: { name: 'find' } }] } }) > 105,
    );
  });

  it('is of an answer that is thought about where that is asked for', () => {
    const [{ prices }] = models as [(typeof models)[0]];
    const thinking = { ...models[0], prices: [{ ...prices?.[0], thinkingOutput: 4_000 }] } as never;
    const cost = (changes: object) =>
      estimateRequest(thinking, { model: 'fast', messages, maxTokens: 10, ...changes }, Date.now()).cost;
    assert.equal(cost({})?.nano, 15e6);
    assert.equal(cost({ wire: { enable_thinking: true } })?.nano, 45e6);
    assert.equal(cost({ wire: { enable_thinking: false } })?.nano, 15e6);
  });
});
