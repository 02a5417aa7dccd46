import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../errors.ts';
import {
  anonymous,
  createBench,
  createScriptedProvider,
  finish,
  groups,
  hang,
  keyCaller,
  question,
  textDelta,
  usage,
  type Bench,
  type BenchOptions,
  type Script,
} from './bench.fixture.ts';
import type { CompletionEvent, CompletionInput } from './completions.ts';
import { estimateTokens, estimateUsage } from './estimate.ts';
import type { ProviderEvent } from './provider.ts';
import { stream } from './stream.ts';

const never = new AbortController().signal;
const broken = () => new ParleyError('provider_failed', 'It broke.', { retryable: true });
const models = [
  { id: 'fast', provider: 'acme' },
  { id: 'spare', provider: 'home' },
];
const home = () =>
  createScriptedProvider('home', { stream: () => groups([textDelta('From home.'), finish()]) });

function createTested(
  t: Parameters<typeof createBench>[0],
  script: Script['stream'],
  options: BenchOptions = {},
) {
  const acme = createScriptedProvider('acme', script && { stream: script });
  return createBench(t, { models, providers: [acme, home()], ...options });
}

const open = (bench: Bench, input: CompletionInput = question('Hi'), signal = never, caller = anonymous) =>
  stream(bench.completions, caller, input, signal);

async function all(events: AsyncGenerator<CompletionEvent[]>): Promise<CompletionEvent[][]> {
  return Array.fromAsync(events);
}

/** What came before the failure, and the failure. */
async function allUntilFailure(events: AsyncGenerator<CompletionEvent[]>) {
  const seen: CompletionEvent[] = [];
  try {
    for await (const group of events) seen.push(...group);
  } catch (thrown) {
    assert.ok(thrown instanceof ParleyError);
    return { seen, failure: thrown };
  }
  return assert.fail('the stream did not fail');
}

const textsOf = (events: CompletionEvent[]) =>
  events.flatMap((event) => (event.type === 'text-delta' ? [event.text] : []));

async function onlyRow(bench: Bench) {
  const rows = await bench.calls();
  assert.equal(rows.length, 1, 'exactly one row');
  return rows[0]!;
}

describe('a streamed answer', () => {
  it('keeps the vendor’s groups, with its beginning and its end by themselves', async (t) => {
    const bench = await createTested(t, () =>
      groups([textDelta('a'), textDelta('b')], [textDelta('c')], [textDelta('d'), finish()]),
    );
    const events = await all(open(bench));
    const model = 'fast';
    const [[start]] = events as [[CompletionEvent]];
    assert.ok(start.type === 'start');
    assert.deepEqual(start.cache, { status: 'MISS', key: start.cache.key, similarity: null });
    assert.match(start.cache.key ?? '', /^[0-9a-f]{64}$/);
    assert.deepEqual(events.slice(1), [
      [
        { type: 'text-delta', text: 'a', model },
        { type: 'text-delta', text: 'b', model },
      ],
      [{ type: 'text-delta', text: 'c', model }],
      [{ type: 'text-delta', text: 'd', model }],
      [{ type: 'finish', reason: 'stop', usage, model }],
    ]);
  });

  it('passes on what is more than text', async (t) => {
    const delta = { tool_calls: [{ index: 0 }] };
    const bench = await createTested(t, () =>
      groups([{ type: 'extra-delta', delta }], [finish({ reason: 'tool_calls' })]),
    );
    const events = (await all(open(bench))).flat();
    assert.deepEqual(events[1], { type: 'extra-delta', delta, model: 'fast' });
    assert.equal(bench.completions.cache.stats().entries, 0, 'and does not keep it');
  });

  it('begins before the vendor has said anything', async (t) => {
    const bench = await createTested(t, async function* (_request, signal) {
      yield await hang(signal);
    });
    const stop = new AbortController();
    const events = open(bench, question('Hi'), stop.signal);
    assert.equal((await events.next()).value[0]?.type, 'start');
    stop.abort();
    await assert.rejects(events.next(), { code: 'cancelled' });
  });

  it('is one row with its times, usage and attempts', async (t) => {
    const bench = await createTested(t, async function* () {
      bench.runtime.time += 40;
      yield await Promise.resolve([textDelta('a')]);
      bench.runtime.time += 60;
      yield [finish({ usage: { ...usage, cachedPromptTokens: 5 } })];
    });
    await all(open(bench, question('Hi'), never, keyCaller(3)));
    const row = await onlyRow(bench);
    assert.deepEqual(
      [row.outcome, row.errorCode, row.streamed, row.firstTokenMs, row.durationMs, row.attempts, row.owner],
      ['success', null, true, 40, 100, 1, 'key:3'],
    );
    assert.deepEqual(
      [row.promptTokens, row.completionTokens, row.cachedPromptTokens, row.estimated],
      [12, 3, 5, false],
    );
  });

  it('ends only after its row is committed', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('a'), finish()]));
    let recorded = 0;
    const { settle } = bench.completions.meter;
    bench.completions.meter.settle = async (...call) => {
      await settle(...call);
      recorded = (await bench.storage.apiCalls.list({ limit: 9 })).length;
    };
    const rowsAt: Record<string, number> = {};
    for await (const [event] of open(bench)) if (event !== undefined) rowsAt[event.type] = recorded;
    assert.deepEqual(rowsAt, { start: 0, 'text-delta': 0, finish: 1 });
  });

  it('may be empty of text', async (t) => {
    const bench = await createTested(t, () => groups([finish()]));
    const events = (await all(open(bench))).flat();
    assert.deepEqual(
      events.map(({ type }) => type),
      ['start', 'finish'],
    );
    assert.equal((await onlyRow(bench)).firstTokenMs, null);
    assert.equal(bench.completions.cache.stats().entries, 0);
  });
});

