import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import { within } from '../../../../test/support/eventually.ts';
import { send } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import {
  answerAsUsual,
  startMock,
  startScriptedVendor,
  vendorText,
  vendorUsage,
  type ScriptedVendor,
} from '../../../../test/support/vendor.ts';

const model = 'gpt-4o';
const messages = [{ role: 'user' as const, content: 'Hello' }];
const tools = [
  {
    type: 'function' as const,
    function: {
      name: 'weather',
      description: 'The weather of a city',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  },
];

const clientOf = (parley: Parley) =>
  new OpenAI({ baseURL: `${parley.url}/v1`, apiKey: 'any key at all', maxRetries: 0 });

describe('POST /v1/chat/completions', () => {
  let mock: LLMock;
  let parley: Parley;
  let openai: OpenAI;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url, anthropic: mock.url });
    openai = clientOf(parley);
  });
  beforeEach(() => void answerAsUsual(mock));
  after(async () => {
    await parley.close();
    await mock.stop();
  });
  const sent = () => mock.getLastRequest()?.body as Record<string, unknown>;

  describe('whole', () => {
    test('a completion', async () => {
      const completion = await openai.chat.completions.create({ model, messages });
      const { id, created, ...rest } = completion;
      assert.match(id, /^chatcmpl-[\w-]{16,}$/);
      assert.ok(Math.abs(created - Date.now() / 1000) < 60);
      assert.deepEqual(rest, {
        object: 'chat.completion',
        model,
        choices: [
          {
            index: 0,
            message: { role: 'assistant', content: vendorText, refusal: null },
            logprobs: null,
            finish_reason: 'stop',
          },
        ],
        usage: { ...vendorUsage, prompt_tokens_details: { cached_tokens: 0 } },
      });
      assert.match(completion._request_id ?? '', /^req_/);
    });

    test('answers are not cached here unless it is configured', async (t) => {
      for (const expected of [1, 2]) {
        await openai.chat.completions.create({ model, messages });
        assert.equal(mock.getRequests().length, expected);
      }
      const caching = await startParley({ openAi: mock.url, yaml: { cache: { openai: true } } });
      t.after(() => caching.close());
      mock.clearRequests();
      for (let time = 0; time < 2; time++)
        assert.equal(
          (await clientOf(caching).chat.completions.create({ model, messages })).choices[0]?.message.content,
          vendorText,
        );
      assert.equal(mock.getRequests().length, 1);
    });

    test('the length limit of the vendor shows as finish_reason', async () => {
      mock.clearFixtures();
      mock.onMessage(/./, { content: 'Cut', finishReason: 'length' });
      const completion = await openai.chat.completions.create({ model, messages, max_tokens: 1 });
      assert.equal(completion.choices[0]?.finish_reason, 'length');
    });

    test('every role and the text parts reach the vendor', async () => {
      const conversation: OpenAI.ChatCompletionMessageParam[] = [
        { role: 'system', content: 'Be brief' },
        { role: 'user', content: [{ type: 'text', text: 'One' }], name: 'ann' },
        { role: 'assistant', content: 'Two' },
        { role: 'user', content: 'Three' },
      ];
      await openai.chat.completions.create({ model, messages: conversation });
      assert.deepEqual(sent()['messages'], conversation);
    });

    test('image parts reach the vendor unchanged', async () => {
      const content: OpenAI.ChatCompletionContentPart[] = [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=', detail: 'low' } },
        { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } },
      ];
      await openai.chat.completions.create({ model, messages: [{ role: 'user', content }] });
      assert.deepEqual(sent()['messages'], [{ role: 'user', content }]);
    });

    test('what parts say beyond what Parley knows reaches the vendor too', async () => {
      const content = [
        { type: 'text', text: 'What is this?', cache_control: { type: 'ephemeral' } },
        { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' }, min_pixels: 3136 },
        { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg', format: 'jpeg' } },
      ] as never;
      await openai.chat.completions.create({ model, messages: [{ role: 'user', content }] });
      assert.deepEqual(sent()['messages'], [{ role: 'user', content }]);
    });

    test('images and videos are refused for a model that takes none, whole and streamed', async () => {
      const parts = {
        image: { type: 'image_url', image_url: { url: 'https://example.com/cat.jpg' } },
        video: { type: 'video_url', video_url: { url: 'https://example.com/cat.mp4' } },
      };
      for (const [blind, part] of [
        ['gpt-4', 'image'],
        ['claude-sonnet-4-5', 'video'],
        ['parley-local', 'image'],
      ] as const) {
        for (const stream of [false, true]) {
          const asked = [...messages, { role: 'user', content: [{ type: 'text', text: 'a' }, parts[part]] }];
          const call = openai.chat.completions.create({ model: blind, messages: asked as never, stream });
          await assert.rejects(call, (thrown) => {
            assert.ok(thrown instanceof OpenAI.BadRequestError);
            assert.equal(thrown.param, 'messages.1.content.1');
            assert.match(thrown.message, new RegExp(`the model "${blind}" takes no ${part}s`));
            return true;
          });
        }
      }
      assert.equal(mock.getRequests().length, 0);
    });

    test('nobody who cannot see an image stands in for a model that can', async (t) => {
      const alone = await startParley({ openAi: mock.url });
      t.after(() => alone.close());
      const image = { type: 'image_url' as const, image_url: { url: 'https://example.com/cat.jpg' } };
      const call = clientOf(alone).chat.completions.create({
        model: 'claude-sonnet-4-5',
        messages: [{ role: 'user', content: [image] }],
      });
      await assert.rejects(
        call,
        /not configured on this server, and no model that stands in for it takes images/,
      );
      const words = await clientOf(alone).chat.completions.create({ model: 'claude-sonnet-4-5', messages });
      assert.equal(words.model, 'parley-local');
    });

    test('parts that Parley does not know reach the vendor unchanged', async () => {
      const content = [
        { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
        { type: 'text', text: 'Hello' },
      ] as never;
      await openai.chat.completions.create({ model, messages: [{ role: 'user', content }] });
      assert.deepEqual(sent()['messages'], [{ role: 'user', content }]);
    });

    test('parameters reach the vendor, those that Parley does not know too', async () => {
      const parameters = {
        temperature: 0,
        top_p: 0.5,
        stop: ['\n'],
        seed: 7,
        presence_penalty: -1,
        logit_bias: { '50256': -100 },
        user: 'ann',
        response_format: { type: 'json_object' as const },
        metadata: { purpose: 'test' },
        a_field_of_tomorrow: { nested: [1, 2, 3] },
      };
      await openai.chat.completions.create({ model, messages, ...parameters });
      const body = sent();
      for (const [name, value] of Object.entries(parameters)) assert.deepEqual(body[name], value, name);
      assert.equal('n' in body, false);
    });

    test('max_tokens and max_completion_tokens', async () => {
      await openai.chat.completions.create({ model, messages, max_tokens: 5 });
      assert.equal(sent()['max_tokens'] ?? sent()['max_completion_tokens'], 5);
      await openai.chat.completions.create({ model, messages, max_completion_tokens: 6 });
      assert.equal(sent()['max_completion_tokens'] ?? sent()['max_tokens'], 6);
    });

    test('null in optional fields is as if they were left out', async () => {
      const completion = await openai.chat.completions.create({
        model,
        messages,
        temperature: null,
        max_tokens: null,
        max_completion_tokens: null,
        n: null,
        stream: null,
        stream_options: null,
        stop: null,
      });
      assert.equal(completion.choices[0]?.message.content, vendorText);
      assert.equal(sent()['temperature'] ?? null, null);
    });

    test('n: 1 is accepted', async () => {
      assert.equal((await openai.chat.completions.create({ model, messages, n: 1 })).choices.length, 1);
    });
  });

  describe('streamed', () => {
    const collect = async (
      body: Partial<OpenAI.ChatCompletionCreateParamsStreaming> = {},
    ): Promise<ChatCompletionChunk[]> =>
      Array.fromAsync(await openai.chat.completions.create({ model, messages, ...body, stream: true }));

    test('chunks: the role, the text in pieces, the reason', async () => {
      const chunks = await collect();
      assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
      for (const chunk of chunks) {
        assert.equal(chunk.object, 'chat.completion.chunk');
        assert.equal(chunk.model, model);
        assert.equal(chunk.choices.length, 1);
        assert.equal('usage' in chunk, false);
      }
      assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
      assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), vendorText);
      assert.ok(chunks.length > 6, 'the answer came in pieces');
      const reasons = chunks.map(({ choices }) => choices[0]?.finish_reason);
      assert.deepEqual(reasons, [...Array<null>(chunks.length - 1).fill(null), 'stop']);
    });

    test('include_usage: a last chunk without choices', async () => {
      const chunks = await collect({ stream_options: { include_usage: true } });
      const last = chunks.pop();
      assert.deepEqual(last?.choices, []);
      assert.deepEqual(last.usage, { ...vendorUsage, prompt_tokens_details: { cached_tokens: 0 } });
      assert.ok(chunks.every(({ usage }) => usage === null));
    });

    test('the raw stream ends with [DONE]', async () => {
      const response = await send(`${parley.url}/v1/chat/completions`, 'POST', {
        model,
        messages,
        stream: true,
      });
      assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
      const text = await response.text();
      assert.ok(text.endsWith('\n\ndata: [DONE]\n\n'));
      for (const block of text.trimEnd().split('\n\n')) assert.match(block, /^data: [^\n]+$/);
    });

    test("the client's stream helper puts the message together", async () => {
      const stream = openai.chat.completions.stream({ model, messages });
      const completion = await stream.finalChatCompletion();
      assert.equal(completion.choices[0]?.message.content, vendorText);
    });
  });

  for (const [vendorName, toolModel] of [
    ['openai', model],
    ['anthropic', 'claude-sonnet-5'],
  ] as const) {
    describe(`tools, ${vendorName}`, () => {
      const call = { name: 'weather', arguments: '{"city":"Köln"}', id: 'call_1' };
      beforeEach(() => {
        mock.clearFixtures();
        mock.onToolResult('call_1', { content: 'It is sunny in Köln.' });
        mock.onMessage(/weather/, { toolCalls: [call] });
      });
      const question = [{ role: 'user' as const, content: 'How is the weather?' }];

      test('the definitions reach the vendor and its calls the client', async () => {
        const completion = await openai.chat.completions.create({
          model: toolModel,
          messages: question,
          tools,
        });
        const [choice] = completion.choices;
        assert.equal(choice?.finish_reason, 'tool_calls');
        assert.equal(choice.message.content, null);
        const [made] = choice.message.tool_calls ?? [];
        assert.ok(made?.type === 'function');
        assert.deepEqual([made.id, made.function.name], ['call_1', 'weather']);
        assert.deepEqual(JSON.parse(made.function.arguments), { city: 'Köln' });
        assert.match(JSON.stringify(sent()['tools']), /The weather of a city/);
      });

      test('streamed', async () => {
        const stream = openai.chat.completions.stream({ model: toolModel, messages: question, tools });
        const { choices } = await stream.finalChatCompletion();
        assert.equal(choices[0]?.finish_reason, 'tool_calls');
        const [made] = choices[0].message.tool_calls ?? [];
        assert.ok(made?.type === 'function');
        assert.deepEqual([made.id, made.function.name], ['call_1', 'weather']);
        assert.deepEqual(JSON.parse(made.function.arguments), { city: 'Köln' });
      });

      test("the tool's result goes back and the answer comes", async () => {
        const completion = await openai.chat.completions.create({
          model: toolModel,
          tools,
          messages: [
            ...question,
            {
              role: 'assistant',
              content: null,
              tool_calls: [
                {
                  id: 'call_1',
                  type: 'function',
                  function: { name: 'weather', arguments: '{"city":"Köln"}' },
                },
              ],
            },
            { role: 'tool', tool_call_id: 'call_1', content: '{"sky":"clear"}' },
          ],
        });
        assert.equal(completion.choices[0]?.message.content, 'It is sunny in Köln.');
      });
    });
  }

  describe('a model of Anthropic', () => {
    test('whole and streamed, through the same door', async () => {
      const body = {
        model: 'claude-sonnet-5',
        messages: [{ role: 'system' as const, content: 'Be brief' }, ...messages],
      };
      const completion = await openai.chat.completions.create(body);
      assert.equal(completion.model, 'claude-sonnet-5');
      assert.equal(completion.choices[0]?.message.content, vendorText);
      assert.equal(mock.getLastRequest()?.path, '/v1/messages');

      const stream = await openai.chat.completions.create({
        ...body,
        stream: true,
        stream_options: { include_usage: true },
      });
      const chunks = await Array.fromAsync(stream);
      assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), vendorText);
      assert.ok((chunks.at(-1)?.usage?.total_tokens ?? 0) > 0);
    });
  });

  test('parley-local through the same door', async () => {
    const completion = await openai.chat.completions.create({
      model: 'parley-local',
      messages: [{ role: 'user', content: 'What is Parley?' }],
    });
    assert.equal(completion.model, 'parley-local');
    assert.match(completion.choices[0]?.message.content ?? '', /Parley/);
  });
});

