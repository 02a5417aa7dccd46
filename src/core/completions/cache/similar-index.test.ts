import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Embedding } from './embedding.ts';
import { embedLexically } from './lexical-embedding.ts';
import { createSimilarIndex } from './similar-index.ts';

const question = 'How do I reset my password?';
const reworded = 'how can I reset my password';

function dense(...values: number[]): Embedding {
  const length = Math.hypot(...values);
  return { kind: 'dense', vector: Float32Array.from(values, (value) => value / length) };
}

describe('similar index', () => {
  it('finds within a group, never across groups', () => {
    const index = createSimilarIndex();
    index.add('alice', 1, question, embedLexically(question));
    assert.equal(index.find('alice', reworded, embedLexically(reworded), 0.95)?.id, 1);
    assert.equal(index.find('bob', reworded, embedLexically(reworded), 0), null);
    assert.equal(index.hasCandidate('alice', reworded), true);
    assert.equal(index.hasCandidate('bob', reworded), false);
    assert.equal(index.hasCandidate('alice', 'How do I change my password?'), false);
  });

  it('never matches another kind or length of embedding', () => {
    const index = createSimilarIndex();
    index.add('group', 1, question, dense(1, 0));
    assert.equal(index.find('group', question, embedLexically(question), 0.1), null);
    assert.equal(index.find('group', question, dense(1, 0, 0), 0.1), null);
    assert.equal(index.find('group', question, dense(1, 0), 0.1)?.id, 1);
  });

  it('answers with the highest cosine that reaches the threshold, the newest of equals', () => {
    const index = createSimilarIndex();
    index.add('group', 1, question, dense(1, 0.5));
    index.add('group', 2, question, dense(1, 0));
    index.add('group', 3, question, dense(1, 0));
    index.add('group', 4, question, dense(1, 1));
    const found = index.find('group', question, dense(1, 0), 0.95);
    assert.equal(found?.id, 3);
    assert.ok(Math.abs(found.score - 1) < 0.001);
    assert.equal(index.find('group', question, dense(-1, 0), 0.95), null);
  });

  it('vetoes what means something else however high the cosine is', () => {
    const index = createSimilarIndex();
    index.add('group', 1, 'enable dark mode', dense(1, 0));
    assert.equal(index.find('group', 'disable dark mode', dense(1, 0), 0), null);
  });

  it('forgets what is removed or replaced, and stays right with many rewordings of one question', () => {
    const index = createSimilarIndex();
    for (let id = 0; id < 100; id++) index.add('group', id, question, embedLexically(question));
    assert.equal(index.size, 100);
    assert.equal(index.find('group', question, embedLexically(question), 0.95)?.id, 99);
    index.remove(99);
    index.remove(12_345);
    assert.equal(index.find('group', question, embedLexically(question), 0.95)?.id, 98);
    index.add('group', 98, 'something else', embedLexically('something else'));
    assert.equal(index.find('group', question, embedLexically(question), 0.95)?.id, 97);
    for (let id = 0; id < 100; id++) index.remove(id);
    assert.equal(index.size, 0);
    assert.equal(index.hasCandidate('group', question), false);
  });
});
