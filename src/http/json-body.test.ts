import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fastify, { type InjectOptions } from 'fastify';
import { acceptJson } from './json-body.ts';
import { requestError } from './request-errors.ts';

function createTested(t: TestContext) {
  const app = fastify({ bodyLimit: 1_000 });
  t.after(() => app.close());
  acceptJson(app);
  app.setErrorHandler((thrown, _request, reply) => {
    const { code, field, message } = requestError(thrown);
    return reply.code(400).send({ code, field, message });
  });
  const handler = ({ body }: { body: unknown }) => ({ got: body ?? null });
  app.post('/', { schema: { body: {} } }, handler);
  app.delete('/', handler);
  return (payload: InjectOptions['payload'], options: InjectOptions = {}) =>
    app
      .inject({
        method: 'POST',
        url: '/',
        headers: { 'content-type': 'application/json' },
        ...(payload !== undefined && { payload }),
        ...options,
      })
      .then((response) => response.json<Record<string, unknown>>());
}

describe('a JSON body', () => {
  for (const text of ['{"a":"é 你好 🍵"}', '[]', 'null', '0', ' {"a" : [1, {"b": null}]} ']) {
    it(`is read: ${text}`, async (t) => {
      assert.deepEqual(await createTested(t)(text), { got: JSON.parse(text) as unknown });
    });
  }

  it('may say that it is UTF-8', async (t) => {
    const headers = { 'content-type': 'application/json; charset=utf-8' };
    assert.deepEqual(await createTested(t)('{"a":1}', { headers }), { got: { a: 1 } });
  });

  for (const [what, body, message] of [
    ['that is cut off', '{"a":', /not valid JSON/],
    ['that is text', 'hello', /not valid JSON/],
    ['of two values', '{} {}', /not valid JSON/],
    ['with a comma too many', '{"a":1,}', /not valid JSON/],
    ['that is empty', '', /is empty/],
    ['that is no UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), /not valid UTF-8/],
    ['with half a surrogate’s bytes', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), /not valid UTF-8/],
    ['that reaches for the prototype', '{"a":{"__proto__":{"admin":true}}}', /not valid JSON/],
    ['that reaches for the constructor', '{"constructor":{"prototype":{"a":1}}}', /not valid JSON/],
  ] as const) {
    it(`${what} is refused, naming the body`, async (t) => {
      const answer = await createTested(t)(body);
      assert.deepEqual([answer['code'], answer['field']], ['invalid_request', 'body']);
      assert.match(String(answer['message']), message);
    });
  }

  it('may be empty, though its type is sent, where the route wants none', async (t) => {
    assert.deepEqual(await createTested(t)('', { method: 'DELETE' }), { got: null });
  });

  it('of another type is refused', async (t) => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp']) {
      const answer = await createTested(t)('{}', { headers: { 'content-type': type } });
      assert.equal(answer['code'], 'unsupported_media_type');
    }
  });

  it('that is too large is refused', async (t) => {
    assert.equal((await createTested(t)(JSON.stringify('x'.repeat(1_000))))['code'], 'payload_too_large');
  });
});
