import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cosine, decodeEmbedding, encodeEmbedding, toDense, type Embedding } from './embedding.ts';
import { embedLexically } from './lexical-embedding.ts';

const dense: Embedding = { kind: 'dense', vector: Float32Array.of(0.6, -0.8, 0) };
const sparse = embedLexically('How do I install Docker on Ubuntu?');
const other = embedLexically('How do I uninstall Docker on Ubuntu?');
const unrelated = embedLexically('红楼梦的作者是谁');

describe('embedding', () => {
  it('comes back from bytes, wherever they lie in a buffer', () => {
    for (const embedding of [dense, sparse]) {
      const bytes = encodeEmbedding(embedding);
      const shifted = new Uint8Array([9, ...bytes, 9]).subarray(1, bytes.length + 1);
      const back = decodeEmbedding(shifted);
      assert.equal(back.kind, embedding.kind);
      assert.ok(Math.abs(cosine(embedding, back) - 1) < 0.001);
      assert.ok(Math.abs(cosine(back, back) - 1) < 1e-6);
    }
  });

  it('refuses bytes of another version or a cut-off blob', () => {
    const bytes = encodeEmbedding(sparse);
    for (const bad of [new Uint8Array(), bytes.with(0, 99), bytes.with(1, 7), bytes.subarray(0, -1)]) {
      assert.throws(() => decodeEmbedding(bad), RangeError);
    }
  });

  it('does not compare different kinds or lengths', () => {
    assert.equal(cosine(dense, sparse), 0);
    assert.equal(cosine(dense, { kind: 'dense', vector: Float32Array.of(0.6, -0.8) }), 0);
  });

  it('ranks a near text above an unrelated one, folded or not', () => {
    assert.ok(cosine(sparse, other) > cosine(sparse, unrelated));
    const fold = (embedding: Embedding): Embedding => ({ kind: 'dense', vector: toDense(embedding, 256) });
    assert.ok(Math.abs(cosine(fold(sparse), fold(sparse)) - 1) < 1e-5);
    assert.ok(cosine(fold(sparse), fold(other)) > 0.5);
    assert.ok(Math.abs(cosine(fold(sparse), fold(unrelated))) < 0.3);
  });

  it('is sorted, of unit length, and empty for an empty text', () => {
    assert.ok(sparse.kind === 'sparse');
    assert.deepEqual(sparse.ids, Uint32Array.from(new Set(sparse.ids)).sort());
    assert.equal(cosine(embedLexically('  '), embedLexically('  ')), 0);
    assert.ok(toDense(embedLexically(''), 8).every((value) => value === 0));
  });
});
