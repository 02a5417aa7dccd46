import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import type { ModelRequest, Provider, ProviderEvent } from '../core/completions/provider.ts';
import { ParleyError } from '../core/errors.ts';
import { singly } from './events.fixture.ts';
import { createOpenAiCompatibleProvider } from './openai-compatible.ts';

const timeouts = { connectMs: 5_000, firstByteMs: 5_000, idleMs: 5_000, totalMs: 10_000 };
const never = new AbortController().signal;

/** A client's request with what core knows nothing of, at every level. */
const wire = {
  model: 'an-alias',
  temperature: 1.5,
  messages: [
    {
      role: 'user',
      name: 'mina',
      content: [
        { type: 'video', video: ['https://example.com/1.png', 'https://example.com/2.png'], fps: 2 },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png' }, min_pixels: 3136 },
        { type: 'text', text: 'Grüße 👋', cache_control: { type: 'ephemeral' } },
      ],
    },
  ],
  enable_thinking: true,
  n: 2,
  stop: null,
  tools: [{ type: 'function', function: { name: 'f', strict: null, parameters: {} } }],
};
const request: ModelRequest = {
  model: 'm',
  messages: [{ role: 'user', content: 'Grüße' }],
  temperature: 0.5,
  maxTokens: 7,
  extra: { seed: 1 },
  wire,
};

interface Vendor {
  provider: Provider;
  /** The bodies of the calls so far. */
  asked: Record<string, unknown>[];
}

async function listen(
  t: TestContext,
  answer: (response: ServerResponse) => void,
  usageInStream = true,
): Promise<Vendor> {
  const asked: Record<string, unknown>[] = [];
  const server = createServer((incoming, response) => {
    const pieces: Buffer[] = [];
    incoming.on('data', (piece: Buffer) => pieces.push(piece));
    incoming.on('end', () => {
      asked.push(JSON.parse(Buffer.concat(pieces).toString('utf8')) as Record<string, unknown>);
      answer(response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider = createOpenAiCompatibleProvider({
    name: 'vendor',
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeouts,
    estimateTokens: (text) => text.length,
    usageInStream,
  });
  t.after(async () => {
    await provider.close();
    server.closeAllConnections();
    server.close();
  });
  return { provider, asked };
}

const usage = { prompt_tokens: 3, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 1 } };
const chunkOf = (delta: object, further: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta, finish_reason: null, ...further }],
});
const role = chunkOf({ role: 'assistant', content: '' });
const end = chunkOf({}, { finish_reason: 'stop' });
const usageChunk = { id: 'chatcmpl-1', choices: [], usage };

/** Streams these chunks, objects or as they are written, and says that it is done. */
const streaming =
  (...chunks: (object | string)[]) =>
  (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of [...chunks, '[DONE]']) response.write(`data: ${written(chunk)}\n\n`);
    response.end();
  };
const written = (chunk: object | string) => (typeof chunk === 'string' ? chunk : JSON.stringify(chunk));

async function eventsOf(provider: Provider, asked: ModelRequest = request): Promise<ProviderEvent[]> {
  return Array.fromAsync(singly(provider.stream(asked, never)));
}

const chunksOf = (events: ProviderEvent[]) =>
  events.flatMap((event) => (event.type === 'wire-chunk' ? [event.chunk] : []));