describe('POST /v1/chat/completions, with a vendor told what to do', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  let openai: OpenAI;
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({ openAi: vendor.url });
    openai = clientOf(parley);
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });
  const imageOf = (length: number): OpenAI.ChatCompletionMessageParam[] => {
    const url = `data:image/png;base64,${'A'.repeat(length)}`;
    return [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
  };

  test('a body with an image of nearly 16 MiB reaches the vendor', async () => {
    const length = 16 * 1024 * 1024 - 1000;
    const pending = openai.chat.completions.create({ model, messages: imageOf(length) });
    const call = await vendor.next();
    assert.equal(JSON.stringify(call.body['messages']), JSON.stringify(imageOf(length)));
    call.answer('A very large cat');
    assert.equal((await pending).choices[0]?.message.content, 'A very large cat');
  });

  test('a body of more than 16 MiB is 413 in shape', async () => {
    const pending = openai.chat.completions.create({ model, messages: imageOf(16 * 1024 * 1024) });
    await assert.rejects(pending, (error) => {
      assert.ok(error instanceof OpenAI.APIError);
      assert.equal(error.status, 413);
      assert.equal(error.code, 'request_too_large');
      return true;
    });
  });

  test('a client that stops reading ends the work of the vendor within a second', async () => {
    const pending = openai.chat.completions.create({ model, messages, stream: true });
    const call = await vendor.next();
    await call.delta('Hello');
    const stream = await pending;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content === 'Hello') break;
    }
    await within(1_000, call.closed);
    const [row] = await parley.calls(2);
    assert.equal(row?.outcome, 'cancelled');
    assert.equal(row.contract, 'openai');
    assert.equal(row.estimated, true);
  });

  test('each call is one row', async () => {
    const before = (await parley.calls(0)).length;
    const pending = openai.chat.completions.create({ model, messages });
    (await vendor.next()).answer('Hello');
    await pending;
    const rows = await parley.calls(before + 1);
    assert.equal(rows.length, before + 1);
    const [row] = rows;
    assert.deepEqual(
      [row?.contract, row?.endpoint, row?.outcome, row?.promptTokens, row?.completionTokens],
      ['openai', '/v1/chat/completions', 'success', vendorUsage.prompt_tokens, vendorUsage.completion_tokens],
    );
  });
});
