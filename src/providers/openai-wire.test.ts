import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelRequest, ProviderEvent } from '../core/completions/provider.ts';
import { fromOpenAiStream } from './openai-stream.ts';
import { singly } from './events.fixture.ts';
import {
  fromOpenAiAnswer,
  fromOpenAiEmbeddings,
  toOpenAiEmbeddingRequest,
  toOpenAiRequest,
  toOpenAiStreamRequest,
} from './openai-wire.ts';
import type { VendorStream } from './vendor-exchange.ts';

const timeouts = { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1 };
const vendor = { name: 'vendor', secrets: [], timeouts, now: () => 0 };
const estimateTokens = (text: string) => text.length;
const hello: ModelRequest = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };

describe('toOpenAiRequest', () => {
  test('a plain request says nothing that was not asked', () => {
    assert.deepEqual(toOpenAiRequest(hello), { model: 'm', messages: [{ role: 'user', content: 'Hello' }] });
  });

  test('parts', () => {
    const asItCame = { type: 'video_url', video_url: { url: 'https://example.com/b.mp4' }, fps: 2 };
    const other = { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } };
    const body = toOpenAiRequest({
      model: 'm',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Look' },
            { type: 'image', url: 'https://example.com/a.png' },
            { type: 'image', url: 'data:image/png;base64,AA==', detail: 'low' },
            { type: 'video', url: 'https://example.com/a.mp4' },
            { type: 'video', url: 'https://example.com/b.mp4', wire: asItCame },
            { type: 'other', value: other },
          ],
        },
      ],
    });
    assert.deepEqual(body.messages, [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Look' },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          { type: 'video_url', video_url: { url: 'https://example.com/a.mp4' } },
          asItCame,
          other,
        ],
      },
    ]);
  });

  test('extra fields are passed on but override nothing', () => {
    const toolCalls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const body = toOpenAiRequest({
      model: 'm',
      messages: [
        { role: 'assistant', content: null, extra: { tool_calls: toolCalls, role: 'user', content: 'x' } },
        { role: 'tool', content: '42', extra: { tool_call_id: 'c' } },
      ],
      temperature: 0.5,
      extra: {
        top_p: 0.9,
        tools: [],
        model: 'x',
        messages: [],
        temperature: 2,
        stream: true,
        stream_options: { include_usage: true },
      },
    });
    assert.deepEqual(body, {
      model: 'm',
      messages: [
        { role: 'assistant', content: null, tool_calls: toolCalls },
        { role: 'tool', content: '42', tool_call_id: 'c' },
      ],
      temperature: 0.5,
      top_p: 0.9,
      tools: [],
    });
  });

  test('the limit by the name that the model knows', () => {
    const limitOf = (model: string) => Object.keys(toOpenAiRequest({ ...hello, model, maxTokens: 5 })).at(-1);
    for (const model of ['o1', 'o3-mini', 'o4-mini-2025-04-16', 'gpt-5', 'gpt-5.1', 'gpt-5-nano'])
      assert.equal(limitOf(model), 'max_completion_tokens', model);
    for (const model of ['gpt-4o', 'gpt-4.1', 'qwen-plus', 'o1ympus', 'my-gpt-5'])
      assert.equal(limitOf(model), 'max_tokens', model);
  });

  test('streams ask for usage unless told not to', () => {
    const extra = { stream_options: { include_obfuscation: false, include_usage: false } };
    const asked = toOpenAiStreamRequest({ ...hello, extra }, true);
    assert.equal(asked.stream, true);
    assert.deepEqual(asked.stream_options, { include_obfuscation: false, include_usage: true });
    const unasked = toOpenAiStreamRequest(hello, false);
    assert.equal(unasked.stream, true);
    assert.ok(!('stream_options' in unasked));
  });
});

