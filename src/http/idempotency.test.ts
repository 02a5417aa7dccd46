import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import fastify from 'fastify';
import type { Idempotency } from '../core/idempotency.ts';
import { frameIdempotencyOf, idempotencyOf } from './idempotency.ts';

function createTested(t: TestContext) {
  const app = fastify();
  t.after(() => app.close());
  const handler = (request: Parameters<typeof idempotencyOf>[0]) => ({ got: idempotencyOf(request) ?? null });
  app.post('/chat', handler);
  app.put('/chat', handler);
  app.post('/sessions/:id', handler);
  return async (key: string | null, payload: string, url = '/chat', method: 'POST' | 'PUT' = 'POST') => {
    const headers = {
      'content-type': 'application/json',
      ...(key !== null && { 'idempotency-key': key }),
    };
    const response = await app.inject({ method, url, payload, headers });
    return response.json<{ got: Idempotency | null; message?: string; code?: string; field?: string }>();
  };
}

describe('the idempotency of a request', () => {
  it('is nothing where the client sent no key', async (t) => {
    assert.equal((await createTested(t)(null, '{}')).got, null);
  });

  it('has the key, with or without the quotes of a structured header', async (t) => {
    const send = createTested(t);
    for (const [sent, key] of [
      ['8e03978e-40d5-43e8-bc93-6894a57f9324', '8e03978e-40d5-43e8-bc93-6894a57f9324'],
      ['"8e03978e"', '8e03978e'],
      ['a', 'a'],
      ['"', '"'],
      ['x'.repeat(255), 'x'.repeat(255)],
      [`"${'x'.repeat(255)}"`, 'x'.repeat(255)],
    ] as const) {
      assert.equal((await send(sent, '{}')).got?.key, key);
    }
  });

  it('is refused with a key that is none', () => {
    for (const key of ['', '""', 'a b', 'é', 'x'.repeat(256), '"a b"', '\u0000']) {
      const request = { headers: { 'idempotency-key': key } } as unknown as Parameters<
        typeof idempotencyOf
      >[0];
      assert.throws(() => idempotencyOf(request), { code: 'invalid_request', field: 'Idempotency-Key' }, key);
    }
  });

  it('has one fingerprint for what means the same', async (t) => {
    const send = createTested(t);
    const print = async (...asked: [payload: string, url?: string, method?: 'POST' | 'PUT']) =>
      (await send('k', ...asked)).got?.fingerprint;
    const body = '{"message":"Hi","nested":{"a":[{"x":1,"y":null}],"b":"é"}}';
    const same = '{ "nested": {"b":"\\u00e9", "a":[{"y":null,"x":1.0}]}, "message":"Hi" }';
    const first = await print(body);
    assert.match(first ?? '', /^[0-9a-f]{64}$/);
    assert.equal(await print(same), first);
    assert.equal(await print(body, '/chat?a=1&b=2'), await print(same, '/chat?b=2&a=1'));
    assert.equal((await send('another', body)).got?.fingerprint, first, 'whatever the key');
  });

  it('has another fingerprint for anything else', async (t) => {
    const send = createTested(t);
    const asked: [payload: string, url?: string, method?: 'POST' | 'PUT'][] = [
      ['{"message":"Hi"}'],
      ['{"message":"hi"}'],
      ['{"message":["Hi"]}'],
      ['{"message":"Hi","more":null}'],
      ['{"message":["a","b"]}'],
      ['{"message":["b","a"]}'],
      ['{"message":1}'],
      ['{"message":"1"}'],
      ['{"__proto__x":{"message":"Hi"}}'],
      ['"Hi"'],
      ['{"message":"Hi"}', '/chat?a=1'],
      ['{"message":"Hi"}', '/chat?a=2'],
      ['{"message":"Hi"}', '/chat', 'PUT'],
      ['{"message":"Hi"}', '/sessions/1'],
      ['{"message":"Hi"}', '/sessions/2'],
    ];
    const prints = new Set<string | undefined>();
    for (const each of asked) prints.add((await send('k', ...each)).got?.fingerprint);
    assert.equal(prints.size, asked.length);
  });

  it('refuses a body that is nested without end, instead of failing', async (t) => {
    const depth = 100_000;
    const { message } = await createTested(t)('k', `${'['.repeat(depth)}${']'.repeat(depth)}`);
    assert.equal(message, 'body: is nested too deeply');
  });
});

describe('the idempotency of a frame', () => {
  const frame = { type: 'message', id: 'a', data: { content: 'Hi', more: 1 } };

  it('is nothing where it has no id', () => {
    assert.deepEqual(
      [frameIdempotencyOf('/ws', frame, undefined), frameIdempotencyOf('/ws', frame, null)],
      [undefined, undefined],
    );
  });

  it('has a key that no request’s can be', () => {
    assert.equal(frameIdempotencyOf('/ws', frame, 'a')?.key, 'frame a');
    assert.equal(frameIdempotencyOf('/ws', frame, 0)?.key, 'frame 0');
  });

  it('has a fingerprint of the path and of all but the id', () => {
    const print = (path: string, asked: object) => frameIdempotencyOf(path, asked, 'a')?.fingerprint;
    const first = print('/ws', frame);
    assert.match(first ?? '', /^[0-9a-f]{64}$/);
    assert.equal(print('/ws', { data: { more: 1, content: 'Hi' }, type: 'message', id: 'b' }), first);
    assert.notEqual(print('/ws/chat', frame), first);
    assert.notEqual(print('/ws', { ...frame, data: { content: 'Hi' } }), first);
    assert.notEqual(print('/ws', { ...frame, data: { ...frame.data, id: 'a' } }), first);
    assert.deepEqual(frame.id, 'a', 'the frame itself is left alone');
  });

  it('is refused with an id that is none', () => {
    for (const id of ['', 'x'.repeat(256), 1.5, Number.NaN, 2 ** 53, true, {}, ['a']]) {
      assert.throws(() => frameIdempotencyOf('/ws', frame, id), { code: 'invalid_request', field: 'id' });
    }
    frameIdempotencyOf('/ws', frame, '你'.repeat(255));
    frameIdempotencyOf('/ws', frame, -1);
  });
});
