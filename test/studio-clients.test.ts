import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import { bearer, makeAccount, tokenOf } from './support/accounts.ts';
import { eventually } from './support/eventually.ts';
import { read, send } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import { askStudio, visionModel as model, type CallBody, type Envelope } from './support/studio.ts';
import { startMock, startScriptedVendor, vendorText, vendorUsage } from './support/vendor.ts';

/** What clients that exist for studio.md, and OpenAI's own package, do with the proxy: see it as they do. */

/** Of `model`, CNY for a million tokens. */
const price = { input: 1.6, output: 4 };
const path = '/api/bailian/chat/completions';
const pixel =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const text = { type: 'text', text: '你好，请介绍一下你自己' };
const asked = {
  text: [text],
  image: [
    { type: 'image_url', image_url: { url: pixel, detail: 'low' } },
    { type: 'text', text: '图中是什么？' },
  ],
  video: [
    { type: 'video_url', video_url: { url: 'https://example.com/cat.mp4' }, fps: 2 },
    { type: 'text', text: '视频里发生了什么？' },
  ],
};
type Kind = keyof typeof asked;
const kinds = Object.keys(asked) as Kind[];

interface WireCompletion {
  choices: { message: { role: string; content: { type: string; text: string }[] } }[];
  usage: typeof vendorUsage;
}

/** A new account's token, and its calls as `GET /api/history/api-calls` shows them, once there are `count`. */
async function newcomer(parley: Parley, username: string) {
  await makeAccount(parley, username);
  const token = await tokenOf(parley, username);
  const calls = (count: number) =>
    eventually(async () => {
      const at = '/history/api-calls';
      const { body } = await askStudio<{ api_calls: CallBody[] }>(
        parley,
        'GET',
        at,
        undefined,
        bearer(token),
      );
      return body.data.api_calls.length >= count ? body.data.api_calls : undefined;
    });
  return { token, calls };
}

/** OpenAI's package finds the proxy under its own path, and the completion in the envelope's `data`. */
function openAiFor(parley: Parley, apiKey: string): OpenAI {
  const adapter: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (!response.headers.get('content-type')?.startsWith('application/json')) return response;
    const { data } = (await response.json()) as Envelope<unknown>;
    return Response.json(data, { status: response.status });
  };
  return new OpenAI({ apiKey, baseURL: `${parley.url}/api/bailian`, fetch: adapter, maxRetries: 0 });
}

describe('clients of the Bailian proxy', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ dashScope: mock.url });
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  const received = () => {
    const { body, path: at } = mock.getLastRequest()!;
    assert.equal(at, '/v1/chat/completions');
    const { model: named, messages } = body as unknown as { model: string; messages: unknown };
    return { model: named, messages };
  };
  const messagesOf = (kind: Kind) => [{ role: 'user', content: asked[kind] }];

  const checkCalls = (calls: CallBody[]) => {
    const cost =
      (vendorUsage.prompt_tokens * price.input + vendorUsage.completion_tokens * price.output) / 1e6;
    assert.equal(calls.length, kinds.length);
    for (const call of calls) {
      const { call_duration: duration, client_ip: ip, cost: paid, ...row } = call;
      assert.ok(Number.isInteger(duration) && duration >= 0 && duration < 60_000);
      assert.equal(ip, '127.0.0.1');
      assert.ok(Math.abs(paid - cost) < 1e-12, `${paid} is not ${cost}`);
      assert.deepEqual(
        {
          model: row.model_name,
          endpoint: row.api_endpoint,
          status: row.status_code,
          tokens: [row.request_tokens, row.response_tokens, row.total_tokens],
          currency: row.currency,
          estimated: row.estimated,
        },
        { model, endpoint: path, status: 200, tokens: [10, 15, 25], currency: 'CNY', estimated: false },
      );
    }
  };

  test('the openai package completes a text, an image and a video request', async () => {
    const { token, calls } = await newcomer(parley, 'package-user');
    const openai = openAiFor(parley, token);
    for (const kind of kinds) {
      const messages = messagesOf(kind) as unknown as OpenAI.ChatCompletionMessageParam[];
      const completion = await openai.chat.completions.create({ model, messages });
      assert.deepEqual(completion.choices[0]?.message.content, [{ type: 'text', text: vendorText }], kind);
      assert.equal(completion.usage?.total_tokens, 25);
      assert.deepEqual(received(), { model, messages }, `the vendor was asked something else for ${kind}`);
    }
    checkCalls(await calls(kinds.length));
  });

  test('the openai package streams them', async () => {
    const { token, calls } = await newcomer(parley, 'streaming-package-user');
    const openai = openAiFor(parley, token);
    for (const kind of kinds) {
      const messages = messagesOf(kind) as unknown as OpenAI.ChatCompletionMessageParam[];
      const stream = await openai.chat.completions.create({ model, messages, stream: true });
      let said = '';
      for await (const chunk of stream) said += chunk.choices[0]?.delta.content ?? '';
      assert.equal(said, vendorText, kind);
      assert.deepEqual(received(), { model, messages });
    }
    checkCalls(await calls(kinds.length));
  });

  test('plain fetch completes them as the document shows', async () => {
    const { token, calls } = await newcomer(parley, 'fetch-user');
    for (const kind of kinds) {
      const body = { model, messages: messagesOf(kind), temperature: 0.5, max_tokens: 100 };
      const url = parley.url + path;
      const answer = await read<Envelope<WireCompletion>>(send(url, 'POST', body, bearer(token)));
      assert.equal(answer.status, 200);
      const { code, message, data } = answer.body;
      assert.deepEqual([code, message], [200, '请求成功']);
      const { role, content } = data.choices[0]!.message;
      assert.deepEqual([role, content], ['assistant', [{ type: 'text', text: vendorText }]]);
      assert.deepEqual(data.usage, vendorUsage);
      assert.deepEqual(received(), { model, messages: body.messages });
    }
    checkCalls(await calls(kinds.length));
  });
});

test('a stream that its client cuts after three chunks is in the call history, estimated', async () => {
  const vendor = await startScriptedVendor();
  const parley = await startParley({ dashScope: vendor.url });
  try {
    const { token, calls } = await newcomer(parley, 'hasty-user');
    const leaving = new AbortController();
    const body = { model, messages: [{ role: 'user', content: asked.text }], stream: true };
    const answering = send(parley.url + path, 'POST', body, bearer(token), leaving.signal);
    const call = await vendor.next();
    const pieces = ['一二三四五', '六七八九十', '甲乙丙丁戊'];
    await call.delta(pieces[0]!);
    const reader = (await answering).body!.pipeThrough(new TextDecoderStream()).getReader();
    let heard = '';
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await call.delta(piece);
      while (!heard.includes(piece))
        heard += (await reader.read()).value ?? assert.fail('the stream has ended');
    }
    leaving.abort();
    await call.closed;
    const [row] = await calls(1);
    assert.ok(row);
    assert.deepEqual([row.model_name, row.api_endpoint, row.status_code], [model, path, 499]);
    assert.equal(row.estimated, true);
    assert.ok(row.request_tokens > 0 && row.response_tokens > 0 && row.cost > 0);
    assert.equal(row.total_tokens, row.request_tokens + row.response_tokens);
    assert.equal(vendor.count(), 1);
  } finally {
    await parley.close();
    await vendor.close();
  }
});