describe('a streamed answer whose vendor fails', () => {
  it('before the first token is tried again, then by the next model, with nothing shown twice', async (t) => {
    const bench = await createTested(t, () => groups(broken()), {
      retries: { attempts: 2 },
      fallback: { default: ['spare'] },
    });
    const events = (await all(open(bench))).flat();
    assert.deepEqual(textsOf(events), ['From home.']);
    const row = await onlyRow(bench);
    assert.deepEqual(
      [row.requestedModel, row.model, row.attempts, row.outcome],
      ['fast', 'spare', 3, 'success'],
    );
    assert.equal(bench.completions.cache.stats().entries, 0, 'a fallback’s answer is not kept');
  });

  it('before the first token, with nobody to stand in, is a failure that used nothing', async (t) => {
    const bench = await createTested(t, () => groups(broken()));
    const { seen, failure } = await allUntilFailure(open(bench));
    assert.deepEqual([seen.length, failure.code], [1, 'provider_failed']);
    const row = await onlyRow(bench);
    assert.deepEqual(
      [row.outcome, row.errorCode, row.promptTokens, row.completionTokens, row.estimated, row.firstTokenMs],
      ['failure', 'provider_failed', 0, 0, true, null],
    );
  });

  it('after the first token fails with an estimate, and nobody continues it', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('Once upon a time')], broken()), {
      retries: { attempts: 3 },
      fallback: { default: ['spare'] },
    });
    const input = question('Tell me a story');
    const { seen, failure } = await allUntilFailure(open(bench, input));
    assert.deepEqual([textsOf(seen), failure.code], [['Once upon a time'], 'provider_failed']);
    const row = await onlyRow(bench);
    const estimate = estimateUsage(input.messages, 'Once upon a time');
    assert.deepEqual(
      [row.outcome, row.model, row.promptTokens, row.completionTokens, row.estimated, row.attempts],
      ['failure', 'fast', estimate.promptTokens, estimate.completionTokens, true, 1],
    );
  });

  it('for what was shown earlier in a conversation is asked again with words in its place', async (t) => {
    const image = { type: 'image' as const, url: 'https://example.com/expired.png' };
    const bench = await createTested(
      t,
      (_request, _signal, call) =>
        call === 1
          ? groups(new ParleyError('provider_failed', 'Cannot fetch it.', { vendorStatus: 400 }))
          : groups([textDelta('Now.'), finish()]),
      { models: [{ id: 'fast', provider: 'acme', capabilities: ['chat', 'vision'] }] },
    );
    const { messages, ...input } = question('And now?');
    const asked = { ...input, messages: [{ role: 'user' as const, content: [image] }, ...messages] };
    assert.deepEqual(textsOf((await all(open(bench, { ...asked, needs: [] }))).flat()), ['Now.']);
    const row = await onlyRow(bench);
    assert.deepEqual([row.outcome, row.attempts], ['success', 2]);
  });

  it('by saying nothing at all is tried again', async (t) => {
    const bench = await createTested(
      t,
      (_request, _signal, call) => (call === 1 ? groups() : groups([textDelta('a'), finish()])),
      { retries: { attempts: 2 } },
    );
    assert.deepEqual(textsOf((await all(open(bench))).flat()), ['a']);
  });

  it('by ending without a finish is no success and no cancellation', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('Half')]));
    const { failure } = await allUntilFailure(open(bench));
    assert.equal(failure.code, 'provider_failed');
    const row = await onlyRow(bench);
    assert.deepEqual([row.outcome, row.errorCode, row.estimated], ['failure', 'provider_failed', true]);
  });

  it('speaks against the provider, however well its answers begin', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('Half')], broken()));
    for (let i = 0; i < 3; i++) await allUntilFailure(open(bench));
    assert.equal(bench.parts.slots.get('acme')?.breaker.isOpen(), true);
  });
});

