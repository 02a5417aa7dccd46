import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../errors.ts';
import {
  anonymous,
  answerOf,
  createBench,
  createScriptedProvider,
  hang,
  type Script,
} from './bench.fixture.ts';
import { textOf } from './messages.ts';
import { warm, type WarmInput } from './warm.ts';

const models = [
  { id: 'fast', provider: 'acme' },
  { id: 'smart', provider: 'acme' },
  { id: 'spare', provider: 'home' },
];
const never = new AbortController().signal;
const sets = { greeting: ['Hello', 'Good morning'] };

const wanted = (changes: Partial<WarmInput> = {}): WarmInput => ({
  contract: 'gateway',
  endpoint: '/warm',
  requestId: 'req_1',
  patterns: ['greeting'],
  models: [],
  limit: 100,
  ...changes,
});

const createTested = async (t: Parameters<typeof createBench>[0], answer?: Script['answer']) => {
  const acme = createScriptedProvider('acme', answer && { answer });
  const bench = await createBench(t, {
    models,
    providers: [acme, createScriptedProvider('home')],
    fallback: { models: { smart: ['spare'] } },
  });
  const asked = () => acme.requests.map(({ model, messages }) => `${model}: ${textOf(messages[0]!.content)}`);
  const run = (input: WarmInput, signal = never) =>
    warm(
      { completions: bench.completions, promptSets: sets, inOrder: (_owner, _signal, work) => work() },
      anonymous,
      input,
      signal,
    );
  return { bench, asked, run };
};

describe('warm', () => {
  it('asks the default model each prompt of a set, and literal prompts', async (t) => {
    const { asked, run, bench } = await createTested(t);
    const report = await run(wanted({ patterns: ['greeting', 'What is tea?'] }));
    assert.deepEqual(asked(), ['fast: Hello', 'fast: Good morning', 'fast: What is tea?']);
    assert.deepEqual([report.warmed, report.skipped, report.failed], [3, 0, 0]);
    assert.deepEqual(report.entries.map(({ prompt, model }) => `${model}: ${prompt}`).sort(), asked().sort());
    assert.equal(bench.completions.cache.stats().entries, 3);
    assert.deepEqual([...new Set((await bench.calls()).map(({ endpoint }) => endpoint))], ['/warm']);
  });

  it('skips what is there', async (t) => {
    const { run } = await createTested(t);
    const first = await run(wanted());
    const second = await run(wanted());
    assert.deepEqual([second.warmed, second.skipped, second.failed], [0, 2, 0]);
    assert.deepEqual(
      new Set(second.entries.map(({ cacheKey }) => cacheKey)),
      new Set(first.entries.map(({ cacheKey }) => cacheKey)),
    );
  });

  it('asks each model, nobody the same twice, and no more than the limit', async (t) => {
    const { asked, run } = await createTested(t);
    await run(wanted({ models: ['fast', 'smart', 'fast'], patterns: ['greeting', 'Hello'], limit: 3 }));
    assert.deepEqual(asked(), ['fast: Hello', 'fast: Good morning', 'smart: Hello']);
  });

  it('takes a prompt for a prompt, whatever it is called', async (t) => {
    const { asked, run } = await createTested(t);
    await run(wanted({ patterns: ['constructor', '__proto__'] }));
    assert.deepEqual(asked(), ['fast: constructor', 'fast: __proto__']);
  });

  it('counts failures and unknown models, and goes on', async (t) => {
    const { run, bench } = await createTested(t, ({ messages }) => {
      if (messages[0]?.content === 'Hello') throw new ParleyError('provider_failed', 'No.');
      return answerOf('Hi');
    });
    const report = await run(wanted({ models: ['fast', 'gpt-9'] }));
    assert.deepEqual([report.warmed, report.failed, report.entries.length], [1, 3, 1]);
    assert.equal(bench.log.lines.length, 3);
  });

  it('counts an answer that was not kept as failed: a fallback’s', async (t) => {
    const { run } = await createTested(t, () => Promise.reject(new ParleyError('provider_failed', 'No.')));
    const report = await run(wanted({ models: ['smart'] }));
    assert.deepEqual(report, { warmed: 0, skipped: 0, failed: 2, entries: [] });
  });

  it('asks four at once at most', async (t) => {
    let running = 0;
    let most = 0;
    const { run } = await createTested(t, async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return answerOf('Hi');
    });
    const report = await run(wanted({ patterns: Array.from({ length: 12 }, (_, i) => `Question ${i}`) }));
    assert.deepEqual([report.warmed, most], [12, 4]);
  });

  it('stops when it is cancelled', async (t) => {
    const stop = new AbortController();
    const { run, asked } = await createTested(t, (_request, signal, call) => {
      if (call === 4) setImmediate(() => stop.abort());
      return hang(signal);
    });
    const patterns = Array.from({ length: 12 }, (_, i) => `Question ${i}`);
    const report = await run(wanted({ patterns }), stop.signal);
    assert.deepEqual([report.warmed, report.failed, asked().length], [0, 4, 4]);
  });
});
