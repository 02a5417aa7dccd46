import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { ParleyError } from '../errors.ts';
import {
  answerOf,
  createBench,
  createScriptedProvider,
  finish,
  groups,
  hang,
  question,
  textDelta,
  usage,
  userCaller,
  type BenchOptions,
  type Script,
} from './bench.fixture.ts';
import { complete } from './complete.ts';
import type { CompletionEvent } from './completions.ts';
import { estimateTokens } from './estimate.ts';
import type { ProviderEvent } from './provider.ts';
import { stream } from './stream.ts';

const never = new AbortController().signal;
const mina = userCaller(7);
const wire = { model: 'fast', messages: [{ role: 'user', content: 'Hi' }], a_field_of_tomorrow: [1] };
const relayed = question('Hi', {
  wire,
  cache: null,
  about: { conversationId: 42, messageId: 43 },
});
const models = [
  { id: 'fast', provider: 'acme' },
  { id: 'spare', provider: 'home' },
];
const wireChunk = (text: string): ProviderEvent => ({ type: 'wire-chunk', chunk: `{"c":"${text}"}`, text });
const refused = (vendorStatus: number) =>
  new ParleyError('provider_failed', 'acme answered with a status: No', {
    vendorStatus,
    retryable: vendorStatus === 429 || vendorStatus >= 500,
    ...(vendorStatus === 429 && { retryAfterMs: 60_000 }),
  });

async function createTested(t: TestContext, script: Script, options: BenchOptions = {}) {
  const acme = createScriptedProvider('acme', script);
  const home = createScriptedProvider('home');
  const bench = await createBench(t, { models, providers: [acme, home], ...options });
  return { bench, acme, home };
}

describe('a relayed request', () => {
  it('is given to the provider with what it was, and its answer back as it came', async (t) => {
    const answer = { id: 'chatcmpl-1', choices: [{}, {}] };
    const { bench, acme } = await createTested(t, { answer: () => answerOf('Hi', { wire: answer }) });
    const completion = await complete(bench.completions, mina, relayed, never);
    assert.equal(acme.requests[0]?.wire, wire);
    assert.equal(completion.wire, answer);
  });

  it('has no vendor’s words where the provider speaks otherwise', async (t) => {
    const { bench } = await createTested(t, {});
    assert.equal((await complete(bench.completions, mina, relayed, never)).wire, undefined);
  });

  it('is a row that says what it is about; others say nothing', async (t) => {
    const { bench } = await createTested(t, { stream: () => groups([wireChunk('a'), finish()]) });
    await complete(bench.completions, mina, relayed, never);
    await Array.fromAsync(stream(bench.completions, mina, relayed, never));
    await complete(bench.completions, mina, question('Hi'), never);
    const rows = await bench.calls();
    assert.deepEqual(
      rows.map(({ conversationId, messageId, owner }) => [conversationId, messageId, owner]),
      [
        [42, 43, 'user:7'],
        [42, 43, 'user:7'],
        [null, null, 'user:7'],
      ],
    );
  });

  it('streams the vendor’s chunks, its end in the books', async (t) => {
    const { bench } = await createTested(t, {
      stream: () => groups([wireChunk('a'), wireChunk('b')], [wireChunk(''), finish()]),
    });
    const events = (await Array.fromAsync(stream(bench.completions, mina, relayed, never))).flat();
    const chunk = (text: string) => ({ ...wireChunk(text), model: 'fast' });
    assert.deepEqual(events.slice(1), [
      chunk('a'),
      chunk('b'),
      chunk(''),
      { type: 'finish', reason: 'stop', usage, model: 'fast' },
    ]);
  });

  it('that its reader leaves is cancelled, with an estimate of what was written', async (t) => {
    const stop = new AbortController();
    const { bench } = await createTested(t, {
      stream: async function* (_request, signal) {
        yield await Promise.resolve([wireChunk('A first sentence.')]);
        yield await hang(signal);
      },
    });
    const events: CompletionEvent[] = [];
    await assert.rejects(
      async () => {
        for await (const group of stream(bench.completions, mina, relayed, stop.signal)) {
          events.push(...group);
          if (events.length === 2) stop.abort();
        }
      },
      { code: 'cancelled' },
    );
    const [row] = await bench.calls();
    assert.deepEqual(
      [row?.outcome, row?.estimated, row?.completionTokens, row?.conversationId],
      ['cancelled', true, estimateTokens('A first sentence.'), 42],
    );
  });
});

describe('a refusal of a relayed request', () => {
  const ways: [string, (status: number) => Script, (bench: Bench) => Promise<unknown>][] = [
    [
      'whole',
      (status) => ({ answer: () => Promise.reject(refused(status)) }),
      ({ completions }) => complete(completions, mina, relayed, never),
    ],
    [
      'streamed',
      (status) => ({ stream: () => groups(refused(status)) }),
      ({ completions }) => Array.fromAsync(stream(completions, mina, relayed, never)),
    ],
  ];
  type Bench = Awaited<ReturnType<typeof createBench>>;
  for (const [way, scriptFor, ask] of ways) {
    for (const status of [400, 404, 413, 422]) {
      it(`with ${status} is the client's to hear, and nobody else is asked (${way})`, async (t) => {
        const { bench, acme, home } = await createTested(t, scriptFor(status), {
          fallback: { default: ['spare'] },
          retries: { attempts: 3 },
        });
        await assert.rejects(ask(bench), (error) => {
          assert.ok(error instanceof ParleyError);
          assert.deepEqual(
            [error.code, error.message, error.verbatim, error.retryable],
            ['invalid_request', 'acme answered with a status: No', true, false],
          );
          return true;
        });
        assert.deepEqual([acme.requests.length, home.requests.length], [1, 0]);
        const [row] = await bench.calls();
        assert.deepEqual(
          [row?.outcome, row?.errorCode, row?.statusCode],
          ['failure', 'invalid_request', 400],
        );
      });
    }

    it(`with 429 is rate_limited where nobody stands in (${way})`, async (t) => {
      const { bench } = await createTested(t, scriptFor(429));
      await assert.rejects(ask(bench), { code: 'rate_limited', retryAfterMs: 60_000, retryable: true });
      const [row] = await bench.calls();
      assert.deepEqual([row?.errorCode, row?.statusCode], ['rate_limited', 429]);
    });

    for (const status of [401, 429, 500]) {
      it(`with ${status} is answered by who stands in (${way})`, async (t) => {
        const { bench, home } = await createTested(t, scriptFor(status), {
          fallback: { default: ['spare'] },
        });
        await ask(bench);
        assert.equal(home.requests[0]?.wire, wire);
      });
    }

    it(`with 503 stays the provider's failure (${way})`, async (t) => {
      const { bench } = await createTested(t, scriptFor(503));
      await assert.rejects(ask(bench), { code: 'provider_failed', vendorStatus: 503 });
    });
  }

  it('is the provider’s failure where the request was ours', async (t) => {
    const script = { answer: () => Promise.reject(refused(400)) };
    const { bench } = await createTested(t, script, { fallback: { default: ['spare'] } });
    const completion = await complete(bench.completions, mina, question('Hi'), never);
    assert.equal(completion.model, 'spare');
  });

  it('in the middle of its answer is a failure like others', async (t) => {
    const { bench } = await createTested(t, { stream: () => groups([textDelta('a')], refused(400)) });
    await assert.rejects(Array.fromAsync(stream(bench.completions, mina, relayed, never)), {
      code: 'provider_failed',
    });
  });
});