it('a streamed answer that begins shows that its provider is back, before it ends', async (t) => {
  const bench = await createTested(
    t,
    (_request, _signal, call) =>
      call === 1 ? groups(broken()) : groups([textDelta('a')], [textDelta('b'), finish()]),
    { breaker: { failures: 1 } },
  );
  const breaker = bench.parts.slots.get('acme')?.breaker;
  await allUntilFailure(open(bench));
  assert.equal(breaker?.isOpen(), true);
  bench.runtime.time += 10_000;
  for await (const [event] of open(bench)) {
    if (event?.type === 'text-delta') assert.equal(breaker?.isOpen(), false);
  }
});

describe('a streamed answer that is cancelled', () => {
  it('before the first token reaches the vendor and is one row with the prompt’s estimate', async (t) => {
    const stop = new AbortController();
    const bench = await createTested(
      t,
      async function* (_request, signal) {
        setImmediate(() => stop.abort());
        yield await hang(signal);
      },
      { retries: { attempts: 3 }, fallback: { default: ['spare'] } },
    );
    const input = question('How are you today?');
    const { failure } = await allUntilFailure(open(bench, input, stop.signal));
    assert.equal(failure.code, 'cancelled');
    const row = await onlyRow(bench);
    assert.deepEqual(
      [row.outcome, row.errorCode, row.statusCode, row.promptTokens, row.completionTokens, row.attempts],
      ['cancelled', 'cancelled', 499, estimateUsage(input.messages, '').promptTokens, 0, 1],
    );
    assert.equal(bench.parts.slots.get('acme')?.breaker.isOpen(), false);
  });

  it('after the first token keeps the estimate of what was written', async (t) => {
    const stop = new AbortController();
    const bench = await createTested(
      t,
      async function* (_request, signal) {
        yield await Promise.resolve([textDelta('A first sentence.')]);
        yield await hang(signal);
      },
      { breaker: { failures: 1 } },
    );
    const events = open(bench, question('Hi'), stop.signal);
    await events.next();
    await events.next();
    stop.abort(new ParleyError('overloaded', 'Shutting down.'));
    await assert.rejects(events.next(), { code: 'overloaded', message: 'Shutting down.' });
    const row = await onlyRow(bench);
    assert.deepEqual(
      [row.outcome, row.errorCode, row.estimated, row.completionTokens],
      ['cancelled', 'overloaded', true, estimateTokens('A first sentence.')],
    );
    assert.equal(bench.parts.slots.get('acme')?.breaker.isOpen(), false);
    assert.equal(bench.completions.cache.stats().entries, 0);
  });

  it('while the model thinks keeps the estimate of its thoughts, at their price', async (t) => {
    const stop = new AbortController();
    const thoughts = 'A long thought about it. ';
    const call = { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const price = { from: '1970-01-01', currency: 'CNY' as const, input: 0, output: 2, thinkingOutput: 8 };
    const bench = await createTested(
      t,
      async function* (_request, signal) {
        yield await Promise.resolve([
          { type: 'extra-delta' as const, delta: { reasoning_content: thoughts } },
          { type: 'extra-delta' as const, delta: { reasoning_content: thoughts } },
          { type: 'extra-delta' as const, delta: { tool_calls: [call] } },
        ]);
        yield await hang(signal);
      },
      { models: [{ id: 'fast', provider: 'acme', prices: [price] }] },
    );
    const events = open(bench, question('Hi'), stop.signal);
    await events.next();
    await events.next();
    stop.abort();
    await assert.rejects(events.next(), { code: 'cancelled' });
    const row = await onlyRow(bench);
    const written = estimateTokens(`${thoughts}${thoughts}f{}`);
    assert.deepEqual([row.completionTokens, row.costNano], [written, written * 8_000]);
  });

  it('by a reader that leaves early ends the vendor’s stream too', async (t) => {
    let ended = false;
    const bench = await createTested(t, async function* () {
      try {
        yield await Promise.resolve([textDelta('a')]);
        yield [textDelta('b'), finish()];
      } finally {
        ended = true;
      }
    });
    for await (const [event] of open(bench)) if (event?.type === 'text-delta') break;
    assert.equal(ended, true);
    const row = await onlyRow(bench);
    assert.deepEqual([row.outcome, row.errorCode, row.estimated], ['cancelled', 'cancelled', true]);
  });

  it('by a reader that leaves before the last group’s end has the vendor’s own figures', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('a'), finish()]));
    for await (const [event] of open(bench)) if (event?.type === 'text-delta') break;
    const row = await onlyRow(bench);
    assert.deepEqual([row.outcome, row.promptTokens, row.estimated], ['cancelled', 12, false]);
  });

  it('by a reader that leaves at the start is no call at all', async (t) => {
    const bench = await createTested(t, () => groups([finish()]));
    for await (const _start of open(bench)) break;
    assert.deepEqual(await bench.calls(), []);
  });
});

