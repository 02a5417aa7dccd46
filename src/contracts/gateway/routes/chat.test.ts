import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { LLMock } from '@copilotkit/aimock';
import { allEvents } from '../../../../test/support/event-stream.ts';
import { complete, send, stream, type ErrorBody } from '../../../../test/support/gateway.ts';
import { startParley, type Parley } from '../../../../test/support/parley.ts';
import { assertShape } from '../../../../test/support/shape.ts';
import { answerAsUsual, startMock, vendorText, vendorUsage } from '../../../../test/support/vendor.ts';
import * as examples from '../examples.fixture.ts';

describe('chat', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url, anthropic: mock.url });
  });
  beforeEach(() => void answerAsUsual(mock));
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  describe('POST /api/v1/chat/completion', () => {
    test("answers the document's example in its shape", async () => {
      const { status, headers, body } = await complete(parley.url, examples.chatRequest);
      assert.equal(status, 200);
      assertShape(body, examples.chatResponse, ['.similarity_score']);
      assert.equal(body.response, vendorText);
      assert.equal(body.model, 'gpt-3.5-turbo');
      assert.equal(body.cached, false);
      assert.equal(body.similarity_score, null);
      assert.deepEqual(body.usage, vendorUsage);
      assert.equal(body.request_id, headers.get('x-request-id'));
      assert.equal(headers.get('content-type'), 'application/json; charset=utf-8');
      assert.equal(headers.get('x-cache-status'), 'MISS');
    });

    test('the vendor is asked what the request says', async () => {
      const unlike = examples.chatRequest.replace('Hello, how are you?', 'What does the vendor get?');
      await complete(parley.url, unlike);
      const sent = mock.getLastRequest();
      assert.equal(sent?.path, '/v1/chat/completions');
      const {
        model,
        messages,
        temperature,
        max_tokens,
        stream: streamed,
      } = sent.body as Record<string, unknown>;
      assert.deepEqual(
        { model, messages, temperature, max_tokens },
        {
          model: 'gpt-3.5-turbo',
          temperature: 0.7,
          max_tokens: 1000,
          messages: [
            { role: 'system', content: 'You are a helpful assistant' },
            { role: 'user', content: 'Previous message' },
            { role: 'assistant', content: 'Previous response' },
            { role: 'user', content: 'What does the vendor get?' },
          ],
        },
      );
      assert.notEqual(streamed, true);
    });

    test("the document's JavaScript client works", async () => {
      class ChatbotClient {
        readonly baseURL: string;
        constructor(baseURL = 'http://localhost:8000') {
          this.baseURL = baseURL;
        }

        async chat(message: string, model = 'gpt-3.5-turbo') {
          const response = await fetch(`${this.baseURL}/api/v1/chat/completion`, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ message, model }),
          });
          if (!response.ok) throw new Error(`HTTP ${response.status}`);
          return (await response.json()) as { response: string };
        }
      }
      const response = await new ChatbotClient(parley.url).chat('Hello!');
      assert.equal(response.response, vendorText);
    });

    test("the document's curl body works", async () => {
      const { status, body } = await complete(parley.url, examples.curlBody);
      assert.equal(status, 200);
      assert.equal(body.response, vendorText);
    });

    test('only the message is required; the default model is the first that is configured', async () => {
      const { status, body } = await complete(parley.url, { message: 'Only a message' });
      assert.equal(status, 200);
      assert.equal(body.model, 'gpt-4o-mini');
    });

    test('a model of another vendor', async () => {
      const { body } = await complete(parley.url, { message: 'Hello Claude', model: 'claude-sonnet-5' });
      assert.equal(body.model, 'claude-sonnet-5');
      assert.equal(body.response, vendorText);
      assert.equal(mock.getLastRequest()?.path, '/v1/messages');
    });

    test('a model whose vendor is not configured is answered by the fallback, which says so', async () => {
      const { status, body } = await complete(parley.url, { message: 'Hello', model: 'qwen-plus' });
      assert.equal(status, 200);
      assert.equal(body.model, 'parley-local');
      assert.equal(mock.getRequests().length, 0);
    });

    test('every language and emoji arrives as it was sent', async () => {
      mock.clearFixtures();
      mock.onMessage('你好，世界 👋', { content: 'Grüße 世界 👩‍👩‍👧', usage: vendorUsage });
      const { body } = await complete(parley.url, { message: '你好，世界 👋' });
      assert.equal(body.response, 'Grüße 世界 👩‍👩‍👧');
    });

    test('unknown fields do no harm', async () => {
      const { status } = await complete(parley.url, { message: 'Hello there', color: 'blue' });
      assert.equal(status, 200);
    });

    test('stream: true answers as /chat/stream does', async () => {
      const response = await send(`${parley.url}/api/v1/chat/completion`, 'POST', {
        message: 'Streamed by the completion address',
        stream: true,
      });
      const events = await allEvents(response);
      assert.deepEqual(Object.keys(events[0] ?? {}), ['chunk', 'index']);
      assert.equal(events.at(-1)?.['finished'], true);
    });

    test('limits of the parameters are inclusive', async () => {
      for (const parameters of [
        { temperature: 0 },
        { temperature: 2 },
        { max_tokens: 1 },
        { system_prompt: '' },
        { conversation_history: Array(1000).fill({ role: 'user', content: 'x' }) },
      ]) {
        const { status } = await complete(parley.url, { message: 'At the limit', ...parameters });
        assert.equal(status, 200, Object.keys(parameters).join());
      }
    });
  });

  describe('POST /api/v1/chat/stream', () => {
    const streamRequest = examples.chatRequest.replace('"stream": false', '"stream": true');

    test("answers the document's example in its frames", async () => {
      const response = await stream(parley.url, streamRequest.replace('Hello, how', 'Hello in pieces, how'));
      assert.equal(response.status, 200);
      assert.equal(response.headers.get('x-cache-status'), 'MISS');
      assert.match(response.headers.get('x-request-id') ?? '', /^req_/);
      assert.match(response.headers.get('x-process-time') ?? '', /^\d+\.\d{3}$/);
      assert.equal(response.headers.get('cache-control'), 'no-cache, no-transform');

      const events = await allEvents(response);
      const chunks = events.slice(0, -1);
      assert.ok(chunks.length > 5, 'the answer came in pieces');
      for (const [index, chunk] of chunks.entries()) {
        assert.deepEqual(Object.keys(chunk), ['chunk', 'index']);
        assert.equal(chunk['index'], index);
      }
      assert.equal(chunks.map(({ chunk }) => chunk as string).join(''), vendorText);
      assert.equal(events.at(-1)?.['finished'], true);
      assert.deepEqual(events.at(-1)?.['usage'], vendorUsage);
    });

    test('streams whatever `stream` says', async () => {
      for (const said of [{ stream: false }, {}]) {
        const response = await stream(parley.url, { message: `It said ${JSON.stringify(said)}`, ...said });
        assert.equal((await allEvents(response)).at(-1)?.['finished'], true);
      }
    });

    test('is not compressed', async () => {
      const response = await stream(parley.url, { message: 'Not compressed' }, { 'accept-encoding': 'gzip' });
      assert.equal(response.headers.get('content-encoding'), null);
      await allEvents(response);
    });

    test('a request that is not valid is an error, not a stream', async () => {
      const response = await stream(parley.url, { message: '' });
      assert.equal(response.status, 400);
      assert.equal(((await response.json()) as ErrorBody).code, 'INVALID_REQUEST');
    });
  });

  describe('bad input', () => {
    const message = 'Hello';
    const refused: [title: string, body: unknown, field: string][] = [
      ['no body', '', 'body'],
      ['malformed JSON', '{"message": "Hello"', 'body'],
      ['an array', [], 'body'],
      ['null', 'null', 'body'],
      ['a string', '"Hello"', 'body'],
      ['a prototype key', '{"message": "Hello", "__proto__": {"admin": true}}', 'body'],
      ['bad UTF-8', Buffer.from([...Buffer.from('{"message": "'), 0xc3, 0x28, 0x22, 0x7d]), 'body'],
      ['no message', { model: 'gpt-4' }, 'message'],
      ['an empty message', { message: '' }, 'message'],
      ['a blank message', { message: ' \n\t　' }, 'message'],
      ['a message that is a number', { message: 42 }, 'message'],
      ['a message that is null', { message: null }, 'message'],
      ['a model that is a number', { message, model: 4 }, 'model'],
      ['an empty model', { message, model: '' }, 'model'],
      ['an unknown model', { message, model: 'gpt-99' }, 'model'],
      ['a model that does not chat', { message, model: 'text-embedding-3-small' }, 'model'],
      ['a temperature below 0', { message, temperature: -0.1 }, 'temperature'],
      ['a temperature above 2', { message, temperature: 2.1 }, 'temperature'],
      ['a temperature as text', { message, temperature: '0.7' }, 'temperature'],
      ['max_tokens of 0', { message, max_tokens: 0 }, 'max_tokens'],
      ['max_tokens with a fraction', { message, max_tokens: 1.5 }, 'max_tokens'],
      ['stream as text', { message, stream: 'true' }, 'stream'],
      ['a system prompt that is a list', { message, system_prompt: [] }, 'system_prompt'],
      ['a history that is an object', { message, conversation_history: {} }, 'conversation_history'],
      [
        '1001 history entries',
        { message, conversation_history: Array(1001).fill({ role: 'user', content: 'x' }) },
        'conversation_history',
      ],
      [
        'a history entry without content',
        { message, conversation_history: [{ role: 'user' }] },
        'conversation_history.0.content',
      ],
      [
        'a history entry of an unknown role',
        {
          message,
          conversation_history: [
            { role: 'user', content: 'x' },
            { role: 'robot', content: 'x' },
          ],
        },
        'conversation_history.1.role',
      ],
    ];
    for (const [title, body, field] of refused) {
      test(`${title} is refused with the field named`, async () => {
        const answer = await complete<ErrorBody>(parley.url, body);
        assert.equal(answer.status, 400);
        assertShape(answer.body, { ...examples.error, request_id: 'x' });
        assert.equal(answer.body.code, 'INVALID_REQUEST');
        assert.equal(answer.body.status_code, 400);
        assert.equal(answer.body.details?.field, field);
        assert.equal(answer.body.request_id, answer.headers.get('x-request-id'));
        assert.doesNotMatch(JSON.stringify(answer.body), /node_modules|at \w+ \(/);
      });
    }

    test('a body of more than 1 MiB is 413 in shape', async () => {
      const answer = await complete<ErrorBody>(parley.url, { message: 'x'.repeat(1024 * 1024) });
      assert.equal(answer.status, 413);
      assertShape(answer.body, { ...examples.error, details: null });
      assert.equal(answer.body.code, 'INVALID_REQUEST');
    });

    test('a body of just 1 MiB is accepted', async () => {
      const frame = JSON.stringify({ message: '' }).length;
      const { status } = await complete(parley.url, { message: 'x'.repeat(1024 * 1024 - frame) });
      assert.equal(status, 200);
    });

    for (const contentType of ['text/plain', 'application/x-www-form-urlencoded', 'application/xml']) {
      test(`${contentType} is 415 in shape`, async () => {
        const answer = await complete<ErrorBody>(parley.url, examples.curlBody, {
          'content-type': contentType,
        });
        assert.equal(answer.status, 415);
        assert.equal(answer.body.code, 'INVALID_REQUEST');
        assert.match(answer.body.error, /application\/json/);
      });
    }

    test('a body in gzip is accepted, unless it is none or unpacks to more than 1 MiB', async () => {
      const headers = { 'content-encoding': 'gzip' };
      assert.equal((await complete(parley.url, gzipSync(examples.curlBody), headers)).status, 200);
      const refusals: [Buffer, string, number][] = [
        [gzipSync(Buffer.alloc(20_000_000, 'x')), 'gzip', 413],
        [Buffer.from(examples.curlBody), 'gzip', 400],
        [Buffer.from(examples.curlBody), 'snappy', 415],
      ];
      for (const [body, encoding, status] of refusals) {
        const answer = await complete<ErrorBody>(parley.url, body, { 'content-encoding': encoding });
        assert.equal(answer.status, status);
        assert.equal(answer.body.code, 'INVALID_REQUEST');
      }
    });

    test('a content type with a charset is accepted', async () => {
      const { status } = await complete(parley.url, examples.curlBody, {
        'content-type': 'application/json; charset=UTF-8',
      });
      assert.equal(status, 200);
    });
  });
});
