import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket, type ClientOptions } from 'ws';
import { eventually } from '../../test/support/eventually.ts';
import { ParleyError, type ErrorCode } from '../core/errors.ts';
import { createClientAddress } from './client-address.ts';
import { createMetrics } from './metrics.ts';
import {
  createSockets,
  refuseSocket,
  sendFrame,
  sendText,
  socketDoorAdded,
  type SocketRequest,
  type SocketsParts,
} from './sockets.ts';

interface Opened {
  socket: WebSocket;
  request: SocketRequest;
}

async function createTested(t: TestContext, changes: Partial<SocketsParts> = {}) {
  const metrics = createMetrics();
  const sockets = createSockets({
    clientAddress: createClientAddress(['127.0.0.1']),
    requestId: () => 'req_1',
    metrics,
    originAllowed: () => true,
    maxFrameBytes: 1_000,
    heartbeatMs: 3_600_000,
    ...changes,
  });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  sockets.attach(server);
  const opened: Opened[] = [];
  sockets.add('/ws/chat', {
    contract: 'gateway',
    frames: [],
    open: (socket, request) => opened.push({ socket, request }),
  });
  const clients: WebSocket[] = [];
  t.after(() => {
    for (const client of clients) client.terminate();
    sockets.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  /** A client, and its socket as the door got it. */
  const open = async (path = '/ws/chat', protocols: string[] = [], options: ClientOptions = {}) => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, protocols, options);
    clients.push(client);
    await once(client, 'open');
    client.on('error', () => {});
    return { client, ...opened.at(-1)! };
  };
  const openSockets = async () =>
    Number(/^chatbot_open_sockets\{contract="gateway"\} (\d+)$/m.exec(await metrics.render())?.[1]);
  return { sockets, open, port, openSockets, opened };
}

const closeOf = async (client: WebSocket) => {
  const [code, reason] = (await once(client, 'close')) as [number, Buffer];
  return [code, reason.toString()];
};

