import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { LLMock } from '@copilotkit/aimock';
import { complete, read, send, stream, type ErrorBody } from '../../../test/support/gateway.ts';
import { startParley, vendorKey, type Parley } from '../../../test/support/parley.ts';
import { assertShape } from '../../../test/support/shape.ts';
import { startMock } from '../../../test/support/vendor.ts';
import * as examples from './examples.fixture.ts';

const on = { PARLEY_RATE_LIMITS: 'on' };
const models = (url: string, headers?: Record<string, string>) =>
  send(`${url}/api/v1/models`, 'GET', undefined, headers);
const model = (url: string, headers?: Record<string, string>) =>
  send(`${url}/api/v1/models/gpt-4`, 'GET', undefined, headers);

describe('headers', () => {
  let mock: LLMock;
  let parley: Parley;
  before(async () => {
    mock = await startMock();
    parley = await startParley({ openAi: mock.url });
  });
  after(async () => {
    await parley.close();
    await mock.stop();
  });

  describe('X-Request-ID', () => {
    for (const id of ['custom-request-id', 'x', '~!@#$%^&*()', 'y'.repeat(128)]) {
      test(`${id.slice(0, 20)} (${id.length}) is echoed`, async () => {
        const { headers, body } = await complete(parley.url, examples.chatRequest, { 'x-request-id': id });
        assert.equal(headers.get('x-request-id'), id);
        assert.equal(body.request_id, id);
      });
    }

    for (const [title, id] of [
      ['too long', 'y'.repeat(129)],
      ['empty', ''],
      ['with a blank', 'two words'],
      ['not ASCII', 'caf\u00e9'],
    ] as const) {
      test(`one that is ${title} is made anew`, async () => {
        const { headers, body } = await complete(parley.url, examples.chatRequest, { 'x-request-id': id });
        assert.match(body.request_id, /^req_[\w-]{16}$/);
        assert.equal(headers.get('x-request-id'), body.request_id);
      });
    }

    test('every request has its own, errors and streams too', async () => {
      const answers = await Promise.all([
        send(`${parley.url}/health`, 'GET'),
        send(`${parley.url}/nowhere`, 'GET'),
        stream(parley.url, examples.chatRequest),
        complete(parley.url, ''),
      ]);
      const ids = answers.map(({ headers }) => headers.get('x-request-id'));
      for (const id of ids) assert.match(id ?? '', /^req_/);
      assert.equal(new Set(ids).size, ids.length);
    });
  });

  test('X-Process-Time is seconds', async () => {
    for (const response of [
      await send(`${parley.url}/health`, 'GET'),
      await send(`${parley.url}/nowhere`, 'GET'),
      await models(parley.url),
    ]) {
      assert.match(response.headers.get('x-process-time') ?? '', /^\d+\.\d{3}$/);
      assert.ok(Number(response.headers.get('x-process-time')) < 10);
    }
  });

  describe('Content-Encoding', () => {
    const encodingOf = (accept: string | undefined) =>
      new Promise<string | undefined>((resolve, reject) => {
        const headers = accept === undefined ? {} : { 'accept-encoding': accept };
        const asking = request(`${parley.url}/api/v1/models`, { headers }, (response) => {
          response.resume();
          resolve(response.headers['content-encoding']);
        });
        asking.on('error', reject).end();
      });

    test('gzip where it is asked for', async () => {
      assert.equal(await encodingOf('gzip'), 'gzip');
      assert.equal(await encodingOf('gzip, deflate, br'), 'gzip');
    });

    test('none where it is not', async () => {
      assert.equal(await encodingOf(undefined), undefined);
      assert.equal(await encodingOf('identity'), undefined);
      assert.equal(await encodingOf('gzip;q=0'), undefined);
    });

    test('the text is the same', async () => {
      const plain = await (await models(parley.url, { 'accept-encoding': 'identity' })).text();
      const packed = await models(parley.url, { 'accept-encoding': 'gzip' });
      assert.equal(packed.headers.get('content-encoding'), 'gzip');
      assert.equal(await packed.text(), plain);
    });
  });

  test('errors and answers are JSON in UTF-8', async () => {
    for (const response of [await models(parley.url), await send(`${parley.url}/nowhere`, 'GET')])
      assert.equal(response.headers.get('content-type'), 'application/json; charset=utf-8');
  });

  test('what nobody expected is 500 INTERNAL_ERROR and tells nothing', async (t) => {
    t.mock.method(parley.app.core.models, 'list', () => {
      throw new TypeError('the secret inner workings');
    });
    const { status, body } = await read<ErrorBody>(models(parley.url));
    assert.equal(status, 500);
    assertShape(body, { ...examples.error, details: null });
    assert.equal(body.code, 'INTERNAL_ERROR');
    assert.doesNotMatch(JSON.stringify(body), /secret inner workings/);
    assert.match(parley.log(), /the secret inner workings/);
  });

  describe('what is not an HTTP request', () => {
    for (const [title, text, status] of [
      ['garbage', 'GARBAGE\r\n\r\n', 400],
      ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n', 400],
      ['huge headers', `GET /health HTTP/1.1\r\nHost: x\r\nX-Huge: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ] as const) {
      test(`${title} is ${status} in shape, and the connection is closed`, async () => {
        const { hostname, port } = new URL(parley.url);
        const socket = connect(Number(port), hostname);
        socket.on('error', () => {});
        socket.write(text);
        let answer = '';
        socket.setEncoding('utf8').on('data', (piece: string) => (answer += piece));
        await once(socket, 'close');
        const [head = '', body = ''] = answer.split('\r\n\r\n');
        assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
        assertShape(JSON.parse(body), { ...examples.error, details: null });
        assert.equal((JSON.parse(body) as ErrorBody).status_code, status);
      });
    }
  });

  describe('addresses that nobody owns', () => {
    for (const [method, path] of [
      ['GET', '/api/v1/nothing'],
      ['GET', '/api/v1'],
      ['PUT', '/api/v1/models'],
      ['GET', '/api/v1/chat/completion'],
    ] as const) {
      test(`${method} ${path}: a shape that satisfies every contract under /api/v1`, async () => {
        const { status, body } = await read<Record<string, unknown>>(send(`${parley.url}${path}`, method));
        assert.equal(status, 404);
        assertShape(body, {
          success: false,
          detail: 'text',
          error: { code: 'NOT_FOUND', message: 'text', details: null },
        });
        assert.equal(body['success'], false);
        assert.equal((body['error'] as { code: string }).code, 'NOT_FOUND');
      });
    }

    for (const path of ['/api', '/api/', '/api/conversations/1/nothing', '/api/v10']) {
      test(`${path}: studio's shape`, async () => {
        const { status, body } = await read<Record<string, unknown>>(send(`${parley.url}${path}`, 'GET'));
        assert.equal(status, 404);
        assert.deepEqual(Object.keys(body).toSorted(), ['code', 'data', 'message']);
        assert.deepEqual([body['code'], body['data']], [404, null]);
      });
    }

    for (const path of ['/nowhere', '/v1/nothing', '/apiary', '/healthy']) {
      test(`${path}: gateway's shape`, async () => {
        const { status, body } = await read<ErrorBody>(send(`${parley.url}${path}`, 'GET'));
        assert.equal(status, 404);
        assertShape(body, { ...examples.error, details: null });
        assert.equal(body.code, 'NOT_FOUND');
      });
    }

    test('an address that is not a URL is 400 in shape', async () => {
      const { status, body } = await read<ErrorBody>(send(`${parley.url}/api/v1/models/%zz`, 'GET'));
      assert.equal(status, 400);
      assert.equal(body.code, 'INVALID_REQUEST');
    });
  });
});