describe('a relayed request, whole', () => {
  it('reaches the vendor as it is, but for the model, and its answer comes back as it is', async (t) => {
    const answer = {
      id: 'chatcmpl-1',
      created: 1,
      system_fingerprint: null,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hallo', reasoning_content: 'Hm', refusal: null },
          logprobs: { content: [{ token: 'Hallo', logprob: -0.1 }] },
          finish_reason: 'stop',
        },
        { index: 1, message: { role: 'assistant', content: 'Servus' }, finish_reason: 'length' },
      ],
      usage,
      a_field_of_tomorrow: { nested: [1.5, null] },
    };
    const { provider, asked } = await listen(t, (response) => response.end(JSON.stringify(answer)));
    const got = await provider.answer(request, never);
    assert.deepEqual(asked, [{ ...wire, model: 'm' }]);
    assert.equal(JSON.stringify(asked[0]), JSON.stringify({ ...wire, model: 'm' }), 'in the same order');
    assert.deepEqual(got.wire, answer);
    assert.deepEqual([got.text, got.reason], ['Hallo', 'stop']);
    assert.deepEqual(got.usage, {
      promptTokens: 3,
      completionTokens: 4,
      cachedPromptTokens: 1,
      thought: true,
      estimated: false,
    });
  });

  it('is estimated over all choices where the vendor does not say', async (t) => {
    const message = (content: string, further: object = {}) => ({ message: { content, ...further } });
    const call = { function: { name: 'f', arguments: '{}' } };
    const choices = [message('One'), message('Two', { reasoning_content: 'Hm', tool_calls: [call] })];
    const { provider } = await listen(t, (response) => response.end(JSON.stringify({ choices })));
    const got = await provider.answer(request, never);
    assert.deepEqual(got.usage, {
      promptTokens: 'Grüße'.length,
      completionTokens: 'OneTwoHmf{}'.length,
      estimated: true,
    });
  });

  it('does not change what the caller gave', async (t) => {
    const { provider } = await listen(t, streaming(chunkOf({ content: 'a' }), end, usageChunk));
    const before = structuredClone(wire);
    await eventsOf(provider);
    assert.deepEqual(wire, before);
  });
});