describe('a socket', () => {
  it('comes to the door of its path, with who asks', async (t) => {
    const { open } = await createTested(t);
    const headers = { 'x-forwarded-for': '198.51.100.1', 'x-api-key': 'pk_1', 'accept-language': 'en' };
    const { request } = await open('/ws/chat?token=abc&x=1&y=%E4%BD%A0', [], { headers });
    const { query, ...rest } = request;
    assert.deepEqual(rest, {
      ip: '198.51.100.1',
      requestId: 'req_1',
      credentials: { apiKey: 'pk_1', bearer: 'abc' },
      params: {},
      acceptLanguage: 'en',
    });
    assert.equal(query.toString(), 'x=1&y=%E4%BD%A0', 'the query, without the token');
    assert.equal(query.get('y'), '你');
  });

  it('carries frames both ways', async (t) => {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    const arrived = once(client, 'message') as Promise<[Buffer, boolean]>;
    await sendFrame(socket, { type: 'pong', text: '你好' });
    const [data, isBinary] = await arrived;
    assert.deepEqual([JSON.parse(data.toString()), isBinary], [{ type: 'pong', text: '你好' }, false]);
    const asked = once(socket, 'message') as Promise<[Buffer]>;
    client.send('hello');
    assert.equal((await asked)[0].toString(), 'hello');
  });

  it('may bring its token as a subprotocol, which is chosen as the standard wants', async (t) => {
    const { open } = await createTested(t);
    const { client, request } = await open('/ws/chat', ['bearer.abc.def']);
    assert.equal(client.protocol, 'bearer.abc.def');
    assert.equal(request.credentials.bearer, 'abc.def');
    assert.equal((await open('/ws/chat', ['chat', 'bearer.abc'])).client.protocol, 'chat');
    assert.equal((await open()).client.protocol, '');
  });

  for (const path of ['/ws', '/ws/chat/', '/ws/chat/1', '/', '/constructor']) {
    it(`is refused with 404 at ${path}, and no door hears of it`, async (t) => {
      const { port, opened } = await createTested(t);
      const client = new WebSocket(`ws://127.0.0.1:${port}${path}`);
      const [error] = (await once(client, 'error')) as [Error];
      assert.match(error.message, /404/);
      assert.deepEqual(opened, []);
    });
  }

  it('from a page that may not use the server is refused with 403', async (t) => {
    const asked: unknown[] = [];
    const { port, opened } = await createTested(t, {
      originAllowed: (...from) => (asked.push(from), false),
    });
    const client = new WebSocket(`ws://127.0.0.1:${port}/ws/chat`, { origin: 'https://evil.example' });
    const [error] = (await once(client, 'error')) as [Error];
    assert.match(error.message, /403/);
    assert.deepEqual([opened, asked], [[], [['https://evil.example', `127.0.0.1:${port}`]]]);
  });

  it('that is no WebSocket is refused, and one that breaks off harms nobody', async (t) => {
    const { port, open } = await createTested(t);
    for (const path of ['/ws/chat', '/nothing']) {
      const client = connect(port, '127.0.0.1');
      client.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`);
      const [answer] = (await once(client, 'data')) as [Buffer];
      assert.match(answer.toString(), /^HTTP\/1\.1 40[04] /);
      client.resetAndDestroy();
    }
    await open();
  });

  it('that sends too large a frame is closed with 1009', async (t) => {
    const { open } = await createTested(t);
    const { client } = await open();
    client.send('x'.repeat(1_001));
    assert.equal((await closeOf(client))[0], 1009);
  });

  it('is counted while it is open', async (t) => {
    const { open, openSockets } = await createTested(t);
    const { client, socket } = await open();
    await open();
    assert.equal(await openSockets(), 2);
    const closed = once(socket, 'close');
    client.close();
    await closed;
    assert.equal(await openSockets(), 1);
  });
});

describe('doors', () => {
  it('may be on a path with a parameter', async (t) => {
    const { open, sockets } = await createTested(t);
    const came: SocketRequest[] = [];
    const door = {
      contract: 'assistant',
      frames: [],
      open: (_: WebSocket, request: SocketRequest) => came.push(request),
    };
    sockets.add('/ws/chat/:session_id', door);
    await open('/ws/chat/4%2F2?stream=true');
    assert.deepEqual(came[0]?.params, { session_id: '4/2' });
    assert.equal(came[0]?.query.get('stream'), 'true');
  });

  it('of one path are told apart by who issued the token, and make themselves known', async (t) => {
    const { open, opened, sockets } = await createTested(t);
    const added: unknown[] = [];
    const onAdded = (message: unknown) => void added.push(message);
    socketDoorAdded.subscribe(onAdded);
    t.after(() => socketDoorAdded.unsubscribe(onAdded));
    let companions = 0;
    const door = { contract: 'companion', frames: ['ping'], open: () => void companions++ };
    sockets.add('/ws/chat', door, { issuedBy: 'companion' });
    assert.deepEqual(added, [{ path: '/ws/chat', contract: 'companion', frames: ['ping'] }]);
    const tokenOf = (con: string) => `e30.${Buffer.from(JSON.stringify({ con })).toString('base64url')}.x`;
    await open(`/ws/chat?token=${tokenOf('companion')}`);
    await open('/ws/chat', [`bearer.${tokenOf('companion')}`]);
    await open('/ws/chat', [], { headers: { authorization: `Bearer ${tokenOf('companion')}` } });
    assert.deepEqual([companions, opened.length], [3, 0]);
    await open(`/ws/chat?token=${tokenOf('assistant')}`);
    await open('/ws/chat?token=abc');
    await open();
    assert.deepEqual([companions, opened.length], [3, 3]);
  });
});

describe('the heartbeat', () => {
  it('ends sockets that do not answer, and no others', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { open, openSockets } = await createTested(t, { heartbeatMs: 1_000 });
    const alive = await open();
    const dead = await open('/ws/chat', [], { autoPong: false });
    for (let beat = 0; beat < 3; beat++) {
      const answered = once(alive.socket, 'pong');
      t.mock.timers.tick(1_000);
      await answered;
      if (beat === 0)
        assert.equal(dead.socket.readyState, WebSocket.OPEN, 'has until the next beat to answer');
    }
    assert.notEqual(dead.client.readyState, WebSocket.OPEN);
    assert.equal(alive.client.readyState, WebSocket.OPEN);
    assert.equal(await openSockets(), 1);
  });
});

describe('the heartbeat of many sockets', () => {
  it('reaches each of them, though not all at once', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { open } = await createTested(t, { heartbeatMs: 1_000 });
    const pings: Promise<unknown>[] = [];
    for (let opened = 0; opened < 300; opened++) pings.push(once((await open()).client, 'ping'));
    t.mock.timers.tick(1_000);
    await Promise.all(pings);
  });
});

describe('the end of all sockets', () => {
  it('closeAll closes each with code and reason', async (t) => {
    const { open, sockets } = await createTested(t);
    const clients = [(await open()).client, (await open()).client];
    const closes = clients.map(closeOf);
    void sockets.closeAll(1012, 'service restart');
    assert.deepEqual(await Promise.all(closes), [
      [1012, 'service restart'],
      [1012, 'service restart'],
    ]);
  });

  it('closeAll lets those that are held be told what is theirs', async (t) => {
    const { open, sockets } = await createTested(t);
    const { client, socket } = await open();
    const { client: idle } = await open();
    const release = sockets.hold(socket);
    const frames: string[] = [];
    client.on('message', (data: Buffer) => frames.push(data.toString('utf8')));
    const closed = closeOf(client);
    void sockets.closeAll(1012, 'service restart');
    await closeOf(idle);
    socket.send('the rest');
    release();
    assert.deepEqual(await closed, [1012, 'service restart']);
    assert.deepEqual(frames, ['the rest']);
  });

  it('closeAll bears with those that break the protocol instead', async (t) => {
    const { port, sockets, openSockets } = await createTested(t);
    const client = connect(port, '127.0.0.1');
    t.after(() => client.destroy());
    const key = 'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==';
    client.write(
      `GET /ws/chat HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n${key}\r\n\r\n`,
    );
    await once(client, 'data');
    const unmasked = Buffer.from([0x81, 0x01, 0x41]);
    client.once('data', () => client.write(unmasked));
    await sockets.closeAll(1012, 'service restart');
    assert.equal(await openSockets(), 0);
  });

  it('close ends those that do not say goodbye', async (t) => {
    const { open, sockets } = await createTested(t);
    const { client } = await open();
    client.pause();
    void sockets.closeAll(1012, 'service restart');
    sockets.close();
    client.resume();
    await closeOf(client);
  });
});

describe('a refused socket', () => {
  const codes = {
    rate_limited: 4429,
    not_found: 4404,
    unauthorized: 4401,
    token_expired: 4401,
    forbidden: 4401,
  };
  for (const [code, closeCode] of Object.entries(codes)) {
    it(`hears why, and is closed: ${code}`, async (t) => {
      const { open } = await createTested(t);
      const { client, socket } = await open();
      const heard: unknown[] = [];
      socket.on('message', (data) => heard.push(data));
      socket.pause();
      const closed = closeOf(client);
      const told = once(client, 'message') as Promise<[Buffer]>;
      client.send('sent before it knew');
      refuseSocket(socket, new ParleyError(code as ErrorCode, 'No.'), { type: 'error' });
      socket.on('message', (data) => heard.push(data));
      assert.equal((await told)[0].toString(), '{"type":"error"}');
      assert.deepEqual(await closed, [closeCode, code]);
      assert.deepEqual(heard, []);
    });
  }
});

describe('sendFrame', () => {
  it('says nothing to a socket that is closed', async (t) => {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    const closed = once(socket, 'close');
    client.close();
    await closed;
    assert.equal(sendFrame(socket, { type: 'pong' }), undefined);
  });

  it('holds up its source while a slow client’s buffer is full, and lets it go on when it reads', async (t) => {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    client.pause();
    const frame = { text: 'x'.repeat(256 * 1024) };
    let held: Promise<void> | void = undefined;
    let sent = 0;
    for (; held === undefined && sent < 1_000; sent++) held = sendFrame(socket, frame);
    assert.ok(held !== undefined, 'the source is held up');
    assert.ok(socket.bufferedAmount < 2 * 1024 * 1024, 'little is held in memory');
    let received = 0;
    client.on('message', () => received++);
    client.resume();
    await held;
    await eventually(() => (received === sent ? true : undefined));
  });

  it('lets its source go when the client goes', async (t) => {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    client.pause();
    let held: Promise<void> | void = undefined;
    while (held === undefined) held = sendFrame(socket, { text: 'x'.repeat(256 * 1024) });
    client.terminate();
    await held;
  });

  it('sends what is JSON already as it is', async (t) => {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    const arrived = once(client, 'message') as Promise<[Buffer, boolean]>;
    void sendText(socket, '{"type":"typing"}');
    const [data, isBinary] = await arrived;
    assert.deepEqual([data.toString(), isBinary], ['{"type":"typing"}', false]);
  });

  it('cuts off a client that lets too much wait, and lets its sources go', async (t) => {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    client.pause();
    const closed = once(socket, 'close');
    const frame = { text: 'x'.repeat(256 * 1024) };
    const held: Promise<void>[] = [];
    let most = 0;
    for (let sent = 0; socket.readyState === socket.OPEN && sent < 1_000; sent++) {
      const sending = sendFrame(socket, frame);
      if (sending !== undefined) held.push(sending);
      most = Math.max(most, socket.bufferedAmount);
    }
    await closed;
    await Promise.all(held);
    assert.ok(most > 8 * 1024 * 1024 && most < 9 * 1024 * 1024, `${most} bytes waited`);
  });

  /** A socket with a full buffer, whose client does not read. */
  async function openFull(t: TestContext) {
    const { open } = await createTested(t);
    const { client, socket } = await open();
    client.pause();
    t.mock.timers.enable({ apis: ['setTimeout'] });
    let held: Promise<void> | void = undefined;
    while (held === undefined) held = sendFrame(socket, { text: 'x'.repeat(256 * 1024) });
    return { client, socket, held };
  }

  it('cuts off a client that reads nothing for a minute while its buffer is full', async (t) => {
    const { socket, held } = await openFull(t);
    const closed = once(socket, 'close');
    t.mock.timers.tick(30_000);
    void sendFrame(socket, { text: 'more' });
    t.mock.timers.tick(29_999);
    assert.equal(socket.readyState, socket.OPEN);
    t.mock.timers.tick(1);
    await closed;
    await held;
  });

  it('has patience with a client that reads in time', async (t) => {
    const { client, socket, held } = await openFull(t);
    t.mock.timers.tick(59_999);
    client.resume();
    await held;
    t.mock.timers.tick(60_000);
    assert.equal(socket.readyState, socket.OPEN);
  });
});
