import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { within } from '../../../../test/support/eventually.ts';
import { read, send, type Answered } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { makeStudio, visionModel, type Envelope, type Studio } from '../../../../test/support/studio.ts';
import {
  startMock,
  startScriptedVendor,
  vendorText,
  vendorUsage,
  type ScriptedVendor,
} from '../../../../test/support/vendor.ts';
import { estimateTokens } from '../../../core/completions/estimate.ts';

/** One pixel. */
const png =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const path = '/bailian/chat/completions';
const english = { 'accept-language': 'en' };

const user = (content: unknown) => [{ role: 'user', content }];
const text = (said: string) => ({ type: 'text', text: said });
const hello = user([text('你好')]);
const asked = { model: visionModel, messages: hello };
const image = (url: string) => ({ type: 'image_url', image_url: { url } });
const video = (url: string) => ({ type: 'video_url', video_url: { url } });

let vendor: ScriptedVendor;
/** Nobody stands in for a vendor that fails. */
let parley: Parley;
let mina: Studio;
let other: Studio;
before(async () => {
  vendor = await startScriptedVendor();
  parley = await startParley({ dashScope: vendor.url, env: { PARLEY_FALLBACK: 'off' } });
  mina = await makeStudio(parley, 'mina');
  other = await makeStudio(parley, 'other');
});
after(async () => {
  await parley.close();
  await vendor.close();
});

type Answer = Answered<Envelope<Record<string, unknown> | null>>;

const ask = (body: unknown, headers?: Record<string, string>): Promise<Answer> =>
  mina.call('POST', path, body, headers);

/** The newest row of the books, once there are `more` than `before`. */
async function row(before: number, more = 1) {
  const rows = await parley.calls(before + more);
  assert.equal(rows.length, before + more);
  return rows[0]!;
}
const rowCount = async () => (await parley.calls(0)).length;

/** What a vendor can say beyond what Parley knows. */
const answer = {
  id: 'chatcmpl-9',
  object: 'chat.completion',
  created: 1_677_652_288,
  model: 'qwen-vl-max-2025-08-13',
  system_fingerprint: null,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: '我是通义千问', reasoning_content: '嗯', refusal: null },
      logprobs: { content: [{ token: '我', logprob: -0.25, top_logprobs: [] }] },
      finish_reason: 'stop',
    },
    { index: 1, message: { role: 'assistant', content: '你好！' }, finish_reason: 'length' },
  ],
  usage: { ...vendorUsage, prompt_tokens_details: { cached_tokens: 2, image_tokens: 3 } },
  a_field_of_tomorrow: { nested: [1.5, null] },
};
const shownAnswer = {
  ...answer,
  choices: answer.choices.map(({ message, ...choice }) => ({
    ...choice,
    message: { ...message, content: [text(message.content)] },
  })),
};

