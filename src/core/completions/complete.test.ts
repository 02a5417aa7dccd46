import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../errors.ts';
import {
  anonymous,
  answerOf,
  createBench,
  createScriptedProvider,
  hang,
  keyCaller,
  userCaller,
  question,
  usage,
  type Script,
} from './bench.fixture.ts';
import type { ModelEntry } from './catalogue.ts';
import type { CompletionInput } from './completions.ts';
import { complete } from './complete.ts';
import { estimateUsage } from './estimate.ts';

const never = new AbortController().signal;
const broken = () => new ParleyError('provider_failed', 'It broke.', { retryable: true });
const models = [
  { id: 'fast', provider: 'acme' },
  { id: 'spare', provider: 'home' },
];

const acme = (answer?: Script['answer']) => createScriptedProvider('acme', answer && { answer });
const home = () => createScriptedProvider('home', { answer: () => answerOf('From home.') });

describe('a whole answer', () => {
  it('to a user is in the books as theirs, and cached as theirs alone', async (t) => {
    const bench = await createBench(t, { providers: [acme(() => answerOf('Hello!'))] });
    const ask = (userId: number) => complete(bench.completions, userCaller(userId), question('Hi'), never);
    await ask(5);
    assert.equal((await ask(5)).cache.status, 'HIT');
    assert.equal((await ask(6)).cache.status, 'MISS');
    await bench.storage.flush();
    const rows = await bench.storage.apiCalls.list({ limit: 5, owner: 'user:5' });
    assert.deepEqual(
      rows.map(({ owner, userId, apiKeyId, outcome }) => [owner, userId, apiKeyId, outcome]),
      [
        ['user:5', 5, null, 'cache_hit'],
        ['user:5', 5, null, 'success'],
      ],
    );
  });

  it('costs what thinking costs, where it was asked for', async (t) => {
    const price = { from: '2026-01-01', currency: 'CNY' as const, input: 0, output: 2, thinkingOutput: 8 };
    const thinking = [{ id: 'fast', provider: 'acme', prices: [price] }];
    const bench = await createBench(t, { models: thinking, providers: [acme(() => answerOf('Hello!'))] });
    const ask = (extra: Record<string, unknown>) =>
      complete(bench.completions, keyCaller(7), question('Hi', { extra }), never);
    await ask({ enable_thinking: true });
    await ask({ enable_thinking: false });
    const costs = (await bench.calls()).map(({ costNano }) => costNano);
    assert.deepEqual(costs, [8_000 * usage.completionTokens, 2_000 * usage.completionTokens]);
  });

  it('comes with its model and usage, and is in the books when it comes', async (t) => {
    const provider = acme((_request, _signal) => {
      bench.runtime.time += 250;
      return answerOf('Hello!', { extra: { refusal: 'no' } });
    });
    const bench = await createBench(t, { providers: [provider] });
    const input = question('Hi', { temperature: 0.3, maxTokens: 9, extra: { seed: 1 } });
    const done = await complete(bench.completions, keyCaller(7), input, never);
    const [row, ...others] = await bench.storage.apiCalls.list({ limit: 2 });
    assert.deepEqual(done, {
      text: 'Hello!',
      extra: { refusal: 'no' },
      model: 'fast',
      reason: 'stop',
      usage,
      cache: { status: 'MISS', key: done.cache.key, similarity: null },
      kept: false,
    });
    assert.deepEqual(provider.requests, [
      { model: 'fast', messages: input.messages, temperature: 0.3, maxTokens: 9, extra: { seed: 1 } },
    ]);
    assert.deepEqual(others, []);
    assert.deepEqual(row, {
      id: row?.id,
      at: bench.runtime.time,
      day: '2026-09-21',
      contract: 'gateway',
      endpoint: '/ask',
      owner: 'key:7',
      userId: null,
      apiKeyId: 7,
      conversationId: null,
      messageId: null,
      requestedModel: 'fast',
      model: 'fast',
      provider: 'acme',
      outcome: 'success',
      statusCode: 200,
      errorCode: null,
      promptTokens: 12,
      completionTokens: 3,
      cachedPromptTokens: 0,
      estimated: false,
      costNano: 0,
      currency: 'USD',
      durationMs: 250,
      firstTokenMs: null,
      attempts: 1,
      streamed: false,
      clientIp: '192.0.2.2',
      requestId: 'req_1',
    });
  });

  it('comes from the default model where none is named', async (t) => {
    const bench = await createBench(t, { providers: [acme()] });
    const done = await complete(bench.completions, anonymous, question('Hi', { model: undefined }), never);
    assert.equal(done.model, 'fast');
    assert.equal((await bench.calls())[0]?.requestedModel, 'fast');
  });

  it('of a fallback names who answered, and is not kept under the name of who did not', async (t) => {
    const providers = [acme(() => Promise.reject(broken())), home()];
    const bench = await createBench(t, { models, providers, fallback: { default: ['spare'] } });
    for (let i = 0; i < 2; i++) {
      const done = await complete(bench.completions, anonymous, question('Hi'), never);
      assert.deepEqual([done.model, done.cache.status, done.kept], ['spare', 'MISS', false]);
    }
    const rows = await bench.calls();
    assert.deepEqual(
      rows.map((row) => [row.requestedModel, row.model, row.provider, row.attempts]),
      [
        ['fast', 'spare', 'home', 2],
        ['fast', 'spare', 'home', 2],
      ],
    );
  });

  it('of a fallback that sees less rests on words, where the question needs no more', async (t) => {
    const [seen, blind] = [acme(() => Promise.reject(broken())), home()];
    const able: ModelEntry = { id: 'fast', provider: 'acme', capabilities: ['chat', 'vision'] };
    const bench = await createBench(t, {
      models: [able, ...models.slice(1)],
      providers: [seen, blind],
      fallback: { default: ['spare'] },
    });
    const image = { type: 'image' as const, url: 'https://example.com/a.png' };
    const older = { role: 'user' as const, content: [image] };
    const { messages, ...input } = question('And now?');
    const asked = { ...input, messages: [older, ...messages] };
    const done = await complete(bench.completions, anonymous, { ...asked, needs: [] }, never);
    assert.equal(done.model, 'spare');
    assert.deepEqual(seen.requests[0]?.messages, asked.messages);
    const words = [{ type: 'text', text: '[image: https://example.com/a.png]' }];
    assert.deepEqual(blind.requests[0]?.messages, [{ ...older, content: words }, ...messages]);
    await assert.rejects(complete(bench.completions, anonymous, asked, never), { message: 'It broke.' });
    await assert.rejects(complete(bench.completions, anonymous, { ...asked, model: 'spare' }, never), {
      code: 'invalid_request',
      field: 'messages.0.content.0',
    });
  });

  it('comes although its provider refuses what was shown earlier: that becomes words', async (t) => {
    const image = { type: 'image' as const, url: 'https://example.com/expired.png' };
    const refuse = (status: number) =>
      new ParleyError('provider_failed', 'Cannot fetch it.', { vendorStatus: status });
    const older = { role: 'user' as const, content: [image] };
    const { messages, ...input } = question('And now?');
    const asked = { ...input, messages: [older, ...messages], needs: [] };
    const ask = async (status: number, changes: Partial<CompletionInput> = {}) => {
      const provider = acme((request) => {
        const sees = request.messages.some(
          ({ content }) => Array.isArray(content) && content.includes(image),
        );
        if (sees) throw refuse(status);
        return answerOf('Now.');
      });
      const bench = await createBench(t, {
        models: [{ id: 'fast', provider: 'acme', capabilities: ['chat', 'vision'] }],
        providers: [provider],
      });
      const done = complete(bench.completions, anonymous, { ...asked, ...changes }, never);
      const text = await done.then((completion) => completion.text).catch((thrown: Error) => thrown.message);
      return [text, provider.requests.length];
    };
    assert.deepEqual(await ask(400), ['Now.', 2]);
    assert.deepEqual(await ask(500), ['Cannot fetch it.', 1]);
    assert.deepEqual(await ask(400, { needs: undefined }), ['Cannot fetch it.', 1]);
    const shownNow = {
      messages: [...messages, older],
      needs: [{ capability: 'vision' as const, field: 'content.0' }],
    };
    assert.deepEqual(await ask(400, shownNow), ['Cannot fetch it.', 1]);
  });

  it('is an error for an unknown model, and no call', async (t) => {
    const bench = await createBench(t, { providers: [acme()] });
    const asked = complete(bench.completions, anonymous, question('Hi', { model: 'gpt-9' }), never);
    await assert.rejects(asked, { code: 'model_not_found' });
    assert.deepEqual(await bench.calls(), []);
  });
});