describe('limits', () => {
  const start = async (t: { after(fn: () => Promise<void>): void }, env: Record<string, string> = {}) => {
    const parley = await startParley({ env: { ...on, ...env } });
    t.after(() => parley.close());
    return parley;
  };

  test('100 a minute are announced, 20 more are allowed, the 121st is refused', async (t) => {
    const parley = await start(t);
    for (let number = 1; number <= 120; number++) {
      const response = await model(parley.url);
      await response.text();
      assert.equal(response.status, 200, `request ${number}`);
      assert.equal(response.headers.get('x-ratelimit-limit'), '100');
      assert.equal(response.headers.get('x-ratelimit-remaining'), String(Math.max(0, 100 - number)));
      const reset = response.headers.get('x-ratelimit-reset') ?? '';
      assert.match(reset, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const aheadMs = Date.parse(reset) - Date.now();
      assert.ok(aheadMs > 0 && aheadMs <= 61_000);
    }
    const refused = await read<ErrorBody>(model(parley.url));
    assert.equal(refused.status, 429);
    assertShape(refused.body, { ...examples.error, details: null });
    assert.equal(refused.body.code, 'RATE_LIMITED');
    assert.equal(refused.headers.get('x-ratelimit-limit'), '100');
    assert.equal(refused.headers.get('x-ratelimit-remaining'), '0');
    const seconds = Number(refused.headers.get('retry-after'));
    assert.ok(Number.isInteger(seconds) && seconds >= 1 && seconds <= 60);

    assert.equal((await complete<ErrorBody>(parley.url, examples.chatRequest)).status, 429);
    assert.equal((await stream(parley.url, examples.chatRequest)).status, 429);
  });

  test('streams announce it too', async (t) => {
    const parley = await start(t);
    const response = await stream(parley.url, examples.chatRequest);
    await response.text();
    assert.equal(response.headers.get('x-ratelimit-limit'), '100');
    assert.equal(response.headers.get('x-ratelimit-remaining'), '99');
  });

  test('a key with a limit of its own has that one, beside the one of its address', async (t) => {
    const parley = await start(t);
    const headers = { 'x-api-key': await parley.key({ requestsPerMinute: 2 }) };
    const first = await model(parley.url, headers);
    assert.equal(first.headers.get('x-ratelimit-limit'), '2');
    assert.equal(first.headers.get('x-ratelimit-remaining'), '1');
    assert.equal((await model(parley.url, headers)).status, 200);
    const refused = await read<ErrorBody>(model(parley.url, headers));
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);

    const keyless = await model(parley.url);
    assert.equal(keyless.headers.get('x-ratelimit-remaining'), '99');
    const other = { 'x-api-key': await parley.key({ requestsPerMinute: 2 }) };
    assert.equal((await model(parley.url, other)).status, 200);
  });

  test('guessing keys counts against the address', async (t) => {
    const parley = await start(t);
    for (let number = 1; number <= 120; number++)
      assert.equal((await model(parley.url, { 'x-api-key': `pk_guess${number}` })).status, 401);
    const refused = await read<ErrorBody>(model(parley.url, { 'x-api-key': 'pk_guess121' }));
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
  });

  test('X-Forwarded-For from strangers counts for nothing', async (t) => {
    const parley = await start(t);
    await model(parley.url, { 'x-forwarded-for': '203.0.113.1' });
    const second = await model(parley.url, { 'x-forwarded-for': '203.0.113.2' });
    assert.equal(second.headers.get('x-ratelimit-remaining'), '98');
  });

  test('X-Forwarded-For from trusted proxies tells the client, past further trusted ones', async (t) => {
    const parley = await start(t, { PARLEY_TRUSTED_PROXIES: '127.0.0.0/8, 10.0.0.0/8' });
    const remaining = async (forwarded?: string) => {
      const headers: Record<string, string> = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
      return (await model(parley.url, headers)).headers.get('x-ratelimit-remaining');
    };
    assert.equal(await remaining('203.0.113.1'), '99');
    assert.equal(await remaining('203.0.113.2'), '99');
    assert.equal(await remaining('203.0.113.1'), '98');
    assert.equal(
      await remaining('198.51.100.7, 203.0.113.1'),
      '97',
      'what the client itself claims is not believed',
    );
    assert.equal(await remaining('203.0.113.1, 10.1.2.3'), '96');
    assert.equal(await remaining('2001:db8::1'), '99');
    assert.equal(await remaining(), '99');
    assert.equal(await remaining('nonsense'), '98');
  });
});

