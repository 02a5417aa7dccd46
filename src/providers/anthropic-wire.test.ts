import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Message } from '../core/completions/messages.ts';
import type { ModelRequest, ProviderEvent } from '../core/completions/provider.ts';
import { fromAnthropicAnswer } from './anthropic-answer.ts';
import { fromAnthropicStream } from './anthropic-stream.ts';
import { singly } from './events.fixture.ts';
import { toAnthropicRequest } from './anthropic-wire.ts';
import type { VendorStream } from './vendor-exchange.ts';

const timeouts = { connectMs: 1, firstByteMs: 1, idleMs: 1, totalMs: 1 };
const vendor = { name: 'vendor', secrets: [], timeouts, now: () => 0 };
const estimateTokens = (text: string) => text.length;
const hello: ModelRequest = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
const text = (value: string) => ({ type: 'text', text: value });

describe('toAnthropicRequest: messages', () => {
  const wire = (messages: Message[]) => toAnthropicRequest({ model: 'm', messages }, 4096);

  test('system and developer messages become the system prompt', () => {
    const body = wire([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hello' },
      { role: 'developer', content: [{ type: 'text', text: 'Be kind.' }] },
      { role: 'system', content: '' },
    ]);
    assert.deepEqual(body, {
      model: 'm',
      max_tokens: 4096,
      system: 'Be brief.\n\nBe kind.',
      messages: [{ role: 'user', content: [text('Hello')] }],
    });
  });

  test('neighbours of one role are merged', () => {
    const body = wire([
      { role: 'user', content: 'a' },
      { role: 'user', content: 'b' },
      { role: 'assistant', content: 'c' },
      { role: 'system', content: 'between' },
      { role: 'assistant', content: 'd' },
      { role: 'user', content: 'e' },
    ]);
    assert.deepEqual(body.messages, [
      { role: 'user', content: [text('a'), text('b')] },
      { role: 'assistant', content: [text('c'), text('d')] },
      { role: 'user', content: [text('e')] },
    ]);
  });

  test('a conversation that begins with the assistant', () => {
    const body = wire([
      { role: 'assistant', content: 'How can I help?' },
      { role: 'user', content: 'Hello' },
    ]);
    assert.deepEqual(body.messages, [
      { role: 'user', content: [text('.')] },
      { role: 'assistant', content: [text('How can I help?')] },
      { role: 'user', content: [text('Hello')] },
    ]);
  });

  test('blank texts are left out, and a prefilled answer ends without white space', () => {
    const body = wire([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: ' \n' },
      { role: 'user', content: [{ type: 'text', text: '' }] },
      { role: 'assistant', content: 'b \n' },
    ]);
    assert.deepEqual(body.messages, [
      { role: 'user', content: [text('a')] },
      { role: 'assistant', content: [text('b')] },
    ]);
  });

  test('nothing but instructions cannot be asked', () => {
    for (const messages of [
      [],
      [{ role: 'system' as const, content: 'Hi' }],
      [{ role: 'user' as const, content: ' ' }],
    ])
      assert.throws(() => wire(messages), { code: 'invalid_request', field: 'messages' });
  });

  test('images', () => {
    const urls = [
      'https://example.com/a.png',
      'data:image/PNG;base64,AA==',
      'data:image/svg+xml;charset=utf-8;base64,BB==',
    ];
    const body = wire([
      { role: 'user', content: urls.map((url) => ({ type: 'image', url, detail: 'low' })) },
    ]);
    const [message] = body.messages as [{ content: { source: unknown }[] }];
    assert.deepEqual(
      message.content.map((block) => block.source),
      [
        { type: 'url', url: 'https://example.com/a.png' },
        { type: 'base64', media_type: 'image/png', data: 'AA==' },
        { type: 'base64', media_type: 'image/svg+xml', data: 'BB==' },
      ],
    );
  });

  test('what Anthropic cannot be sent is refused with the field named', () => {
    const parts = [
      { type: 'video' as const, url: 'https://example.com/a.mp4' },
      { type: 'image' as const, url: 'http://example.com/a.png' },
      { type: 'image' as const, url: 'data:image/png,raw' },
      { type: 'other' as const, value: { type: 'input_audio' } },
    ];
    for (const part of parts)
      assert.throws(
        () => wire([...hello.messages, { role: 'user', content: [{ type: 'text', text: 'a' }, part] }]),
        {
          code: 'invalid_request',
          field: 'messages.1.content.1',
          message: /^messages\.1\.content\.1: .* not supported by this model$/,
        },
      );
  });

  test('tool calls and their results', () => {
    const call = (id: string, args: string) => ({
      id,
      type: 'function',
      function: { name: 'f', arguments: args },
    });
    const body = wire([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b', extra: { tool_calls: [call('1', '{"x":1}'), call('2', 'oops')] } },
      { role: 'tool', content: 'one', extra: { tool_call_id: '1' } },
      { role: 'tool', content: null, extra: { tool_call_id: '2' } },
      { role: 'user', content: 'c' },
    ]);
    assert.deepEqual(body.messages, [
      { role: 'user', content: [text('a')] },
      {
        role: 'assistant',
        content: [
          text('b'),
          { type: 'tool_use', id: '1', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: '2', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: '1', content: [text('one')] },
          { type: 'tool_result', tool_use_id: '2', content: [] },
          text('c'),
        ],
      },
    ]);
  });
});

