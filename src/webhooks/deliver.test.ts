import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { createDeliver, type DeliverParts } from './deliver.ts';

const never = new AbortController().signal;

/** A receiver on loopback, which is allowed to be told unless a test says otherwise. */
async function listen(t: TestContext, answer: RequestListener, host = '127.0.0.1') {
  const received: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({ request, body });
      answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: `http://${host}:${port}/hook`, received };
}

function createTested(changes: Partial<DeliverParts> = {}) {
  const deliver = createDeliver({
    allowHttp: true,
    allowPrivateAddresses: ['127.0.0.0/8'],
    timeoutMs: 5_000,
    agent: 'Parley',
    ...changes,
  });
  const send = (url: string) =>
    deliver.send({ url, headers: { 'webhook-id': 'evt_1' }, body: '{"type":"ping"}' }, never);
  return { check: deliver.check, deliver, send };
}

describe('a message', () => {
  it('is posted whole, with its headers, and taken by any 2xx', async (t) => {
    const { url, received } = await listen(t, (_, response) => response.writeHead(204).end());
    assert.deepEqual(await createTested().send(url), { statusCode: 204, error: null });
    const [{ request, body } = assert.fail()] = received;
    assert.deepEqual(
      [request.method, request.url, body, request.headers['webhook-id'], request.headers['user-agent']],
      ['POST', '/hook', '{"type":"ping"}', 'evt_1', 'Parley'],
    );
    assert.equal(request.headers.cookie, undefined);
  });

  it('is not taken by another answer, which may say when to come back', async (t) => {
    const { url } = await listen(t, (_, response) => response.writeHead(503, { 'retry-after': '7' }).end());
    assert.deepEqual(await createTested().send(url), {
      statusCode: 503,
      error: 'It answered 503.',
      retryAfterMs: 7_000,
    });
  });

  it('is not waited for longer than allowed', async (t) => {
    const { url } = await listen(t, () => {});
    const { statusCode, error } = await createTested({ timeoutMs: 50 }).send(url);
    assert.deepEqual([statusCode, error], [null, 'There was no answer within 50 ms.']);
  });

  it('is not waited for while a name is looked up for ever', async () => {
    const { send } = createTested({ timeoutMs: 20, lookup: () => new Promise(() => {}) });
    assert.equal((await send('http://slow.example/')).error, 'There was no answer within 20 ms.');
  });

  it('is given up with its signal', async (t) => {
    const { url } = await listen(t, () => stopping.abort(new Error('stop')));
    const stopping = new AbortController();
    const { deliver } = createTested();
    const message = { url, headers: {}, body: '' };
    await assert.rejects(deliver.send(message, stopping.signal), /stop/);
  });

  it('is taken by an endless answer, of which little is read', async (t) => {
    const { url } = await listen(t, (_, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', more);
      more();
    });
    assert.deepEqual(await createTested().send(url), { statusCode: 200, error: null });
  });

  it('does not arrive where nobody listens', async (t) => {
    const { url } = await listen(t, () => {});
    const { send } = createTested();
    const closed = new URL(url);
    closed.port = '1';
    assert.match((await send(closed.href)).error ?? '', /could not be reached \(ECONNREFUSED\)/);
  });
});

describe('an address', () => {
  const { check } = createTested({ allowPrivateAddresses: [], allowHttp: false });
  const refused = (url: string) =>
    assert.throws(() => check(url), { name: 'ParleyError', code: 'invalid_request', field: 'url' });

  for (const url of [
    'http://shop.example/',
    'ftp://shop.example/',
    'file:///etc/passwd',
    'shop.example',
    '',
    'https://',
    'https://user:secret@shop.example/',
    'https://user@shop.example/',
    'https://127.0.0.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://127.1/',
    'https://0/',
    'https://１２７.0.0.1/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[fe80::1]/',
    'https://169.254.169.254/latest/meta-data/',
    `https://shop.example/${'x'.repeat(2000)}`,
  ]) {
    it(`is refused when it is set: ${url.slice(0, 60)}`, () => refused(url));
  }

  it('is taken where it is public', () => {
    check('https://shop.example/hooks?key=1');
    check('https://[2606:4700:4700::1111]:8443/');
  });
});

