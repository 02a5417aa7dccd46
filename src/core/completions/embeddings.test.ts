import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../errors.ts';
import { anonymous, createBench, createScriptedProvider, hang, keyCaller } from './bench.fixture.ts';
import { embed, localEmbeddingModel, type EmbeddingInput } from './embeddings.ts';
import { estimateTokens } from './estimate.ts';
import type { Provider } from './provider.ts';

const models = [
  { id: localEmbeddingModel, provider: 'parley', capabilities: ['embedding' as const] },
  { id: 'vectors', provider: 'acme', capabilities: ['embedding' as const] },
  { id: 'chatty', provider: 'acme' },
  { id: 'far', provider: 'nobody', capabilities: ['embedding' as const] },
];
const never = new AbortController().signal;

const wanted = (changes: Partial<EmbeddingInput> = {}): EmbeddingInput => ({
  contract: 'openai',
  endpoint: '/embed',
  requestId: 'req_1',
  model: 'vectors',
  inputs: ['tea', 'coffee'],
  ...changes,
});

async function createTested(
  t: Parameters<typeof createBench>[0],
  script?: Provider['embed'],
  fallbackEnabled = true,
) {
  const acme = createScriptedProvider('acme', script && { embed: script });
  const bench = await createBench(t, { models, providers: [acme], retries: { attempts: 2 } });
  const parts = { ...bench.parts, ...bench.completions, fallbackEnabled };
  const run = (input: EmbeddingInput, signal = never, caller = anonymous) =>
    embed(parts, caller, input, signal);
  return { bench, run };
}

const lengthOf = (vector: Float32Array) => Math.hypot(...vector);

describe('embed by a vendor', () => {
  it('passes on inputs and dimensions, and books the vendor’s count', async (t) => {
    const requests: unknown[] = [];
    const vectors = [new Float32Array([1, 0]), new Float32Array([0, 1])];
    const { run, bench } = await createTested(t, (request) => {
      requests.push(request);
      return Promise.resolve({ vectors, promptTokens: 5 });
    });
    const done = await run(wanted({ dimensions: 8 }), never, keyCaller(4));
    assert.deepEqual(done, { vectors, promptTokens: 5, model: 'vectors' });
    assert.deepEqual(requests, [{ model: 'vectors', inputs: ['tea', 'coffee'], dimensions: 8 }]);
    const rows = await bench.calls();
    assert.equal(rows.length, 1);
    const [row] = rows;
    assert.deepEqual(
      [row?.outcome, row?.model, row?.promptTokens, row?.completionTokens, row?.estimated, row?.attempts],
      ['success', 'vectors', 5, 0, false, 1],
    );
    assert.deepEqual([row?.apiKeyId, row?.streamed, row?.endpoint], [4, false, '/embed']);
  });

  it('that fails is an error after its retries, never another model’s vectors', async (t) => {
    const failure = new ParleyError('provider_failed', 'No.', { retryable: true });
    const { run, bench } = await createTested(t, () => Promise.reject(failure));
    await assert.rejects(run(wanted()), (error) => error === failure);
    const rows = await bench.calls();
    assert.equal(rows.length, 1);
    assert.deepEqual(
      [rows[0]?.outcome, rows[0]?.errorCode, rows[0]?.attempts, rows[0]?.promptTokens, rows[0]?.estimated],
      ['failure', 'provider_failed', 2, 0, true],
    );
  });

  const cancelled: [string, EmbeddingInput['inputs'], number, ParleyError | undefined, string][] = [
    ['texts', ['tea', 'coffee'], estimateTokens('tea') + estimateTokens('coffee'), undefined, 'cancelled'],
    ['tokens', [[1, 2, 3], [4]], 4, new ParleyError('overloaded', 'Shutting down.'), 'overloaded'],
  ];
  for (const [what, inputs, tokens, reason, code] of cancelled) {
    it(`that is cancelled is one row with an estimate of its ${what}`, async (t) => {
      const stop = new AbortController();
      const { run, bench } = await createTested(t, (_request, signal) => {
        setImmediate(() => stop.abort(reason));
        return hang(signal);
      });
      await assert.rejects(run(wanted({ inputs }), stop.signal), {
        code,
      });
      const rows = await bench.calls();
      assert.equal(rows.length, 1);
      assert.deepEqual(
        [rows[0]?.outcome, rows[0]?.errorCode, rows[0]?.promptTokens, rows[0]?.estimated],
        ['cancelled', code, tokens, true],
      );
    });
  }

  it('is withheld where it cannot be booked', async (t) => {
    const { run, bench } = await createTested(t, () => Promise.resolve({ vectors: [], promptTokens: 1 }));
    await bench.storage.close();
    await assert.rejects(run(wanted()), { code: 'storage_unavailable' });
    assert.equal(bench.observed.settled.length, 1, 'and is not booked twice');
  });
});

describe('embed by the local model', () => {
  it('makes unit vectors of 512 values, or as many as are wanted, and no call to a vendor', async (t) => {
    const { run, bench } = await createTested(t);
    const done = await run(wanted({ model: localEmbeddingModel }));
    assert.deepEqual(
      done.vectors.map((vector) => vector.length),
      [512, 512],
    );
    for (const vector of done.vectors) assert.ok(Math.abs(lengthOf(vector) - 1) < 1e-6);
    const short = await run(wanted({ model: localEmbeddingModel, dimensions: 8 }));
    assert.equal(short.vectors[0]?.length, 8);
    assert.equal(done.promptTokens, estimateTokens('tea') + estimateTokens('coffee'));
    const [row] = await bench.calls();
    assert.deepEqual([row?.outcome, row?.attempts, row?.estimated], ['success', 0, true]);
  });

  it('stands in for a model whose provider is not configured, or has no embeddings', async (t) => {
    for (const model of ['far', 'vectors']) {
      const { run, bench } = await createTested(t);
      const done = await run(wanted({ model }));
      assert.equal(done.model, localEmbeddingModel);
      const [row] = await bench.calls();
      assert.deepEqual([row?.requestedModel, row?.model], [model, localEmbeddingModel]);
    }
  });

  it('does not stand in where fallbacks are off', async (t) => {
    const { run, bench } = await createTested(t, undefined, false);
    await assert.rejects(run(wanted({ model: 'far' })), {
      code: 'provider_failed',
      message: /not configured/,
    });
    assert.deepEqual(await bench.calls(), []);
    assert.equal((await run(wanted({ model: localEmbeddingModel }))).vectors.length, 2);
  });

  it('takes no tokens', async (t) => {
    const { run, bench } = await createTested(t);
    const asked = run(wanted({ model: localEmbeddingModel, inputs: [[1, 2]] }));
    await assert.rejects(asked, { code: 'invalid_request', field: 'input' });
    assert.deepEqual(
      (await bench.calls()).map(({ outcome, errorCode }) => [outcome, errorCode]),
      [['failure', 'invalid_request']],
    );
  });
});

describe('embed', () => {
  it('knows no model that is unknown or makes no vectors', async (t) => {
    const { run, bench } = await createTested(t);
    for (const model of ['gpt-9', 'chatty']) {
      await assert.rejects(run(wanted({ model })), { code: 'model_not_found', field: 'model' });
    }
    assert.deepEqual(await bench.calls(), []);
  });
});
