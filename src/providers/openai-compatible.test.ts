import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import type { Provider } from '../core/completions/provider.ts';
import { createOpenAiCompatibleProvider } from './openai-compatible.ts';
import { apiKey, testProvider } from './provider.suite.ts';

const timeouts = { connectMs: 5_000, firstByteMs: 5_000, idleMs: 5_000, totalMs: 10_000 };
const estimateTokens = (text: string) => text.length;
const never = new AbortController().signal;

testProvider('openai-compatible', {
  create: (baseUrl, limits, connections) =>
    createOpenAiCompatibleProvider({
      name: 'vendor',
      baseUrl,
      apiKey,
      timeouts: limits,
      estimateTokens,
      ...(connections !== undefined && { connections }),
    }),
  whole: (text) => ({
    choices: [{ index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' }],
  }),
  opening: chunk({ role: 'assistant', content: '' }),
  piece: (text) => chunk({ content: text }),
  image: (url) => ({ type: 'image_url', image_url: { url } }),
  closing: `${chunk({}, 'stop')}data: [DONE]\n\n`,
  overloaded: `data: ${JSON.stringify({ error: { message: 'Overloaded', type: 'server_error', code: 503 } })}\n\n`,
});

function chunk(delta: object, reason: string | null = null): string {
  const choices = [{ index: 0, delta, finish_reason: reason }];
  return `data: ${JSON.stringify({ object: 'chat.completion.chunk', choices })}\n\n`;
}

describe('openai-compatible', () => {
  const mock = new LLMock({ port: 0, logLevel: 'silent' });
  let provider: Provider;
  before(async () => {
    await mock.start();
    mock.onMessage(/./, { content: 'ok' });
    mock.onEmbedding(/./, { embedding: [0.5, -0.25, 1] });
    provider = create(mock.url);
  });
  after(async () => {
    await provider.close();
    await mock.stop();
  });

  function create(baseUrl: string, key: string | undefined = apiKey): Provider {
    return createOpenAiCompatibleProvider({
      name: 'vendor',
      baseUrl,
      ...(key !== '' && { apiKey: key }),
      timeouts,
      estimateTokens,
      headers: { 'x-trace': 'yes' },
    });
  }

  for (const suffix of ['', '/', '/v1', '/v1/']) {
    test(`a base URL that ends in "${suffix}"`, async (t) => {
      const based = create(mock.url + suffix);
      t.after(() => based.close());
      await based.answer({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] }, never);
      assert.equal(mock.getLastRequest()?.path, '/v1/chat/completions');
    });
  }

  test('sends further headers', async () => {
    await provider.answer({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] }, never);
    assert.equal(mock.getLastRequest()?.headers['x-trace'], 'yes');
  });

  test('sends no authorization without a key', async (t) => {
    const keyless = create(mock.url, '');
    t.after(() => keyless.close());
    await keyless.answer({ model: 'm', messages: [{ role: 'user', content: 'Hello' }] }, never);
    assert.equal(mock.getLastRequest()?.headers.authorization, undefined);
  });

  test('embeds', async () => {
    const answer = await provider.embed?.({ model: 'm', inputs: ['one', 'two'] }, never);
    assert.deepEqual(
      answer?.vectors.map((vector) => [...vector]),
      [
        [0.5, -0.25, 1],
        [0.5, -0.25, 1],
      ],
    );
  });
});