describe('fromOpenAiAnswer', () => {
  const read = (body: unknown) => fromOpenAiAnswer(vendor, body, hello, estimateTokens);
  const choice = (message: object, reason: unknown = 'stop') => ({
    choices: [{ message, finish_reason: reason }],
  });

  test('usage with cached tokens', () => {
    const usage = { prompt_tokens: 9, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 5 } };
    assert.deepEqual(read({ ...choice({ role: 'assistant', content: 'Hi', refusal: null }), usage }), {
      text: 'Hi',
      reason: 'stop',
      usage: { promptTokens: 9, completionTokens: 4, cachedPromptTokens: 5, estimated: false },
    });
  });

  test('usage with tokens of reasoning', () => {
    const details = { completion_tokens_details: { reasoning_tokens: 3 } };
    const usage = { prompt_tokens: 9, completion_tokens: 4, ...details };
    const answer = read({ ...choice({ role: 'assistant', content: 'Hi' }), usage });
    assert.deepEqual(answer.usage, {
      promptTokens: 9,
      completionTokens: 4,
      reasoningTokens: 3,
      estimated: false,
    });
  });

  test('usage says where the answer came with thoughts, whatever the vendor counts', () => {
    const usage = {
      prompt_tokens: 9,
      completion_tokens: 4,
      completion_tokens_details: { reasoning_tokens: 0 },
    };
    const figures = { promptTokens: 9, completionTokens: 4, estimated: false };
    const thought = read({ ...choice({ content: 'Hi', reasoning_content: 'hm' }), usage });
    assert.deepEqual(thought.usage, { ...figures, reasoningTokens: 0, thought: true });
    const plain = read({ ...choice({ content: 'Hi', reasoning_content: '' }), usage });
    assert.deepEqual(plain.usage, { ...figures, reasoningTokens: 0 });
  });

  test('usage that is missing is estimated, images and videos at what they usually cost', () => {
    const parts = [
      { type: 'text' as const, text: 'Hello' },
      { type: 'image' as const, url: `data:image/png;base64,${'A'.repeat(10_000)}` },
      { type: 'video' as const, url: 'https://example.com/a.mp4' },
    ];
    const shown: ModelRequest = { model: 'm', messages: [{ role: 'user', content: parts }] };
    const { usage } = fromOpenAiAnswer(vendor, choice({ content: 'Hi' }), shown, estimateTokens);
    assert.deepEqual(usage, { promptTokens: 5 + 1369 + 9000, completionTokens: 2, estimated: true });
    assert.deepEqual(read(choice({ content: 'Hi' })).usage, {
      promptTokens: 5,
      completionTokens: 2,
      estimated: true,
    });
    const partial = { ...choice({ content: 'Hi' }), usage: { prompt_tokens: 7, completion_tokens: null } };
    assert.deepEqual(read(partial).usage, { promptTokens: 7, completionTokens: 2, estimated: true });
  });

  test('every other field of the message is kept', () => {
    const calls = [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }];
    const answer = read(choice({ content: null, tool_calls: calls, reasoning_content: 'hm' }, 'tool_calls'));
    assert.equal(answer.text, '');
    assert.equal(answer.reason, 'tool_calls');
    assert.deepEqual(answer.extra, { tool_calls: calls, reasoning_content: 'hm' });
    assert.equal(answer.usage.completionTokens, 'f{"a":1}hm'.length);
  });

  test('content in parts, unknown finish reasons', () => {
    const answer = read(choice({ content: [{ type: 'text', text: 'a' }, 'b', { type: 'image' }] }, 'eos'));
    assert.equal(answer.text, 'ab');
    assert.equal(answer.reason, 'stop');
    assert.equal(read(choice({ content: '' }, null)).reason, 'stop');
    assert.equal(read(choice({ content: '' }, 'length')).reason, 'length');
    assert.equal(read(choice({ content: '' }, 'content_filter')).reason, 'content_filter');
    assert.equal(read(choice({ content: '' }, 'toString')).reason, 'stop');
  });

  test('no choices, or nothing like an answer', () => {
    for (const body of [{}, { choices: [] }, { choices: null }, { choices: [null] }, null, [], 'x', 3])
      assert.throws(() => read(body), { code: 'provider_failed', retryable: true });
  });

  test('an error with status 200', () => {
    assert.throws(() => read({ error: { message: 'No such', code: 404 } }), {
      code: 'provider_failed',
      message: 'vendor reported an error: No such',
      retryable: false,
    });
    assert.throws(() => read({ error: { message: 'Busy', code: 502 } }), { retryable: true });
    assert.throws(() => read({ error: 'Busy' }), {
      message: 'vendor reported an error: Busy',
      retryable: true,
    });
    assert.throws(() => read({ error: { message: 'No', type: 'invalid_request_error' } }), {
      retryable: false,
    });
  });
});