describe('the proxy, whole', () => {
  test('gives the vendor what the client sent, and the client what the vendor said', async () => {
    const before = await rowCount();
    const body = {
      model: visionModel,
      messages: [
        { role: 'system', content: 'Be brief', cache_control: { type: 'ephemeral' } },
        {
          role: 'user',
          name: 'mina',
          content: [
            { ...image('https://example.com/a.png'), min_pixels: 3136 },
            { type: 'image_url', image_url: { url: png, detail: 'low' } },
            { ...video('https://example.com/a.mp4'), fps: 2 },
            { type: 'video', video: ['https://example.com/1.png'] },
            { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
            { ...text('图中是什么？'), cache_control: { type: 'ephemeral' } },
          ],
        },
        { role: 'assistant', content: '一只猫' },
        ...user('还有呢？'),
      ],
      temperature: 0,
      max_tokens: 5,
      top_p: 0.5,
      n: 2,
      enable_thinking: true,
      stop: null,
      stream: false,
      a_field_of_tomorrow: { nested: [1, 2, 3] },
    };
    const answering = ask(body);
    const call = await vendor.next();
    assert.equal(call.path, '/v1/chat/completions');
    assert.equal(JSON.stringify(call.body), JSON.stringify(body));
    call.answerWith(answer);
    const { status, headers, body: got } = await answering;
    assert.deepEqual([status, headers.get('content-type')], [200, 'application/json; charset=utf-8']);
    assert.deepEqual(got, { code: 200, message: '请求成功', data: shownAnswer });
    const { outcome, contract, endpoint, model, userId, promptTokens, completionTokens, ...rest } =
      await row(before);
    assert.deepEqual(
      [outcome, contract, endpoint, model, userId, promptTokens, completionTokens],
      ['success', 'studio', `/api${path}`, visionModel, mina.id, 10, 15],
    );
    assert.deepEqual(
      [rest.estimated, rest.streamed, rest.cachedPromptTokens, rest.conversationId, rest.messageId],
      [false, false, 2, null, null],
    );
  });

  test('calls of tools and their results go through as they are', async () => {
    const call = {
      id: 'call_1',
      type: 'function',
      function: { name: 'weather', arguments: '{"city":"Köln"}' },
    };
    const tools = [{ type: 'function', function: { name: 'weather', strict: null, parameters: {} } }];
    const first = ask({ ...asked, model: 'qwen-plus', tools, tool_choice: 'auto' });
    const made = await vendor.next();
    assert.deepEqual(made.body, { ...asked, model: 'qwen-plus', tools, tool_choice: 'auto' });
    const message = { role: 'assistant', content: null, tool_calls: [call] };
    made.answerWith({ choices: [{ index: 0, message, finish_reason: 'tool_calls' }], usage: vendorUsage });
    assert.deepEqual((await first).body.data?.['choices'], [
      { index: 0, message, finish_reason: 'tool_calls' },
    ]);

    const messages = [
      ...hello,
      message,
      { role: 'tool', tool_call_id: 'call_1', content: '{"sky":"clear"}' },
    ];
    const second = ask({ model: 'qwen-plus', messages, tools });
    const asking = await vendor.next();
    assert.deepEqual(asking.body, { model: 'qwen-plus', messages, tools });
    asking.answer('晴');
    assert.equal((await second).status, 200);
  });

  test('is said in English to who prefers it', async () => {
    const answering = ask(asked, english);
    (await vendor.next()).answer('Hello');
    assert.equal((await answering).body.message, 'Completed');
  });

  test('takes null for what is left out', async () => {
    const nothing = { temperature: null, max_tokens: null, stream: null, conversation_id: null };
    const answering = ask({ ...asked, ...nothing });
    const call = await vendor.next();
    assert.deepEqual(call.body, { ...asked, temperature: null, max_tokens: null, stream: null });
    call.answer('好');
    assert.equal((await answering).status, 200);
  });

  test('a body with an image of many megabytes reaches the vendor; one that is too large is 413', async () => {
    const bytes = Buffer.alloc(9 * 1024 * 1024, 7);
    Buffer.from(png.slice(png.indexOf(',') + 1), 'base64').copy(bytes);
    const large = `data:image/png;base64,${bytes.toString('base64')}`;
    const answering = ask({ ...asked, messages: user([image(large)]) });
    const call = await vendor.next();
    assert.ok(JSON.stringify(call.body['messages']) === JSON.stringify(user([image(large)])));
    call.answer('好');
    assert.equal((await answering).status, 200);
    const { status, body } = await ask({ ...asked, messages: user(['x'.repeat(17 * 1024 * 1024)]) });
    assert.deepEqual([status, body.code, body.data], [413, 413, null]);
  });
});

/** The `data:` of a stream's frames. */
const frames = (body: string) =>
  body
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      assert.match(block, /^data: [^\n]+$/u);
      return block.slice('data: '.length);
    });

const chunkOf = (delta: object, reason: string | null = null) =>
  JSON.stringify({ id: 'chatcmpl-9', choices: [{ index: 0, delta, finish_reason: reason }], usage: null });
const usageChunk = JSON.stringify({ id: 'chatcmpl-9', choices: [], usage: vendorUsage });
const sse = (...data: string[]) => data.map((line) => `data: ${line}\n\n`).join('');