describe('a name', () => {
  it('that stands for a private address is not connected to', async (t) => {
    const { port, received } = await listen(t, (_, response) => response.end());
    const { send } = createTested({ allowPrivateAddresses: [] });
    for (const host of ['localhost', '127.0.0.1', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]']) {
      const { statusCode, error } = await send(`http://${host}:${port}/`);
      assert.equal(statusCode, null);
      assert.match(error ?? '', /not one of the public internet/);
    }
    assert.equal(received.length, 0);
  });

  it('of which one address is private is refused whole', async () => {
    const { send } = createTested({ lookup: () => Promise.resolve(['93.184.216.34', '10.0.0.1']) });
    assert.match((await send('http://mixed.example/')).error ?? '', /10\.0\.0\.1 is not one/);
  });

  it('is looked up once, and the connection goes to the address that was checked', async (t) => {
    const { port, received } = await listen(t, (_, response) => response.end());
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    let asked = 0;
    const { send } = createTested({ lookup: () => Promise.resolve(answers[asked++] ?? []) });
    assert.equal((await send(`http://rebinding.example:${port}/`)).error, null);
    assert.equal(asked, 1);
    assert.equal(received[0]?.request.headers.host, `rebinding.example:${port}`);
    assert.match((await send(`http://rebinding.example:${port}/`)).error ?? '', /10\.0\.0\.1/);
    assert.equal(received.length, 1);
  });

  it('without an address is said to be none', async () => {
    const { send } = createTested({ lookup: () => Promise.resolve([]) });
    assert.equal((await send('http://nowhere.example/')).error, 'Its name has no address.');
  });
});

describe('a redirect', () => {
  const redirectTo = (location: string, status = 307): RequestListener => {
    return (_, response) => response.writeHead(status, { location }).end();
  };

  for (const status of [301, 302, 307, 308]) {
    it(`by ${status} takes the message along, with its signature`, async (t) => {
      const last = await listen(t, (_, response) => response.end());
      const first = await listen(t, redirectTo(last.url, status));
      assert.deepEqual(await createTested().send(first.url), { statusCode: 200, error: null });
      const [{ request, body } = assert.fail()] = last.received;
      assert.deepEqual(
        [request.method, request.headers['webhook-id'], body],
        ['POST', 'evt_1', '{"type":"ping"}'],
      );
    });
  }

  it('by 303, which would deliver nothing, is a failure', async (t) => {
    const last = await listen(t, (_, response) => response.end());
    const first = await listen(t, redirectTo(last.url, 303));
    assert.equal((await createTested().send(first.url)).error, 'It answered 303.');
    assert.equal(last.received.length, 0);
  });

  it('to a private address is refused', async (t) => {
    const inside = await listen(t, (_, response) => response.end(), '127.0.0.2');
    const { send } = createTested({ allowPrivateAddresses: ['127.0.0.1'] });
    const names = ['127.0.0.2', '[::ffff:7f00:2]', '2130706434'].map(
      (host) => `http://${host}:${inside.port}/`,
    );
    for (const location of names) {
      const outside = await listen(t, redirectTo(location));
      assert.match((await send(outside.url)).error ?? '', /not one of the public internet/);
    }
    assert.equal(inside.received.length, 0);
  });

  it('to a name that has become private meanwhile is refused', async (t) => {
    const outside = await listen(t, (request, response) =>
      response.writeHead(307, { location: `http://${request.headers.host ?? ''}/again` }).end(),
    );
    const answers = [['127.0.0.1'], ['192.168.0.1']];
    let asked = 0;
    const { send } = createTested({ lookup: () => Promise.resolve(answers[asked++] ?? []) });
    assert.match((await send(`http://moving.example:${outside.port}/`)).error ?? '', /192\.168\.0\.1/);
    assert.deepEqual([asked, outside.received.length], [2, 1]);
  });

  for (const [what, location, error] of [
    ['with a password', 'http://a:b@127.0.0.1/', /must not have a user name or password/],
    ['to another protocol', 'file:///etc/passwd', /must be an http/],
    ['to nothing', 'http://', /what is no address/],
  ] as const) {
    it(`${what} is refused`, async (t) => {
      const outside = await listen(t, redirectTo(location));
      assert.match((await createTested().send(outside.url)).error ?? '', error);
    });
  }

  it('that never ends is given up after three', async (t) => {
    const round = await listen(t, (request, response) =>
      response.writeHead(308, { location: request.url }).end(),
    );
    assert.equal((await createTested().send(round.url)).error, 'It redirects more than 3 times.');
    assert.equal(round.received.length, 4);
  });
});
