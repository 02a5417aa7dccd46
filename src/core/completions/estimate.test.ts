import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { estimatePromptTokens, estimateTokens, estimateUsage } from './estimate.ts';

describe('estimateTokens', () => {
  it('is 0 for nothing and at least 1 for anything', () => {
    assert.equal(estimateTokens(''), 0);
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 50 }), (text) => {
        const tokens = estimateTokens(text);
        assert.ok(Number.isInteger(tokens) && tokens >= 1);
      }),
    );
  });

  it('is near what OpenAI’s tokenizer (o200k) counts for prose', () => {
    const english =
      'The quick brown fox jumps over the lazy dog. Streaming answers arrive piece by piece, and each piece is shown as soon as it comes.';
    assert.ok(Math.abs(estimateTokens(english) - 28) <= 4, `${estimateTokens(english)}`);
    const chinese = '今天天气很好，我们去公园散步吧。';
    assert.ok(Math.abs(estimateTokens(chinese) - 12) <= 5, `${estimateTokens(chinese)}`);
  });
});

describe('estimatePromptTokens', () => {
  it('adds to each text what a message costs', () => {
    const one = estimatePromptTokens([{ role: 'user', content: 'Hello' }]);
    assert.equal(one, 4 + estimateTokens('Hello'));
    const two = estimatePromptTokens([
      { role: 'system', content: 'Hello' },
      { role: 'user', content: 'Hello' },
    ]);
    assert.equal(two, 2 * one);
    assert.equal(estimatePromptTokens([{ role: 'assistant', content: null }]), 4);
  });

  it('counts images beside the text', () => {
    const content = [
      { type: 'text' as const, text: 'Hello' },
      { type: 'image' as const, url: `data:image/png;base64,${'A'.repeat(10_000)}` },
      { type: 'image' as const, url: 'https://example.com/a.png' },
    ];
    const words = 4 + estimateTokens('Hello');
    assert.equal(estimatePromptTokens([{ role: 'user', content }]), words + 2 * 1369);
    const limits = { imageTokens: 700, videoTokens: 5000 };
    assert.equal(estimatePromptTokens([{ role: 'user', content }], limits), words + 2 * 700);
    const video = { type: 'video' as const, url: 'https://example.com/a.mp4' };
    assert.equal(estimatePromptTokens([{ role: 'user', content: [video] }]), 4 + 9000);
    assert.equal(estimateUsage([{ role: 'user', content: [video] }], '', limits).promptTokens, 4 + 5000);
  });
});

describe('estimateUsage', () => {
  it('says that it is an estimate', () => {
    assert.deepEqual(estimateUsage([{ role: 'user', content: 'Hello' }], 'So far'), {
      promptTokens: 4 + estimateTokens('Hello'),
      completionTokens: estimateTokens('So far'),
      estimated: true,
    });
  });
});