describe('a call that fails', () => {
  for (const [code, status] of [
    ['provider_failed', 502],
    ['provider_timeout', 504],
  ] as const) {
    it(`is one row with its reason and attempts: ${code}`, async (t) => {
      const provider = acme(() => Promise.reject(new ParleyError(code, 'No.', { retryable: true })));
      const bench = await createBench(t, { providers: [provider], retries: { attempts: 2 } });
      await assert.rejects(complete(bench.completions, anonymous, question('Hi'), never), { code });
      const rows = await bench.calls();
      assert.equal(rows.length, 1);
      const [row] = rows;
      assert.deepEqual(
        [row?.outcome, row?.errorCode, row?.statusCode, row?.attempts, row?.promptTokens, row?.estimated],
        ['failure', code, status, 2, 0, true],
      );
    });
  }

  it('tells nothing of an error that nobody expected', async (t) => {
    const provider = acme(() => Promise.reject(new TypeError('secret internals')));
    const bench = await createBench(t, { providers: [provider] });
    await assert.rejects(complete(bench.completions, anonymous, question('Hi'), never), (error: Error) => {
      assert.ok(error instanceof ParleyError && error.code === 'internal');
      return !error.message.includes('secret');
    });
    assert.equal((await bench.calls())[0]?.errorCode, 'internal');
  });
});

