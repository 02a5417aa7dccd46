import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParleyError } from '../../errors.ts';
import { createBench, createScriptedProvider } from '../bench.fixture.ts';
import type { EmbeddingRequest, Provider } from '../provider.ts';
import { createCacheEmbed, embedderOf } from './cache-embed.ts';
import { embedLexically, lexicalEmbedder } from './lexical-embedding.ts';

const models = [
  { id: 'vectors', provider: 'acme', capabilities: ['embedding' as const] },
  { id: 'far', provider: 'nobody', capabilities: ['embedding' as const] },
];

async function createTested(t: Parameters<typeof createBench>[0], script?: Provider['embed']) {
  const acme = createScriptedProvider('acme', script && { embed: script });
  const bench = await createBench(t, { models, providers: [acme] });
  return { bench, parts: { ...bench.parts, ...bench.completions, fallbackEnabled: true } };
}

describe('the cache’s embedding', () => {
  it('is the configured model’s, of unit length, and in the books', async (t) => {
    const requests: EmbeddingRequest[] = [];
    const { bench, parts } = await createTested(t, (request) => {
      requests.push(request);
      return Promise.resolve({ vectors: [new Float32Array([3, 4])], promptTokens: 2 });
    });
    const embedding = await createCacheEmbed(parts, 'vectors')('What is tea?');
    assert.deepEqual(embedding, { kind: 'dense', vector: new Float32Array([0.6, 0.8]) });
    assert.deepEqual(requests, [{ model: 'vectors', inputs: ['What is tea?'] }]);
    const rows = await bench.calls();
    assert.deepEqual(
      rows.map(({ model, endpoint, promptTokens, owner }) => [model, endpoint, promptTokens, owner]),
      [['vectors', 'cache', 2, 'anonymous']],
    );
  });

  it('is lexical where no model is configured, or its provider is not there or makes none', async (t) => {
    const { bench, parts } = await createTested(t);
    for (const model of [null, 'vectors', 'far', 'unknown']) {
      const embedding = await createCacheEmbed(parts, model)('What is tea?');
      assert.deepEqual(embedding, embedLexically('What is tea?'));
    }
    assert.deepEqual(await bench.calls(), []);
  });

  it('fails where the model fails: vectors of two models never mix', async (t) => {
    const { parts } = await createTested(t, () => Promise.reject(new ParleyError('provider_failed', 'No.')));
    await assert.rejects(createCacheEmbed(parts, 'vectors')('Hi'), { code: 'provider_failed' });
  });

  it('of nothing is like nothing', async (t) => {
    const { parts } = await createTested(t, () => Promise.resolve({ vectors: [], promptTokens: 0 }));
    assert.deepEqual(await createCacheEmbed(parts, 'vectors')(''), {
      kind: 'dense',
      vector: new Float32Array(),
    });
  });
});

describe('embedderOf', () => {
  it('names each way of embedding, the lexical one in all of them', () => {
    const names = [null, 'small', 'large'].map(embedderOf);
    assert.equal(names[0], lexicalEmbedder);
    assert.equal(new Set(names).size, 3);
    for (const name of names) assert.ok(name.includes(lexicalEmbedder));
  });
});
