import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fastify from 'fastify';
import { ParleyError } from '../core/errors.ts';
import { requestError } from './request-errors.ts';
import { createValidatorCompiler } from './validation.ts';

const schema = {
  type: 'object',
  required: ['messages'],
  properties: {
    messages: {
      type: 'array',
      minItems: 1,
      items: {
        type: 'object',
        required: ['role'],
        properties: { role: { type: 'string', minLength: 1 }, content: { type: 'string', pattern: '\\S' } },
      },
    },
    temperature: { type: 'number', minimum: 0, maximum: 2 },
  },
};

/** What `requestError` makes of the refusal of such a request. */
function createTested(t: TestContext) {
  const app = fastify({ bodyLimit: 1_000 });
  t.after(() => app.close());
  app.setValidatorCompiler(createValidatorCompiler());
  let seen: ParleyError | undefined;
  app.setErrorHandler((thrown, _request, reply) => {
    seen = requestError(thrown);
    return reply.code(400).send();
  });
  const querystring = { type: 'object', properties: { page: { type: 'integer', minimum: 1 } } };
  app.post('/', { schema: { body: schema, querystring } }, () => ({}));
  return async (options: { payload?: unknown; url?: string; headers?: Record<string, string> }) => {
    await app.inject({ method: 'POST', url: '/', ...(options as object) });
    assert.ok(seen !== undefined, 'the request was refused');
    return seen;
  };
}

const messages = [{ role: 'user' }];

describe('a request that does not validate names the field', () => {
  for (const [what, options, field, message] of [
    ['missing', { payload: {} }, 'messages', 'messages: is required'],
    ['of the wrong type', { payload: { messages: 'hi' } }, 'messages', /^messages: must be array$/],
    [
      'missing further in',
      { payload: { messages: [{}] } },
      'messages.0.role',
      'messages.0.role: is required',
    ],
    [
      'empty',
      { payload: { messages: [{ role: '' }] } },
      'messages.0.role',
      'messages.0.role: must not be empty',
    ],
    [
      'blank',
      { payload: { messages: [{ role: 'user', content: ' ' }] } },
      'messages.0.content',
      'messages.0.content: must not be empty',
    ],
    [
      'out of range',
      { payload: { messages, temperature: 3 } },
      'temperature',
      'temperature: must be a number, 0 to 2',
    ],
    ['a number as text', { payload: { messages, temperature: '1' } }, 'temperature', /must be number/],
    ['the body itself', { payload: [] }, 'body', /^body: must be object$/],
    [
      'in the address',
      { payload: { messages }, url: '/?page=0' },
      'page',
      'page: must be a whole number, at least 1',
    ],
    ['no number in the address', { payload: { messages }, url: '/?page=x' }, 'page', /must be integer/],
  ] as const) {
    it(what, async (t) => {
      const error = await createTested(t)(options);
      assert.deepEqual([error.code, error.field], ['invalid_request', field]);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
    });
  }
});

describe('what the framework refuses', () => {
  for (const [what, options, code] of [
    ['a body that is too large', { payload: { messages, x: 'x'.repeat(1_000) } }, 'payload_too_large'],
    ['another type', { payload: '<a/>', headers: { 'content-type': 'text/xml' } }, 'unsupported_media_type'],
    ['no JSON', { payload: '{', headers: { 'content-type': 'application/json' } }, 'invalid_request'],
    ['an empty body', { payload: '', headers: { 'content-type': 'application/json' } }, 'invalid_request'],
  ] as const) {
    it(what, async (t) => assert.equal((await createTested(t)(options)).code, code));
  }
});

describe('requestError', () => {
  it('leaves ours as they are', () => {
    const error = new ParleyError('not_found', 'Nothing.');
    assert.equal(requestError(error), error);
  });

  it('tells nothing of what nobody expected, nor of refusals it does not know', () => {
    const internal = requestError(new TypeError('secret'));
    const refused = requestError(Object.assign(new Error('secret'), { statusCode: 418 }));
    assert.deepEqual([internal.code, refused.code], ['internal', 'invalid_request']);
    for (const error of [internal, refused]) assert.doesNotMatch(error.message, /secret/);
    assert.equal(requestError(Object.assign(new Error('x'), { statusCode: 503 })).code, 'internal');
  });
});