describe('a relayed request, streamed', () => {
  it('reaches the vendor with the usage asked for, beside what the client asked', async (t) => {
    const { provider, asked } = await listen(t, streaming(chunkOf({ content: 'a' }), end, usageChunk));
    await eventsOf(provider);
    const options = { stream_options: { include_obfuscation: false } };
    await eventsOf(provider, { ...request, wire: { ...wire, ...options } });
    assert.deepEqual(asked, [
      { ...wire, model: 'm', stream: true, stream_options: { include_usage: true } },
      {
        ...wire,
        model: 'm',
        stream: true,
        stream_options: { include_obfuscation: false, include_usage: true },
      },
    ]);
  });

  it('is as the client wrote it for a vendor that does not know stream_options', async (t) => {
    const { provider, asked } = await listen(t, streaming(chunkOf({ content: 'a' }), end), false);
    await eventsOf(provider);
    assert.deepEqual(asked, [{ ...wire, model: 'm', stream: true }]);
  });

  it('comes back chunk by chunk as the vendor wrote it, ended by the usage for the books', async (t) => {
    const odd = '{ "choices":[ {"index":0, "delta":{"content":"\\u00fc"}} ],"big":12345678901234567890 }';
    const reasoning = chunkOf({ reasoning_content: 'Hm' });
    const { provider } = await listen(t, streaming(role, reasoning, odd, end, usageChunk));
    const events = await eventsOf(provider);
    assert.deepEqual(chunksOf(events), [written(role), written(reasoning), odd, written(end)]);
    const texts = events.map((event) => (event.type === 'wire-chunk' ? event.text : event.type));
    assert.deepEqual(texts, ['', 'Hm', 'ü', '', 'finish']);
    const thoughts = events.map((event) => event.type === 'wire-chunk' && event.thought === true);
    assert.deepEqual(thoughts, [false, true, false, false, false]);
    assert.deepEqual(events.at(-1), {
      type: 'finish',
      reason: 'stop',
      usage: { promptTokens: 3, completionTokens: 4, cachedPromptTokens: 1, thought: true, estimated: false },
    });
  });

  it('has the chunk with the usage where the client asked for it', async (t) => {
    const { provider } = await listen(t, streaming(chunkOf({ content: 'a' }), end, usageChunk));
    const asking = { ...request, wire: { ...wire, stream_options: { include_usage: true } } };
    assert.equal(chunksOf(await eventsOf(provider, asking)).at(-1), written(usageChunk));
  });

  it('keeps a usage that stands in a chunk with something else', async (t) => {
    const both = { ...end, usage };
    const { provider } = await listen(t, streaming(chunkOf({ content: 'a' }), both));
    const events = await eventsOf(provider);
    assert.equal(chunksOf(events).at(-1), written(both));
    const finish = events.at(-1);
    assert.equal(finish?.type === 'finish' && finish.usage.completionTokens, 4);
  });

  it('has tool calls in pieces as they came, and their text for estimates', async (t) => {
    const pieces = ['{"ci', 'ty":"Kö', 'ln"}'].map((piece) =>
      chunkOf({ tool_calls: [{ index: 0, function: { arguments: piece } }] }),
    );
    const done = chunkOf({}, { finish_reason: 'tool_calls' });
    const { provider } = await listen(t, streaming(role, ...pieces, done));
    const events = await eventsOf(provider);
    assert.deepEqual(chunksOf(events), [role, ...pieces, done].map(written));
    assert.deepEqual(events.at(-1), {
      type: 'finish',
      reason: 'tool_calls',
      usage: { promptTokens: 5, completionTokens: '{"city":"Köln"}'.length, estimated: true },
    });
  });

  it('is whole however the vendor’s bytes are cut', async (t) => {
    const chunks = [role, chunkOf({ content: 'Köln 👋 你好' }), end, usageChunk].map(written);
    const bytes = Buffer.from([...chunks, '[DONE]'].map((chunk) => `data: ${chunk}\r\n\r\n`).join(''));
    for (const size of [1, 2, 3, 7, 50]) {
      const { provider } = await listen(t, (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        void cut(response, bytes, size);
      });
      const events = await eventsOf(provider);
      assert.deepEqual(chunksOf(events), chunks.slice(0, 3), `in pieces of ${size}`);
    }
  });

  it('puts a chunk of several lines on one', async (t) => {
    const { provider } = await listen(t, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: {"choices":\ndata: [{"delta":{"content":"a"}}]}\n\ndata: [DONE]\n\n`);
    });
    assert.deepEqual(chunksOf(await eventsOf(provider)), ['{"choices":[{"delta":{"content":"a"}}]}']);
  });

  it('shows nothing before something is said, so that another may answer instead', async (t) => {
    const failed = { error: { message: 'Overloaded', code: 503 } };
    const { provider } = await listen(t, streaming({ choices: [], prompt_filter_results: [] }, role, failed));
    const seen: ProviderEvent[] = [];
    const reading = async () => {
      for await (const event of singly(provider.stream(request, never))) seen.push(event);
    };
    await assert.rejects(reading, (error) => {
      assert.ok(error instanceof ParleyError);
      assert.deepEqual([error.code, error.vendorStatus, error.retryable], ['provider_failed', 503, true]);
      return true;
    });
    assert.deepEqual(seen, []);
  });

  it('of an answer that says nothing is passed on at its end', async (t) => {
    const { provider } = await listen(t, streaming(role));
    assert.deepEqual(chunksOf(await eventsOf(provider)), [written(role)]);
  });

  const second = (content: string, reason: string | null) => ({
    choices: [{ index: 1, delta: { content }, finish_reason: reason }],
  });
  it('of several answers ends with the last of them, under the first one’s reason', async (t) => {
    const cutOff = [chunkOf({ content: 'One' }), second('Two', null), end];
    const { provider } = await listen(t, (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(cutOff.map((chunk) => `data: ${written(chunk)}\n\n`).join(''));
    });
    await assert.rejects(eventsOf(provider), { code: 'provider_failed' });
    const whole = await listen(t, streaming(...cutOff, second('', 'length')));
    const finish = (await eventsOf(whole.provider)).at(-1);
    assert.equal(finish?.type === 'finish' && finish.reason, 'stop');
  });
});

async function cut(response: ServerResponse, bytes: Buffer, size: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += size) {
    await new Promise((resolve) => response.write(bytes.subarray(at, at + size), resolve));
  }
  response.end();
}