describe('toAnthropicRequest: parameters', () => {
  const wire = (fields: Partial<ModelRequest>) => {
    const { model: _, messages: __, ...rest } = toAnthropicRequest({ ...hello, ...fields }, 4096);
    return rest;
  };
  const tools = [
    { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object' } } },
  ];
  const wireTools = [{ name: 'f', description: 'd', input_schema: { type: 'object' } }];

  test('limits, temperature, stops; what Anthropic does not know is dropped', () => {
    assert.deepEqual(
      wire({ maxTokens: 7, temperature: 1.7, extra: { stop: 'END', seed: 1, n: 2, logprobs: true } }),
      {
        max_tokens: 7,
        temperature: 1,
        stop_sequences: ['END'],
      },
    );
    assert.deepEqual(wire({ temperature: -1 }).temperature, 0);
    assert.deepEqual(wire({ extra: { top_p: 0.5, stop: ['a', ' ', 3, 'b'] } }), {
      max_tokens: 4096,
      top_p: 0.5,
      stop_sequences: ['a', 'b'],
    });
    assert.equal(wire({ extra: { max_completion_tokens: 9 } }).max_tokens, 9);
  });

  test('top_p gives way to a temperature', () => {
    assert.deepEqual(wire({ temperature: 0.5, extra: { top_p: 0.5 } }), {
      max_tokens: 4096,
      temperature: 0.5,
    });
  });

  test('tools', () => {
    assert.deepEqual(wire({ extra: { tools } }).tools, wireTools);
    const bare = [{ type: 'function', function: { name: 'g' } }, { type: 'other' }, null];
    assert.deepEqual(wire({ extra: { tools: bare } }).tools, [
      { name: 'g', input_schema: { type: 'object', properties: {} } },
    ]);
    assert.deepEqual(wire({ extra: { tools: [], tool_choice: 'auto' } }), { max_tokens: 4096 });
  });

  test('tool choice', () => {
    const choice = (extra: object) => wire({ extra: { tools, ...extra } }).tool_choice;
    assert.equal(choice({}), undefined);
    assert.deepEqual(choice({ tool_choice: 'auto' }), { type: 'auto' });
    assert.deepEqual(choice({ tool_choice: 'none', parallel_tool_calls: false }), { type: 'none' });
    assert.deepEqual(choice({ tool_choice: 'required' }), { type: 'any' });
    const named = { type: 'function', function: { name: 'f' } };
    assert.deepEqual(choice({ tool_choice: named }), { type: 'tool', name: 'f' });
    assert.deepEqual(choice({ parallel_tool_calls: false }), {
      type: 'auto',
      disable_parallel_tool_use: true,
    });
  });
});

describe('fromAnthropicAnswer', () => {
  const read = (body: unknown) => fromAnthropicAnswer(vendor, body, hello, estimateTokens);

  test('text and usage; cached tokens are part of the prompt', () => {
    const usage = {
      input_tokens: 10,
      cache_read_input_tokens: 200,
      cache_creation_input_tokens: 30,
      output_tokens: 4,
    };
    assert.deepEqual(
      read({
        content: [text('a'), { type: 'thinking', thinking: 'x' }, text('b')],
        stop_reason: 'end_turn',
        usage,
      }),
      {
        text: 'ab',
        reason: 'stop',
        usage: { promptTokens: 240, completionTokens: 4, cachedPromptTokens: 200, estimated: false },
      },
    );
  });

  test('tool use', () => {
    const block = { type: 'tool_use', id: 't', name: 'f', input: { x: 1 } };
    const answer = read({ content: [block], stop_reason: 'tool_use' });
    assert.equal(answer.text, '');
    assert.equal(answer.reason, 'tool_calls');
    assert.deepEqual(answer.extra, {
      tool_calls: [{ id: 't', type: 'function', function: { name: 'f', arguments: '{"x":1}' } }],
    });
    assert.equal(answer.usage.estimated, true);
    assert.ok(answer.usage.completionTokens > 0);
  });

  test('stop reasons', () => {
    const reasons = ['end_turn', 'stop_sequence', 'max_tokens', 'tool_use', 'refusal', 'pause_turn', null];
    assert.deepEqual(
      reasons.map((reason) => read({ content: [], stop_reason: reason }).reason),
      ['stop', 'stop', 'length', 'tool_calls', 'content_filter', 'stop', 'stop'],
    );
  });

  test('nothing like an answer', () => {
    for (const body of [{}, null, [], { content: 'x' }])
      assert.throws(() => read(body), { code: 'provider_failed', retryable: true });
    const refused = { type: 'error', error: { type: 'invalid_request_error', message: 'No' } };
    assert.throws(() => read(refused), { message: 'vendor reported an error: No', retryable: false });
  });
});

describe('fromAnthropicStream', () => {
  const event = (data: { type: string } & Record<string, unknown>) =>
    `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
  const start = (usage: object) => event({ type: 'message_start', message: { usage } });
  const stop = (reason: string, usage: object) =>
    event({ type: 'message_delta', delta: { stop_reason: reason }, usage }) + event({ type: 'message_stop' });
  const block = (index: number, contentBlock: object) =>
    event({ type: 'content_block_start', index, content_block: contentBlock });
  const delta = (index: number, value: object) => event({ type: 'content_block_delta', index, delta: value });
  const blockStop = (index: number) => event({ type: 'content_block_stop', index });
  const read = (body: string): Promise<ProviderEvent[]> =>
    Array.fromAsync(singly(fromAnthropicStream(vendor, async () => streamOf(body), hello, estimateTokens)));

  test('usage from the first and the last event', async () => {
    const events = await read(
      start({ input_tokens: 5, cache_read_input_tokens: 7, output_tokens: 1 }) +
        block(0, { type: 'text', text: 'H' }) +
        delta(0, { type: 'text_delta', text: 'i' }) +
        event({ type: 'surprise' }) +
        stop('max_tokens', { output_tokens: 9 }),
    );
    assert.deepEqual(events, [
      { type: 'text-delta', text: 'H' },
      { type: 'text-delta', text: 'i' },
      {
        type: 'finish',
        reason: 'length',
        usage: { promptTokens: 12, completionTokens: 9, cachedPromptTokens: 7, estimated: false },
      },
    ]);
  });

  test('zeros first and the truth last, as compatible services send it', async () => {
    const events = await read(
      start({ input_tokens: 0, output_tokens: 0 }) + stop('end_turn', { input_tokens: 5, output_tokens: 2 }),
    );
    assert.deepEqual(events, [
      { type: 'finish', reason: 'stop', usage: { promptTokens: 5, completionTokens: 2, estimated: false } },
    ]);
  });

  test('several tools, one of them without arguments', async () => {
    const events = await read(
      start({ input_tokens: 1, output_tokens: 1 }) +
        block(0, { type: 'text', text: '' }) +
        delta(0, { type: 'text_delta', text: 'Wait' }) +
        blockStop(0) +
        block(1, { type: 'tool_use', id: 'a', name: 'f', input: {} }) +
        delta(1, { type: 'input_json_delta', partial_json: '' }) +
        delta(1, { type: 'input_json_delta', partial_json: '{"x"' }) +
        delta(1, { type: 'input_json_delta', partial_json: ':1}' }) +
        blockStop(1) +
        block(2, { type: 'tool_use', id: 'b', name: 'g', input: {} }) +
        blockStop(2) +
        block(3, { type: 'thinking', thinking: '' }) +
        delta(3, { type: 'thinking_delta', thinking: 'hm' }) +
        blockStop(3) +
        stop('tool_use', { output_tokens: 9 }),
    );
    const calls = events.filter((each) => each.type === 'extra-delta').map((each) => each.delta);
    assert.deepEqual(calls, [
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] },
      { tool_calls: [{ index: 0, function: { arguments: ':1}' } }] },
      { tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{}' } }] },
    ]);
    assert.equal(events.length, calls.length + 2);
  });

  test('usage is estimated where the vendor is silent', async () => {
    const events = await read(delta(0, { type: 'text_delta', text: 'Hi' }) + event({ type: 'message_stop' }));
    assert.deepEqual(events.at(-1), {
      type: 'finish',
      reason: 'stop',
      usage: { promptTokens: 5, completionTokens: 2, estimated: true },
    });
  });

  test('errors that a repeat will not mend', async () => {
    const error = event({ type: 'error', error: { type: 'invalid_request_error', message: 'No' } });
    await assert.rejects(read(error), { code: 'provider_failed', retryable: false });
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