describe('the proxy, streamed', () => {
  const streamed = { ...asked, stream: true };
  const open = (body: object = streamed, signal?: AbortSignal) =>
    mina.open('POST', path, body, undefined, signal);
  const said = [chunkOf({ role: 'assistant', content: '' }), chunkOf({ content: '你好 👋' })];
  const end = chunkOf({}, 'stop');

  test('chunks come as the vendor sent them, without a usage that nobody asked for', async () => {
    const before = await rowCount();
    const opening = open({ ...streamed, tools: [] });
    const call = await vendor.next();
    assert.deepEqual(call.body, { ...streamed, tools: [], stream_options: { include_usage: true } });
    const odd = '{ "choices": [{"delta": {"reasoning_content": "\\u00fc"}}], "big": 12345678901234567890 }';
    await call.write(`: a heartbeat\n\n${sse(...said, odd, end, usageChunk, '[DONE]')}`);
    const response = await opening;
    assert.deepEqual(
      [response.status, response.headers.get('content-type')],
      [200, 'text/event-stream; charset=utf-8'],
    );
    assert.deepEqual(frames(await response.text()), [...said, odd, end, '[DONE]']);
    const { outcome, estimated, streamed: wasStreamed, completionTokens, firstTokenMs } = await row(before);
    assert.deepEqual([outcome, estimated, wasStreamed, completionTokens], ['success', false, true, 15]);
    assert.notEqual(firstTokenMs, null);
  });

  test('the usage is there for who asks', async () => {
    const opening = open({ ...streamed, stream_options: { include_usage: true } });
    const call = await vendor.next();
    assert.deepEqual(call.body['stream_options'], { include_usage: true });
    await call.write(sse(...said, end, usageChunk, '[DONE]'));
    assert.deepEqual(frames(await (await opening).text()), [...said, end, usageChunk, '[DONE]']);
  });

  test('bytes may be cut in the middle of anything', async () => {
    const opening = open();
    const call = await vendor.next();
    const bytes = Buffer.from(sse(...said, end, usageChunk, '[DONE]'));
    for (let at = 0; at < bytes.length; at += 11) await call.write(bytes.subarray(at, at + 11));
    assert.deepEqual(frames(await (await opening).text()), [...said, end, '[DONE]']);
  });

  test('pieces of calls of tools come as they were', async () => {
    const pieces = ['{"city"', ':"Köln"}'].map((piece) =>
      chunkOf({ tool_calls: [{ index: 0, function: { arguments: piece } }] }),
    );
    const opening = open();
    const call = await vendor.next();
    const done = chunkOf({}, 'tool_calls');
    await call.write(sse(...pieces, done, '[DONE]'));
    assert.deepEqual(frames(await (await opening).text()), [...pieces, done, '[DONE]']);
  });

  test('a refusal before the first chunk is an HTTP error', async () => {
    const before = await rowCount();
    const opening = open();
    (await vendor.next()).refuse(400, 'The image is too small');
    const response = await opening;
    assert.equal(response.status, 400);
    const { code, message, data } = (await response.json()) as Envelope<null>;
    assert.deepEqual([code, data], [400, null]);
    assert.match(message, /The image is too small/);
    const { outcome, statusCode } = await row(before);
    assert.deepEqual([outcome, statusCode], ['failure', 400]);
  });

  const failures: [string, string][] = [
    ['that the vendor tells of', sse(JSON.stringify({ error: { message: 'Overloaded', code: 503 } }))],
    ['that is an end in the middle', ''],
    ['that is not JSON', sse('<html>')],
  ];
  for (const [what, bytes] of failures) {
    test(`a failure ${what}, after the first chunk, is one frame with an error, then the end`, async () => {
      const before = await rowCount();
      const opening = open();
      const call = await vendor.next();
      await call.write(sse(...said));
      const response = await opening;
      if (bytes === '') call.destroy();
      else await call.write(bytes);
      const [first, second, last, ...more] = frames(await response.text());
      assert.deepEqual([first, second, more], [...said, []]);
      const { error } = JSON.parse(last ?? '') as { error: Record<string, unknown> };
      assert.deepEqual(error, { message: '模型服务不可用', type: 'server_error', param: null, code: 503 });
      const { outcome, estimated, completionTokens } = await row(before);
      assert.deepEqual([outcome, estimated, completionTokens], ['failure', true, estimateTokens('你好 👋')]);
    });
  }

  test('a client that leaves closes the vendor’s socket; the call is cancelled, with what was said', async () => {
    const before = await rowCount();
    const leaving = new AbortController();
    const opening = open(streamed, leaving.signal);
    const call = await vendor.next();
    const pieces = ['一二三四五', '六七八九十', '甲乙丙丁戊'];
    for (const piece of pieces) await call.delta(piece);
    const reader = (await opening).body!.pipeThrough(new TextDecoderStream()).getReader();
    for (let heard = ''; !heard.includes(pieces[2]!);) heard += (await reader.read()).value;
    leaving.abort();
    await within(1_000, call.closed);
    const { outcome, statusCode, estimated, completionTokens, promptTokens } = await row(before);
    assert.deepEqual(
      [outcome, statusCode, estimated, completionTokens],
      ['cancelled', 499, true, estimateTokens(pieces.join(''))],
    );
    assert.ok(promptTokens > 0);
  });

  test('a client that leaves before anything was said is cancelled, too', async () => {
    const before = await rowCount();
    const leaving = new AbortController();
    const opening = open(streamed, leaving.signal);
    const call = await vendor.next();
    leaving.abort();
    await assert.rejects(opening);
    await within(1_000, call.closed);
    assert.deepEqual((await row(before)).outcome, 'cancelled');
  });

  test('a client that leaves a whole answer is cancelled, too', async () => {
    const before = await rowCount();
    const { hostname, port } = new URL(parley.url);
    const socket = connect(Number(port), hostname);
    const body = JSON.stringify(asked);
    const authorization = `authorization: ${mina.headers['authorization']}`;
    const head = `POST /api${path} HTTP/1.1\r\nhost: x\r\n${authorization}\r\ncontent-type: application/json`;
    socket.write(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const call = await vendor.next();
    socket.destroy();
    await once(socket, 'close');
    await within(1_000, call.closed);
    const { outcome, estimated, promptTokens } = await row(before);
    assert.deepEqual([outcome, estimated, promptTokens > 0], ['cancelled', true, true]);
  });
});

describe('the proxy refuses', () => {
  const wrong: [string, object, string][] = [
    ['no model', { model: undefined }, 'model'],
    ['an empty model', { model: '' }, 'model'],
    ['a model that is not known', { model: 'no-such-model' }, 'model'],
    ['a model that does not chat', { model: 'text-embedding-v4' }, 'model'],
    ['no messages', { messages: undefined }, 'messages'],
    ['an empty list of messages', { messages: [] }, 'messages'],
    ['messages that are a text', { messages: 'Hello' }, 'messages'],
    ['a role that is not known', { messages: [{ role: 'robot', content: 'Hi' }] }, 'messages.0.role'],
    ['a message without content', { messages: [...hello, { role: 'user' }] }, 'messages.1.content'],
    ['content of no parts', { messages: user([]) }, 'messages.0.content'],
    ['a part without a type', { messages: user([{ text: 'Hi' }]) }, 'messages.0.content.0.type'],
    ['a text without one', { messages: user([{ type: 'text' }]) }, 'messages.0.content.0.text'],
    ['an image without one', { messages: user([{ type: 'image_url' }]) }, 'messages.0.content.0.image_url'],
    [
      'an image over plain HTTP',
      { messages: user([text('Look'), image('http://example.com/a.png')]) },
      'messages.0.content.1.image_url.url',
    ],
    [
      'a video that is none',
      { messages: user([video('data:video/mp4;base64,aGVsbG8=')]) },
      'messages.0.content.0.video_url.url',
    ],
    [
      'an image that a model cannot see',
      { model: 'qwen-plus', messages: user([text('Look'), image(png)]) },
      'messages.0.content.1',
    ],
    ['a temperature above 2', { temperature: 2.1 }, 'temperature'],
    ['a temperature below 0', { temperature: -0.1 }, 'temperature'],
    ['a temperature that is a text', { temperature: '1' }, 'temperature'],
    ['max_tokens of 0', { max_tokens: 0 }, 'max_tokens'],
    ['max_tokens that is no whole number', { max_tokens: 1.5 }, 'max_tokens'],
    ['n of 0', { n: 0 }, 'n'],
    ['stream that is a text', { stream: 'yes' }, 'stream'],
    ['a conversation_id that is a text', { conversation_id: 'x' }, 'conversation_id'],
  ];
  for (const [what, change, field] of wrong) {
    test(`${what}: 400, with the field`, async () => {
      const calls = vendor.count();
      for (const language of [{}, english]) {
        const { status, body } = await ask({ ...asked, ...change }, language);
        assert.deepEqual([status, body.code, body.data], [400, 400, null]);
        assert.match(body.message, new RegExp(String.raw`(^|\s)${RegExp.escape(field)}\b`));
      }
      assert.equal(vendor.count(), calls, 'the vendor was not asked');
    });
  }

  test('the part and the model are named where a model cannot see it', async () => {
    const { body } = await ask({ model: 'qwen-plus', messages: user([image(png)]) }, english);
    assert.match(body.message, /qwen-plus/);
    assert.match(body.message, /image/);
  });

  test('strangers, and keys that may not', async () => {
    const url = `${parley.url}/api${path}`;
    const refused = await parley.key({ scopes: ['cache'] });
    for (const [headers, expected] of [
      [{}, 401],
      [{ authorization: 'Bearer nonsense' }, 401],
      [{ 'x-api-key': 'pk_nonsense' }, 401],
      [{ 'x-api-key': refused }, 403],
    ] as [Record<string, string>, number][]) {
      const { status, body } = await read<Envelope<null>>(send(url, 'POST', asked, headers));
      assert.deepEqual([status, body.code, body.data], [expected, expected, null]);
    }
  });

  const refusals: [number, number][] = [
    [400, 400],
    [404, 400],
    [413, 400],
    [422, 400],
    [429, 429],
    [401, 503],
    [403, 503],
    [500, 503],
    [503, 503],
  ];
  for (const [said, shown] of refusals) {
    test(`what the vendor answers with ${said}: ${shown}`, async () => {
      const before = vendor.count();
      const answering = ask(asked);
      const headers: Record<string, string> = said === 429 ? { 'retry-after': '60' } : {};
      // A second call is made where the first may succeed when repeated.
      for (let retried = said === 500 || said === 503 ? 2 : 1; retried > 0; retried--) {
        (await vendor.next()).refuse(said, 'No, because of the moon', headers);
      }
      const { status, headers: got, body } = await answering;
      assert.deepEqual([status, body.code, body.data], [shown, shown, null]);
      if (shown !== 503) assert.match(body.message, /No, because of the moon/);
      assert.equal(got.get('retry-after'), said === 429 ? '60' : null);
      assert.equal(vendor.count() - before, said === 500 || said === 503 ? 2 : 1);
    });
  }

  test('what the vendor answers that is none: 503', async () => {
    const answering = ask(asked);
    for (let retried = 2; retried > 0; retried--) (await vendor.next()).answerWith({ choices: [] });
    assert.equal((await answering).status, 503);
  });
});

describe('the proxy and a conversation', () => {
  test('that is one’s own: the call is for it in the books, and the vendor does not hear of it', async () => {
    const before = await rowCount();
    const conversation = await mina.begin();
    const answering = ask({ ...asked, conversation_id: conversation });
    const call = await vendor.next();
    assert.deepEqual(call.body, asked);
    call.answer('好');
    assert.equal((await answering).status, 200);
    const { conversationId, messageId } = await row(before);
    assert.deepEqual([conversationId, messageId], [conversation, null]);
  });

  test('another’s 403, a missing or a deleted one 404, before the vendor is asked', async () => {
    const calls = vendor.count();
    const [gone, theirs] = [await mina.begin(), await other.begin()];
    await mina.call('DELETE', `/conversations/${gone}`);
    for (const [conversation, expected] of [
      [theirs, 403],
      [gone, 404],
      [999_999_999, 404],
      [-1, 404],
    ] as const) {
      const { status, body } = await ask({ ...asked, conversation_id: conversation });
      assert.deepEqual([status, body.code, body.data], [expected, expected, null]);
    }
    assert.equal(vendor.count(), calls);
  });

  test('is nothing for API keys, which may complete all the same', async () => {
    const conversation = await mina.begin();
    const key = { 'x-api-key': await parley.key() };
    const url = `${parley.url}/api${path}`;
    const refused = await send(url, 'POST', { ...asked, conversation_id: conversation }, key);
    assert.equal(refused.status, 403);
    const before = await rowCount();
    const answering = send(url, 'POST', asked, key);
    (await vendor.next()).answer('好');
    assert.equal((await answering).status, 200);
    const { userId, apiKeyId } = await row(before);
    assert.equal(userId, null);
    assert.notEqual(apiKeyId, null);
  });
});

describe('the proxy where somebody stands in', () => {
  let lenient: Parley;
  let mock: Awaited<ReturnType<typeof startMock>>;
  let ann: Studio;
  before(async () => {
    mock = await startMock();
    lenient = await startParley({ dashScope: vendor.url, anthropic: mock.url });
    ann = await makeStudio(lenient, 'ann');
  });
  after(async () => {
    await lenient.close();
    await mock.stop();
  });

  interface Shape {
    id: string;
    object: string;
    created: number;
    model: string;
    choices: { index: number; message: { role: string; content: unknown }; finish_reason: string }[];
    usage: { total_tokens: number };
  }

  test('a vendor that fails is stood in for, in the same shape', async () => {
    const answering = ann.call<Shape>('POST', path, { ...asked, messages: user('What is Parley?') });
    for (let retried = 2; retried > 0; retried--) (await vendor.next()).refuse(500, 'Broken');
    const { status, body } = await answering;
    assert.deepEqual([status, body.code, body.message], [200, 200, '请求成功']);
    const { id, object, created, model, choices, usage } = body.data;
    assert.match(id, /^chatcmpl-[\w-]{16,}$/u);
    assert.deepEqual([object, model], ['chat.completion', 'parley-local']);
    assert.ok(Math.abs(created - Date.now() / 1000) < 60 && usage.total_tokens > 0);
    const [{ message, finish_reason: reason } = assert.fail()] = choices;
    assert.deepEqual([message.role, reason], ['assistant', 'stop']);
    const [part] = message.content as { type: string; text: string }[];
    assert.equal(part?.type, 'text');
    assert.match(part.text, /Parley/);
  });

  test('streamed, too, with the usage for who asks', async () => {
    for (const includeUsage of [false, true]) {
      const body = {
        ...asked,
        messages: user('What is Parley?'),
        stream: true,
        stream_options: { include_usage: includeUsage },
      };
      const opening = ann.open('POST', path, body);
      for (let retried = 2; retried > 0; retried--) (await vendor.next()).refuse(503, 'Broken');
      const data = frames(await (await opening).text());
      assert.equal(data.pop(), '[DONE]');
      const chunks = data.map((line) => JSON.parse(line) as Shape & { choices: { delta: object }[] });
      assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
      assert.deepEqual(
        chunks.map(({ object, model }) => [object, model]),
        chunks.map(() => ['chat.completion.chunk', 'parley-local']),
      );
      assert.equal(chunks.filter(({ choices }) => choices.length === 0).length, includeUsage ? 1 : 0);
    }
  });

  test('a request that the vendor refuses is not answered by another', async () => {
    const answering = ann.call('POST', path, asked);
    (await vendor.next()).refuse(400, 'The image is too small');
    const { status, body } = await answering;
    assert.equal(status, 400);
    assert.match(body.message, /The image is too small/);
  });

  test('a model of Anthropic answers in OpenAI’s shape', async () => {
    const { status, body } = await ann.call<Shape>('POST', path, { ...asked, model: 'claude-sonnet-5' });
    assert.equal(status, 200);
    const [{ message } = assert.fail()] = body.data.choices;
    assert.deepEqual(message.content, [text(vendorText)]);
    assert.equal(mock.getLastRequest()?.path, '/v1/messages');
  });
});

test('the proxy has a limit of its own', async () => {
  const limited = await startParley({
    env: { PARLEY_RATE_LIMITS: 'on' },
    yaml: { limits: { studio: { proxy_calls_per_minute: 2 } } },
  });
  try {
    const ann = await makeStudio(limited, 'ann');
    const body = { model: 'parley-local', messages: user('What is Parley?') };
    const statuses: number[] = [];
    for (let time = 0; time < 3; time++) statuses.push((await ann.call('POST', path, body)).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    const { headers, body: refusal } = await ann.call('POST', path, body);
    assert.ok(Number(headers.get('retry-after')) > 0);
    assert.deepEqual([refusal.code, refusal.data], [429, null]);
  } finally {
    await limited.close();
  }
});