describe('credentials', () => {
  let mock: LLMock;
  let open: Parley;
  let closed: Parley;
  before(async () => {
    mock = await startMock();
    open = await startParley({ openAi: mock.url });
    closed = await startParley({ openAi: mock.url, env: { PARLEY_OPEN_GATEWAY: 'false' } });
  });
  after(async () => {
    await open.close();
    await closed.close();
    await mock.stop();
  });

  const refused = async (pending: Promise<Response>, status: number, code: string): Promise<void> => {
    const answer = await read<ErrorBody>(pending);
    assert.equal(answer.status, status);
    assertShape(answer.body, { ...examples.error, details: null });
    assert.equal(answer.body.code, code);
    assert.equal(answer.body.status_code, status);
  };

  const everyRoute: [method: string, path: string, body?: unknown][] = [
    ['POST', '/api/v1/chat/completion', examples.chatRequest],
    ['POST', '/api/v1/chat/stream', examples.chatRequest],
    ['GET', '/api/v1/models'],
    ['GET', '/api/v1/models/gpt-4'],
    ['GET', '/api/v1/cache/stats'],
    ['POST', '/api/v1/cache/warm', { patterns: ['Hello'], limit: 1 }],
    ['DELETE', '/api/v1/cache/clear'],
  ];

  for (const [method, path, body] of everyRoute) {
    const call = (parley: Parley, headers: Record<string, string> = {}) =>
      send(`${parley.url}${path}`, method, body, headers);

    describe(`${method} ${path}`, () => {
      test('open gateway: nobody needs a key', async () => {
        const response = await call(open);
        await response.text();
        assert.equal(response.status, 200);
      });

      test('open gateway: a bad key is refused all the same', async () => {
        await refused(call(open, { 'x-api-key': 'pk_bad' }), 401, 'UNAUTHORIZED');
        await refused(call(open, { authorization: 'Bearer nonsense' }), 401, 'UNAUTHORIZED');
      });

      test('closed gateway: no key, no answer', async () => {
        await refused(call(closed), 401, 'UNAUTHORIZED');
      });

      test('closed gateway: a key with the scopes is let in, by either header', async () => {
        const secret = await closed.key({ scopes: ['completions', 'cache'] });
        for (const [name, value] of [
          ['x-api-key', secret],
          ['authorization', `Bearer ${secret}`],
          ['authorization', `bearer ${secret}`],
        ] as const) {
          const response = await call(closed, { [name]: value });
          await response.text();
          assert.equal(response.status, 200);
        }
      });

      test('a key of an administrator has every scope', async () => {
        const response = await call(closed, { 'x-api-key': await closed.key({ scopes: ['admin'] }) });
        await response.text();
        assert.equal(response.status, 200);
      });

      test('a key without the scope is 403', async () => {
        const needsCache = path.endsWith('warm') || path.endsWith('clear');
        const secret = await closed.key({ scopes: [needsCache ? 'completions' : 'cache'] });
        await refused(call(closed, { 'x-api-key': secret }), 403, 'FORBIDDEN');
        const openSecret = await open.key({ scopes: [needsCache ? 'completions' : 'cache'] });
        await refused(call(open, { 'x-api-key': openSecret }), 403, 'FORBIDDEN');
      });
    });
  }

  test('closed gateway: who has no key learns nothing of what is valid', async () => {
    await refused(send(`${closed.url}/api/v1/chat/completion`, 'POST', '{"malformed'), 401, 'UNAUTHORIZED');
    await refused(send(`${closed.url}/api/v1/models?page=0`, 'GET'), 401, 'UNAUTHORIZED');
    const large = { message: 'x'.repeat(2 * 1024 * 1024) };
    await refused(send(`${closed.url}/api/v1/chat/stream`, 'POST', large), 401, 'UNAUTHORIZED');
  });

  test('a key that has expired', async () => {
    const secret = await closed.key({ expiresAt: Date.now() + 3_600_000 });
    assert.equal((await models(closed.url, { 'x-api-key': secret })).status, 200);
    const expired = await closed.key({ expiresAt: Date.now() - 1 });
    await refused(models(closed.url, { 'x-api-key': expired }), 401, 'UNAUTHORIZED');
    closed.advance(3_600_000);
    await refused(models(closed.url, { 'x-api-key': secret }), 401, 'UNAUTHORIZED');
  });

  test('a key that was revoked stops at once', async () => {
    const secret = await closed.key();
    assert.equal((await models(closed.url, { 'x-api-key': secret })).status, 200);
    const [newest] = await closed.app.core.apiKeys.list();
    assert.equal(await closed.app.core.apiKeys.revoke(newest?.id ?? 0), true);
    await refused(models(closed.url, { 'x-api-key': secret }), 401, 'UNAUTHORIZED');
  });

  test('a key works after a restart', async () => {
    const secret = await closed.key();
    await closed.restart();
    assert.equal((await models(closed.url, { 'x-api-key': secret })).status, 200);
  });

  test('health and metrics stay open', async () => {
    for (const path of ['/health', '/metrics', '/ready'])
      assert.equal((await send(`${closed.url}${path}`, 'GET')).status, 200);
  });

  test('no secret, and nothing that was said, is in the log', async () => {
    const secret = await closed.key();
    const said = 'Something private that nobody may log';
    for (const headers of [{ 'x-api-key': secret }, { authorization: `Bearer ${secret}` }] as Record<
      string,
      string
    >[]) {
      await complete(closed.url, { message: said }, headers);
      await send(`${closed.url}/api/v1/models?token=${secret}`, 'GET', undefined, headers);
      await send(`${closed.url}/nowhere/${secret}`, 'GET', undefined, headers);
    }
    mock.setChaos({ dropRate: 1 });
    await complete(closed.url, { message: said, temperature: 1.1 }, { 'x-api-key': secret });
    mock.clearChaos();
    const log = closed.log();
    assert.ok(log.split('\n').length > 10, 'the log was written');
    for (const hidden of [secret, vendorKey, said]) assert.ok(!log.includes(hidden));
  });
});
