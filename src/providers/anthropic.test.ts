import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import { createAnthropicProvider } from './anthropic.ts';
import { apiKey, testProvider } from './provider.suite.ts';

const estimateTokens = (text: string) => text.length;

testProvider('anthropic', {
  create: (baseUrl, timeouts, connections) =>
    createAnthropicProvider({
      name: 'vendor',
      baseUrl,
      apiKey,
      timeouts,
      estimateTokens,
      ...(connections !== undefined && { connections }),
    }),
  whole: (text) => ({ type: 'message', content: [{ type: 'text', text }], stop_reason: 'end_turn' }),
  opening:
    event({ type: 'message_start', message: { usage: { input_tokens: 3, output_tokens: 1 } } }) +
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }) +
    event({ type: 'ping' }),
  piece: (text) => event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
  image: (url) => ({
    type: 'image',
    source: url.startsWith('https:')
      ? { type: 'url', url }
      : { type: 'base64', media_type: 'image/png', data: url.slice('data:image/png;base64,'.length) },
  }),
  closing:
    event({ type: 'content_block_stop', index: 0 }) +
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 7 } }) +
    event({ type: 'message_stop' }),
  overloaded: event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }),
});

function event(data: { type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

test('anthropic: sends the version, with either form of base URL', async (t) => {
  const mock = new LLMock({ port: 0, logLevel: 'silent' });
  await mock.start();
  t.after(() => mock.stop());
  mock.onMessage(/./, { content: 'ok' });
  for (const suffix of ['', '/v1/']) {
    const provider = createAnthropicProvider({
      name: 'vendor',
      baseUrl: mock.url + suffix,
      apiKey,
      timeouts: { connectMs: 5_000, firstByteMs: 5_000, idleMs: 5_000, totalMs: 10_000 },
      estimateTokens,
    });
    t.after(() => provider.close());
    const request = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] };
    await provider.answer(request, new AbortController().signal);
    const sent = mock.getLastRequest();
    assert.equal(sent?.path, '/v1/messages');
    assert.equal(sent?.headers['anthropic-version'], '2023-06-01');
  }
});