describe('fromOpenAiStream', () => {
  const chunk = (value: object) => `data: ${JSON.stringify(value)}\n\n`;
  const delta = (fields: object, reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: fields, finish_reason: reason }] });
  const usage = chunk({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 8 } });
  const done = 'data: [DONE]\n\n';

  test('usage after the finish reason, in its chunk, or not at all', async () => {
    const exact = { promptTokens: 3, completionTokens: 8, estimated: false };
    const with8 = { usage: { prompt_tokens: 3, completion_tokens: 8 } };
    assert.deepEqual(await finishOf(delta({ content: 'Hi' }) + delta({}, 'length') + usage + done), {
      type: 'finish',
      reason: 'length',
      usage: exact,
    });
    const inChunk = chunk({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }], ...with8 });
    assert.deepEqual((await finishOf(delta({ content: 'Hi' }) + inChunk)).usage, exact);
    const estimated = { promptTokens: 5, completionTokens: 2, estimated: true };
    assert.deepEqual((await finishOf(delta({ content: 'Hi' }) + delta({}, 'stop') + done)).usage, estimated);
  });

  test('ends with a finish reason alone, or with [DONE] alone', async () => {
    assert.equal((await finishOf(delta({ content: 'Hi' }, 'content_filter'))).reason, 'content_filter');
    assert.equal((await finishOf(delta({ content: 'Hi' }) + done)).reason, 'stop');
    assert.equal((await finishOf(`${delta({ content: 'Hi' })}data: [DONE]`)).reason, 'stop');
  });

  test('deltas that are not text', async () => {
    const call = { tool_calls: [{ index: 0, id: 'c', function: { name: 'f', arguments: '' } }] };
    const events = await read(
      delta({ role: 'assistant', content: null, refusal: null, ...call }) +
        delta({ reasoning_content: 'hm', content: 'a' }) +
        delta({ content: '' }) +
        delta({}, 'tool_calls') +
        done,
    );
    assert.deepEqual(events.slice(0, -1), [
      { type: 'extra-delta', delta: call },
      { type: 'text-delta', text: 'a' },
      { type: 'extra-delta', delta: { reasoning_content: 'hm' } },
    ]);
    const last = events.at(-1);
    assert.equal(last?.type === 'finish' && last.usage.thought, true);
  });

  test('chunks without choices, of other choices, and after [DONE] are passed over', async () => {
    const other = chunk({ choices: [{ index: 1, delta: { content: 'no' }, finish_reason: 'length' }] });
    const events = await read(
      chunk({ choices: [] }) +
        chunk({}) +
        other +
        delta({ content: 'yes' }, 'stop') +
        done +
        delta({ content: 'no' }),
    );
    assert.deepEqual(
      events.map((event) => event.type),
      ['text-delta', 'finish'],
    );
  });

  async function read(body: string): Promise<ProviderEvent[]> {
    return Array.fromAsync(
      singly(fromOpenAiStream(vendor, async () => streamOf(body), hello, estimateTokens)),
    );
  }

  async function finishOf(body: string): Promise<ProviderEvent & { type: 'finish' }> {
    const events = await read(body);
    const finishes = events.filter((event) => event.type === 'finish');
    assert.equal(finishes.length, 1);
    assert.equal(events.at(-1), finishes[0]);
    return finishes[0] as ProviderEvent & { type: 'finish' };
  }
});

describe('embeddings', () => {
  const request = { model: 'm', inputs: ['one', 'two'] };

  test('the request', () => {
    const expected = { model: 'm', input: ['one', 'two'], encoding_format: 'float' };
    assert.deepEqual(toOpenAiEmbeddingRequest(request), expected);
    assert.deepEqual(toOpenAiEmbeddingRequest({ ...request, dimensions: 8 }), { ...expected, dimensions: 8 });
  });

  test('vectors come in the order of the inputs', () => {
    const data = [
      { index: 1, embedding: [2] },
      { index: 0, embedding: [1] },
    ];
    const answer = fromOpenAiEmbeddings(
      vendor,
      { data, usage: { prompt_tokens: 4 } },
      request,
      estimateTokens,
    );
    assert.deepEqual(answer, { vectors: [Float32Array.of(1), Float32Array.of(2)], promptTokens: 4 });
  });

  test('a vector that is missing, or is none', () => {
    for (const body of [
      {},
      { data: [{ embedding: [1] }] },
      { data: [{ embedding: 'AA==' }, { embedding: [1] }] },
    ])
      assert.throws(() => fromOpenAiEmbeddings(vendor, body, request, estimateTokens), {
        code: 'provider_failed',
      });
  });

  test('tokens are estimated where the vendor is silent', () => {
    const data = [{ embedding: [1] }, { embedding: [2] }];
    assert.equal(fromOpenAiEmbeddings(vendor, { data }, request, estimateTokens).promptTokens, 7);
  });
});

function streamOf(body: string): VendorStream {
  return {
    async *read() {
      yield Buffer.from(body);
    },
    letGo() {},
  };
}