describe('a streamed answer and the cache', () => {
  it('is kept, and comes back in one group that is noted as a hit', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('a')], [textDelta('b')], [finish()]));
    await all(open(bench));
    const [[start], ...rest] = (await all(open(bench))) as [[CompletionEvent], ...CompletionEvent[][]];
    assert.ok(start.type === 'start');
    assert.deepEqual([start.cache.status, start.cache.similarity], ['HIT', 1]);
    assert.deepEqual(rest, [
      [
        { type: 'text-delta', text: 'ab', model: 'fast' },
        { type: 'finish', reason: 'stop', usage, model: 'fast' },
      ],
    ]);
    const rows = await bench.calls();
    assert.deepEqual(
      rows.map(({ outcome, attempts, streamed }) => [outcome, attempts, streamed]),
      [
        ['success', 1, true],
        ['cache_hit', 0, true],
      ],
    );
  });

  it('of a content filter is not kept', async (t) => {
    const bench = await createTested(t, () => groups([textDelta('a'), finish({ reason: 'content_filter' })]));
    await all(open(bench));
    assert.equal(bench.completions.cache.stats().entries, 0);
  });
});

describe('where the store fails', () => {
  const cases: [string, (ProviderEvent[] | Error)[]][] = [
    ['a streamed answer does not end well', [[textDelta('a'), finish()]]],
    ['a streamed failure is the store’s', [[textDelta('a')], broken()]],
  ];
  for (const [what, steps] of cases) {
    it(what, async (t) => {
      const bench = await createTested(t, () => groups(...steps));
      await bench.storage.close();
      const { seen, failure } = await allUntilFailure(open(bench));
      assert.deepEqual(
        [textsOf(seen), failure.code, failure.retryable],
        [['a'], 'storage_unavailable', true],
      );
      assert.equal(
        seen.some(({ type }) => type === 'finish'),
        false,
      );
      assert.equal(bench.completions.cache.stats().entries, 0);
    });
  }
});
