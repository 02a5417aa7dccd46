import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import OpenAI from 'openai';
import { read, send } from '../../../test/support/gateway.ts';
import { startParley, vendorKey, type Parley, type ParleyOptions } from '../../../test/support/parley.ts';
import { answerAsUsual, startMock, vendorText } from '../../../test/support/vendor.ts';

const model = 'gpt-4o';
const messages = [{ role: 'user' as const, content: 'Hello' }];

/** The official client, with nothing but its address changed; without retries, so that failures are seen at once. */
const clientOf = (parley: Parley, apiKey = 'any key at all') =>
  new OpenAI({ baseURL: `${parley.url}/v1`, apiKey, maxRetries: 0 });

type ErrorClass = new (...parts: never[]) => InstanceType<typeof OpenAI.APIError>;

/** The error of the client's class that `call` must fail with. */
async function failure(call: Promise<unknown>, expected: ErrorClass) {
  const error: unknown = await call.then(
    () => assert.fail('expected a failure'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof expected, `expected ${expected.name}, got ${String(error)}`);
  return error;
}

describe('openai: errors, keys and limits', () => {
  let mock: LLMock;
  let parley: Parley;
  let openai: OpenAI;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url, env: { PARLEY_FALLBACK: 'off' } });
    openai = clientOf(parley);
  });
  beforeEach(() => void answerAsUsual(mock));
  after(async () => {
    await parley.close();
    await mock.stop();
  });
  const start = async (t: { after(fn: () => Promise<void>): void }, options: ParleyOptions) => {
    const other = await startParley({ openAi: mock.url, ...options });
    t.after(() => other.close());
    return other;
  };

  describe('errors', () => {
    test('an unknown model is NotFoundError', async () => {
      const error = await failure(
        openai.chat.completions.create({ model: 'gpt-99', messages }),
        OpenAI.NotFoundError,
      );
      assert.equal(error.code, 'model_not_found');
      assert.equal(error.param, 'model');
      assert.equal(error.type, 'invalid_request_error');
      assert.match(error.message, /gpt-99/);
      assert.match(error.requestID ?? '', /^req_/);
    });

    test('so it is before a stream begins', async () => {
      const call = openai.chat.completions.create({ model: 'gpt-99', messages, stream: true });
      await failure(call, OpenAI.NotFoundError);
    });

    test('a request that is not valid is BadRequestError with the field named', async () => {
      for (const [change, param] of [
        [{ messages: [] }, 'messages'],
        [{ messages: 'Hello' }, 'messages'],
        [{ messages: [{ role: 'robot', content: 'x' }] }, 'messages.0.role'],
        [{ messages: [{ role: 'user' }] }, 'messages.0.content'],
        [{ messages: [{ role: 'user', content: null }] }, 'messages.0.content'],
        [{ messages: [{ role: 'user', content: [{ type: 'text' }] }] }, 'messages.0.content.0.text'],
        [
          { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] },
          'messages.0.content.0.image_url',
        ],
        [{ model: 42 }, 'model'],
        [{ model: '' }, 'model'],
        [{ temperature: 2.1 }, 'temperature'],
        [{ max_tokens: 0 }, 'max_tokens'],
        [{ max_completion_tokens: -1 }, 'max_completion_tokens'],
        [{ n: 2 }, 'n'],
        [{ stream: 'yes' }, 'stream'],
      ] as const) {
        const body = { model, messages, ...change } as never;
        const error = await failure(openai.chat.completions.create(body), OpenAI.BadRequestError);
        assert.equal(error.param, param);
        assert.equal(error.type, 'invalid_request_error');
      }
    });

    test('malformed JSON, bad UTF-8 and wrong content types, in shape', async () => {
      for (const [body, contentType, status] of [
        ['{"model": ', 'application/json', 400],
        [Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'application/json', 400],
        ['', 'application/json', 400],
        ['null', 'application/json', 400],
        ['model=gpt-4o', 'application/x-www-form-urlencoded', 415],
      ] as const) {
        const answer = await read<{ error: Record<string, unknown> }>(
          send(`${parley.url}/v1/chat/completions`, 'POST', body, { 'content-type': contentType }),
        );
        assert.equal(answer.status, status);
        assert.deepEqual(Object.keys(answer.body), ['error']);
        assert.deepEqual(Object.keys(answer.body.error), ['message', 'type', 'param', 'code']);
        assert.equal(answer.body.error['type'], 'invalid_request_error');
      }
    });

    for (const [what, rates] of [
      ['status 500', { dropRate: 1 }],
      ['malformed JSON', { malformedRate: 1 }],
      ['a disconnect', { disconnectRate: 1 }],
    ] as const) {
      test(`a vendor's ${what} is InternalServerError`, async () => {
        mock.setChaos(rates);
        for (const stream of [false, true]) {
          const error = await failure(
            openai.chat.completions.create({ model, messages, stream }),
            OpenAI.InternalServerError,
          );
          assert.equal(error.status, 502);
          assert.equal(error.type, 'server_error');
          assert.equal(error.code, 'provider_error');
          assert.ok(!JSON.stringify(error).includes(vendorKey));
        }
      });
    }

    test('a vendor that disconnects in mid-stream is an error of the iteration', async () => {
      mock.clearFixtures();
      mock.onMessage(/./, { content: vendorText }, { truncateAfterChunks: 6, latency: 10 });
      const stream = await openai.chat.completions.create({ model, messages, stream: true });
      let text = '';
      const reading = (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })();
      const error = await failure(reading, OpenAI.APIError);
      assert.equal(error.code, 'provider_error');
      assert.ok(text !== '' && vendorText.startsWith(text));
    });

    test('with the fallback on, parley-local answers and is named', async (t) => {
      const falling = await start(t, {});
      mock.setChaos({ dropRate: 1 });
      const completion = await clientOf(falling).chat.completions.create({ model, messages });
      assert.equal(completion.model, 'parley-local');
    });

    test('an unknown model is NotFoundError elsewhere, too', async () => {
      await failure(openai.models.retrieve('gpt-99'), OpenAI.NotFoundError);
      await failure(openai.embeddings.create({ model: 'gpt-99', input: 'x' }), OpenAI.NotFoundError);
      await failure(openai.embeddings.create({ model, input: 'x' }), OpenAI.NotFoundError);
    });
  });

  describe('keys', () => {
    const calls = (client: OpenAI): [string, () => Promise<unknown>][] => [
      ['chat', () => client.chat.completions.create({ model, messages })],
      ['models', () => client.models.list()],
      ['one model', () => client.models.retrieve(model)],
      ['embeddings', () => client.embeddings.create({ model: 'parley-local-embedding', input: 'x' })],
    ];

    test('an open gateway takes whatever clients must send', async () => {
      for (const key of ['any key at all', 'sk-proj-1234567890', 'none']) {
        for (const [, call] of calls(clientOf(parley, key))) await call();
      }
    });

    test('but not a bad key of ours, or a bad token', async () => {
      for (const key of ['pk_bad', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl']) {
        for (const [, call] of calls(clientOf(parley, key))) {
          const error = await failure(call(), OpenAI.AuthenticationError);
          assert.equal(error.code, 'invalid_api_key');
        }
      }
    });

    test('a closed gateway wants a key of ours', async (t) => {
      const closed = await start(t, { env: { PARLEY_OPEN_GATEWAY: 'false' } });
      for (const [, call] of calls(clientOf(closed))) await failure(call(), OpenAI.AuthenticationError);
      for (const [, call] of calls(clientOf(closed, await closed.key()))) await call();
    });

    test('a key without the scope is PermissionDeniedError', async () => {
      for (const [, call] of calls(clientOf(parley, await parley.key({ scopes: ['cache'] }))))
        await failure(call(), OpenAI.PermissionDeniedError);
    });

    test('a key that has expired, and one that was revoked', async () => {
      const expired = await parley.key({ expiresAt: Date.now() - 1 });
      await failure(clientOf(parley, expired).models.list(), OpenAI.AuthenticationError);
      const revoked = await parley.key();
      await clientOf(parley, revoked).models.list();
      const [newest] = await parley.app.core.apiKeys.list();
      await parley.app.core.apiKeys.revoke(newest?.id ?? 0);
      await failure(clientOf(parley, revoked).models.list(), OpenAI.AuthenticationError);
    });

    test('who has no key learns nothing of what is valid', async (t) => {
      const closed = await start(t, { env: { PARLEY_OPEN_GATEWAY: 'false' } });
      const body = { model, messages: 'not a list' } as never;
      await failure(clientOf(closed).chat.completions.create(body), OpenAI.AuthenticationError);
    });
  });

  describe('limits', () => {
    test('a key over its limit is RateLimitError with Retry-After', async (t) => {
      const limited = await start(t, { env: { PARLEY_RATE_LIMITS: 'on' } });
      const client = clientOf(limited, await limited.key({ requestsPerMinute: 2 }));
      await client.models.list();
      await client.models.list();
      const error = await failure(client.models.list(), OpenAI.RateLimitError);
      assert.equal(error.code, 'rate_limit_exceeded');
      const seconds = Number(error.headers?.get('retry-after'));
      assert.ok(seconds >= 1 && seconds <= 60);
    });
  });
});