describe('a call that is cancelled', () => {
  for (const [what, reason, code] of [
    ['by its client', undefined, 'cancelled'],
    ['by a shutdown', new ParleyError('overloaded', 'Shutting down.'), 'overloaded'],
  ] as const) {
    it(`${what} reaches the vendor and is one row with an estimate`, async (t) => {
      const stop = new AbortController();
      const provider = acme((_request, signal) => {
        setImmediate(() => stop.abort(reason));
        return hang(signal);
      });
      const bench = await createBench(t, {
        models,
        providers: [provider, home()],
        fallback: { default: ['spare'] },
      });
      const input = question('How are you today?');
      await assert.rejects(complete(bench.completions, anonymous, input, stop.signal), { code });
      const rows = await bench.calls();
      assert.equal(rows.length, 1);
      const [row] = rows;
      assert.deepEqual(
        [row?.outcome, row?.errorCode, row?.statusCode, row?.attempts, row?.estimated, row?.model],
        ['cancelled', code, 499, 1, true, 'fast'],
      );
      assert.equal(row?.promptTokens, estimateUsage(input.messages, '').promptTokens);
      assert.ok((row?.promptTokens ?? 0) > 0);
      assert.equal(provider.signals[0], stop.signal);
    });
  }
});

describe('a whole answer and the cache', () => {
  it('the second is the first: noted as a hit that costs nothing, the vendor not asked', async (t) => {
    const provider = acme();
    const bench = await createBench(t, { providers: [provider] });
    const first = await complete(bench.completions, anonymous, question('What is tea?'), never);
    const second = await complete(bench.completions, anonymous, question('What is tea?'), never);
    const similar = await complete(bench.completions, anonymous, question('  what is TEA ?'), never);
    assert.equal(first.kept, true);
    assert.deepEqual(second.cache, { status: 'HIT', key: first.cache.key, similarity: 1 });
    assert.equal(second.text, first.text);
    assert.equal(similar.cache.status, 'HIT');
    assert.ok((similar.cache.similarity ?? 0) >= 0.95);
    assert.equal(provider.requests.length, 1);
    const rows = await bench.calls();
    assert.deepEqual(
      rows.map((row) => [row.outcome, row.attempts, row.costNano, row.promptTokens]),
      [
        ['success', 1, 0, 12],
        ['cache_hit', 0, 0, 12],
        ['cache_hit', 0, 0, 12],
      ],
    );
  });

  it('is the owner’s own, unless all share', async (t) => {
    for (const [cacheScope, status] of [
      ['caller', 'MISS'],
      ['shared', 'HIT'],
    ] as const) {
      const bench = await createBench(t, { providers: [acme()], cacheScope });
      await complete(bench.completions, keyCaller(1), question('Hi'), never);
      const other = await complete(bench.completions, keyCaller(2), question('Hi'), never);
      const nobody = await complete(bench.completions, anonymous, question('Hi'), never);
      assert.deepEqual([other.cache.status, nobody.cache.status], [status, status]);
    }
  });

  it('does as the request says', async (t) => {
    const provider = acme();
    const bench = await createBench(t, { providers: [provider] });
    const ask = async (cache: { read: boolean; write: boolean } | null) => {
      const done = await complete(bench.completions, anonymous, question('Hi', { cache }), never);
      return [done.cache.status, done.cache.key === null, done.kept];
    };
    assert.deepEqual(await ask(null), ['BYPASS', true, false]);
    assert.deepEqual(await ask({ read: false, write: false }), ['BYPASS', false, false]);
    assert.deepEqual(await ask({ read: true, write: true }), ['MISS', false, true]);
    assert.deepEqual(await ask({ read: false, write: true }), ['BYPASS', false, true]);
    assert.deepEqual(await ask({ read: true, write: true }), ['HIT', false, true]);
    assert.equal(provider.requests.length, 4);
  });

  it('asks again when the provider’s knowledge has changed', async (t) => {
    let revision = '1';
    const provider = createScriptedProvider('acme', { revision: () => revision });
    const bench = await createBench(t, { providers: [provider] });
    const status = async () =>
      (await complete(bench.completions, anonymous, question('Hi'), never)).cache.status;
    assert.deepEqual([await status(), await status()], ['MISS', 'HIT']);
    revision = '2';
    assert.equal(await status(), 'MISS');
  });

  for (const [what, answer] of [
    ['calls tools', answerOf('', { reason: 'tool_calls', extra: { tool_calls: [] } })],
    ['was cut off by a filter', answerOf('Half', { reason: 'content_filter' })],
    ['holds more than text', answerOf('Text', { extra: { refusal: 'no' } })],
    ['is empty', answerOf('')],
  ] as const) {
    it(`an answer that ${what} is not kept`, async (t) => {
      const bench = await createBench(t, { providers: [acme(() => answer)] });
      for (let i = 0; i < 2; i++) {
        const done = await complete(bench.completions, anonymous, question('Hi'), never);
        assert.deepEqual([done.cache.status, done.kept], ['MISS', false]);
      }
    });
  }

  it('an answer of the full length is kept', async (t) => {
    const bench = await createBench(t, { providers: [acme(() => answerOf('Long', { reason: 'length' }))] });
    await complete(bench.completions, anonymous, question('Hi'), never);
    const again = await complete(bench.completions, anonymous, question('Hi'), never);
    assert.deepEqual([again.cache.status, again.reason], ['HIT', 'length']);
  });

  it('counts how long answers take', async (t) => {
    const provider = acme(() => {
      bench.runtime.time += 100;
      return answerOf('Hi');
    });
    const bench = await createBench(t, { providers: [provider] });
    await complete(bench.completions, anonymous, question('Hi'), never);
    await complete(bench.completions, anonymous, question('Hi'), never);
    assert.equal(bench.completions.cache.stats().meanResponseMs, 50);
  });
});

describe('where the store fails', () => {
  it('an answer is withheld, also as a later hit', async (t) => {
    const bench = await createBench(t, { providers: [acme()] });
    await bench.storage.close();
    for (let i = 0; i < 2; i++) {
      const asked = complete(bench.completions, anonymous, question('Hi'), never);
      await assert.rejects(asked, { code: 'storage_unavailable', retryable: true });
    }
    assert.equal(bench.completions.cache.stats().entries, 0);
    assert.equal(bench.log.lines.filter(({ level }) => level === 'error').length, 2);
  });

  it('a failure is reported as the store’s', async (t) => {
    const bench = await createBench(t, { providers: [acme(() => Promise.reject(broken()))] });
    await bench.storage.close();
    const asked = complete(bench.completions, anonymous, question('Hi'), never);
    await assert.rejects(asked, { code: 'storage_unavailable' });
  });
});
