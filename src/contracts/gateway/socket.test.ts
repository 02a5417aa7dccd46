import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { eventually, within } from '../../../test/support/eventually.ts';
import { complete, send } from '../../../test/support/gateway.ts';
import { startParley, type Parley, type ParleyOptions } from '../../../test/support/parley.ts';
import { assertShape } from '../../../test/support/shape.ts';
import { openSocket, type SocketClient } from '../../../test/support/socket.ts';
import {
  startScriptedVendor,
  vendorUsage,
  type ScriptedVendor,
  type VendorCall,
} from '../../../test/support/vendor.ts';
import * as examples from './examples.fixture.ts';

const model = 'gpt-3.5-turbo';
let asked = 0;
const chat = (id: string, data: object = {}) => ({
  type: 'chat',
  id,
  data: { message: `Question number ${++asked} of these tests`, model, stream: true, ...data },
});

describe('WS /ws/chat', () => {
  let vendor: ScriptedVendor;
  let parley: Parley;
  const open: SocketClient[] = [];
  const connect = async (query = '', options = {}) => {
    const client = await openSocket(`${parley.wsUrl}/ws/chat${query}`, options);
    open.push(client);
    return client;
  };
  before(async () => {
    vendor = await startScriptedVendor();
    parley = await startParley({
      openAi: vendor.url,
      env: { PARLEY_FALLBACK: 'off' },
      yaml: { providers: { openai: { retries: { attempts: 1 } } } },
    });
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()));
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  /** The refusal that the next frame must be. */
  async function refusal(client: SocketClient, id: string | null, code: string, field?: string) {
    const frame = await client.next();
    assertShape(frame, { ...examples.errorFrame, id }, ['.id']);
    assert.equal(frame.id, id);
    assert.equal(frame.data.code, code);
    assert.equal(frame.data.details?.field, field);
    return frame;
  }

  /** That the socket still answers. */
  async function alive(client: SocketClient) {
    client.send({ type: 'ping', id: 'alive?' });
    assert.equal((await client.next()).type, 'pong');
  }

  describe('chat', () => {
    test("the document's frame is answered by its stream frames and a complete frame", async () => {
      const client = await connect();
      client.send(examples.chatFrame);
      const call = await vendor.next();
      await call.delta('Hello');
      assert.deepEqual(await client.next(), examples.streamFrame);
      await call.delta(' there');
      assert.deepEqual(await client.next(), {
        type: 'stream',
        id: 'msg_123',
        data: { chunk: ' there', index: 1, finished: false },
      });
      call.finish();
      assert.deepEqual(await client.next(), {
        type: 'stream',
        id: 'msg_123',
        data: { chunk: '', index: 2, finished: true },
      });
      const complete = await client.next();
      assertShape(complete, examples.completeFrame);
      assert.deepEqual(complete, {
        type: 'complete',
        id: 'msg_123',
        data: { response: 'Hello there', model, usage: vendorUsage, cached: false },
      });
      assert.equal(client.waiting, 0);
      const { messages, temperature, max_tokens } = call.body;
      assert.deepEqual([temperature, max_tokens], [0.7, 1000]);
      assert.deepEqual(messages, [
        { role: 'system', content: 'You are helpful' },
        { role: 'user', content: 'Hello' },
      ]);
    });

    test('the same again comes from the cache', async () => {
      const client = await connect();
      client.send(examples.chatFrame);
      const frames = await client.until('complete');
      assert.equal(frames[0]?.data.chunk, 'Hello there');
      assert.equal(frames.at(-1)?.data.cached, true);
      assert.equal(frames.at(-1)?.data.response, 'Hello there');
    });

    test('without stream: true there is the complete frame alone', async () => {
      const client = await connect();
      for (const stream of [{ stream: false }, { stream: undefined }]) {
        client.send(chat('whole', stream));
        const call = await vendor.next();
        await call.delta('in ');
        await call.delta('pieces');
        call.finish();
        const frame = await client.next();
        assert.equal(frame.type, 'complete');
        assert.equal(frame.data.response, 'in pieces');
      }
      assert.equal(client.waiting, 0);
    });

    test('several at once: each frame carries its id', async () => {
      const client = await connect();
      const calls: VendorCall[] = [];
      for (const id of ['a', 'b', 'c']) {
        client.send(chat(id));
        calls.push(await vendor.next());
      }
      const [a, b, c] = calls as [VendorCall, VendorCall, VendorCall];
      await b.delta('B');
      assert.deepEqual([(await client.next()).id], ['b']);
      await a.delta('A');
      assert.deepEqual([(await client.next()).id], ['a']);
      c.finish();
      assert.equal((await client.until('complete')).at(-1)?.id, 'c');
      b.finish();
      const done = (await client.until('complete')).at(-1);
      assert.deepEqual([done?.id, done?.data.response], ['b', 'B']);
      a.finish();
      assert.equal((await client.until('complete')).at(-1)?.data.response, 'A');
    });

    test('an id can be used again once its answer is there', async () => {
      const client = await connect();
      for (const round of ['first', 'second']) {
        client.send(chat('again'));
        const call = await vendor.next();
        await call.delta(round);
        call.finish();
        assert.equal((await client.until('complete')).at(-1)?.data.response, round);
      }
    });

    test('an id that is on its way is refused, and its answer goes on', async () => {
      const client = await connect();
      client.send(chat('twice'));
      const call = await vendor.next();
      client.send(chat('twice'));
      await refusal(client, 'twice', 'INVALID_REQUEST', 'id');
      await call.delta('Hello');
      call.finish();
      assert.equal((await client.until('complete')).at(-1)?.data.response, 'Hello');
    });

    test('more answers at once than a socket may have are refused', async () => {
      const client = await connect();
      const calls: VendorCall[] = [];
      for (let number = 1; number <= 8; number++) {
        client.send(chat(`n${number}`));
        calls.push(await vendor.next());
      }
      client.send(chat('n9'));
      await refusal(client, 'n9', 'RATE_LIMITED');
      for (const call of calls) call.finish();
    });

    test('a vendor that fails is an error frame with the id', async () => {
      const client = await connect();
      client.send(chat('failing'));
      (await vendor.next()).refuse(500, 'Down');
      await refusal(client, 'failing', 'PROVIDER_ERROR');
      await alive(client);
    });

    test('a vendor that disconnects in mid-stream is an error frame after the chunks', async () => {
      const client = await connect();
      client.send(chat('cut'));
      const call = await vendor.next();
      await call.delta('Hello');
      assert.equal((await client.next()).data.chunk, 'Hello');
      call.destroy();
      await refusal(client, 'cut', 'PROVIDER_ERROR');
    });

    test('an unknown model is refused with the field named', async () => {
      const client = await connect();
      client.send(chat('unknown', { model: 'gpt-99' }));
      await refusal(client, 'unknown', 'INVALID_REQUEST', 'model');
    });
  });

  describe('ping', () => {
    test("the document's frame is answered by pong with its id and the time", async () => {
      const client = await connect();
      client.send(examples.pingFrame);
      const frame = await client.next();
      assertShape(frame, { type: 'pong', id: 'ping_123', timestamp: '2024-01-01T00:00:00Z' });
      assert.deepEqual([frame.type, frame.id], ['pong', 'ping_123']);
      assert.ok(Math.abs(Date.parse(frame.timestamp ?? '') - Date.now()) < 60_000);
    });

    test('without an id, too', async () => {
      const client = await connect();
      client.send({ type: 'ping' });
      assert.equal((await client.next()).type, 'pong');
    });
  });

  describe('cancel', () => {
    test('ends with a cancelled frame that has the text so far, and stops the vendor within a second', async () => {
      const client = await connect();
      client.send({ ...chat('msg_123'), id: 'msg_123' });
      const call = await vendor.next();
      await call.delta('Once upon');
      await client.next();
      await call.delta(' a time');
      await client.next();
      client.send(examples.cancelFrame);
      assert.deepEqual(await client.next(), {
        type: 'cancelled',
        id: 'msg_123',
        data: { response: 'Once upon a time' },
      });
      await within(1_000, call.closed);
      await alive(client);
    });

    test('before the first token', async () => {
      const client = await connect();
      client.send(chat('early'));
      const call = await vendor.next();
      client.send({ type: 'cancel', id: 'early' });
      assert.deepEqual(await client.next(), { type: 'cancelled', id: 'early', data: { response: '' } });
      await within(1_000, call.closed);
    });

    test('of one leaves the others alone', async () => {
      const client = await connect();
      client.send(chat('stay'));
      const stay = await vendor.next();
      client.send(chat('go'));
      const go = await vendor.next();
      client.send({ type: 'cancel', id: 'go' });
      assert.equal((await client.next()).type, 'cancelled');
      await within(1_000, go.closed);
      await stay.delta('Still here');
      stay.finish();
      assert.equal((await client.until('complete')).at(-1)?.data.response, 'Still here');
    });

    for (const [title, frame, id] of [
      ['of an unknown id', { type: 'cancel', id: 'nobody' }, 'nobody'],
      ['without an id', { type: 'cancel' }, null],
    ] as const) {
      test(`${title} is NOT_FOUND`, async () => {
        const client = await connect();
        client.send(frame);
        await refusal(client, id, 'NOT_FOUND', 'id');
      });
    }

    test('of an answer that is there already is NOT_FOUND', async () => {
      const client = await connect();
      client.send(chat('done'));
      (await vendor.next()).finish();
      await client.until('complete');
      client.send({ type: 'cancel', id: 'done' });
      await refusal(client, 'done', 'NOT_FOUND', 'id');
    });
  });

  describe('bad frames', () => {
    const data = { message: 'Hello' };
    const refused: [title: string, frame: unknown, id: string | null, field: string][] = [
      ['malformed JSON', '{"type": "chat"', null, 'frame'],
      ['text', 'Hello', null, 'frame'],
      ['an empty frame', '', null, 'frame'],
      ['null', 'null', null, 'type'],
      ['a list', '[]', null, 'type'],
      ['a number', '42', null, 'type'],
      ['no type', { id: 'x' }, 'x', 'type'],
      ['an unknown type', { type: 'shout', id: 'x' }, 'x', 'type'],
      ['a type that is a number', { type: 1, id: 'x' }, 'x', 'type'],
      ['no id', { type: 'chat', data }, null, 'id'],
      ['an id that is a number', { type: 'chat', id: 1, data }, null, 'id'],
      ['an empty id', { type: 'chat', id: '', data }, '', 'id'],
      ['no data', { type: 'chat', id: 'x' }, 'x', 'data'],
      ['data as text', { type: 'chat', id: 'x', data: 'Hello' }, 'x', 'data'],
      ['no message', { type: 'chat', id: 'x', data: {} }, 'x', 'data.message'],
      ['a blank message', { type: 'chat', id: 'x', data: { message: ' ' } }, 'x', 'data.message'],
      ['a message that is a number', { type: 'chat', id: 'x', data: { message: 1 } }, 'x', 'data.message'],
      ['stream as text', { type: 'chat', id: 'x', data: { ...data, stream: 'yes' } }, 'x', 'data.stream'],
      [
        'a temperature above 2',
        { type: 'chat', id: 'x', data: { ...data, temperature: 2.1 } },
        'x',
        'data.temperature',
      ],
      [
        'max_tokens of 0',
        { type: 'chat', id: 'x', data: { ...data, max_tokens: 0 } },
        'x',
        'data.max_tokens',
      ],
      [
        'a history entry of an unknown role',
        { type: 'chat', id: 'x', data: { ...data, conversation_history: [{ role: 'robot', content: '' }] } },
        'x',
        'data.conversation_history.0.role',
      ],
      [
        '1001 history entries',
        {
          type: 'chat',
          id: 'x',
          data: { ...data, conversation_history: Array(1001).fill({ role: 'user', content: 'x' }) },
        },
        'x',
        'data.conversation_history',
      ],
      ['a binary frame', Buffer.from(examples.pingFrame), null, 'frame'],
      ['a frame of more than 1 MiB', `"${'x'.repeat(1024 * 1024)}"`, null, 'frame'],
    ];
    for (const [title, frame, id, field] of refused) {
      test(`${title} is refused with the field named, and the socket stays open`, async () => {
        const client = await connect();
        client.send(frame);
        const { data: told } = await refusal(client, id, 'INVALID_REQUEST', field);
        assert.doesNotMatch(told.error ?? '', /node_modules|at \w+ \(/);
        await alive(client);
      });
    }

    test('a frame of just 1 MiB is read', async () => {
      const client = await connect();
      const frame = { type: 'ping', id: 'large', padding: '' };
      client.send({ ...frame, padding: 'x'.repeat(1024 * 1024 - JSON.stringify(frame).length) });
      assert.equal((await client.next()).type, 'pong');
    });

    test('bad UTF-8 ends the connection (RFC 6455, 8.1)', async () => {
      const client = await connect();
      client.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
      assert.equal((await client.closed).code, 1007);
    });

    test('a frame beyond all limits ends the connection', async () => {
      const client = await connect();
      client.send('x'.repeat(16 * 1024 * 1024 + 1));
      assert.equal((await client.closed).code, 1009);
    });
  });

  describe('a client that goes away', () => {
    for (const [how, leave] of [
      ['closes', (client: SocketClient) => void client.close()],
      ['vanishes', (client: SocketClient) => client.socket.terminate()],
    ] as const) {
      test(`${how}: all its answers stop within a second, and are in the books as cancelled`, async () => {
        const client = await connect();
        const before = (await parley.calls(0)).length;
        client.send(chat('one'));
        const one = await vendor.next();
        client.send(chat('two'));
        const two = await vendor.next();
        await one.delta('Hello');
        await client.next();
        leave(client);
        await within(1_000, Promise.all([one.closed, two.closed]));
        const [last, first] = await parley.calls(before + 2);
        for (const row of [last, first]) {
          assert.equal(row?.outcome, 'cancelled');
          assert.equal(row.endpoint, '/ws/chat');
          assert.equal(row.estimated, true);
        }
      });
    }
  });

  describe('the handshake', () => {
    test('elsewhere there is no socket', async () => {
      await assert.rejects(openSocket(`${parley.wsUrl}/ws/nowhere`), /404/);
    });

    test('a plain GET is not found', async () => {
      assert.equal((await send(`${parley.url}/ws/chat`, 'GET')).status, 404);
    });
  });

  test('every call is one row, and the metrics count open sockets', async () => {
    const client = await connect();
    const before = (await parley.calls(0)).length;
    client.send(chat('counted'));
    const call = await vendor.next();
    await call.delta('Hello');
    call.finish();
    await client.until('complete');
    const rows = await parley.calls(before + 1);
    assert.equal(rows.length, before + 1);
    assert.deepEqual(
      [rows[0]?.outcome, rows[0]?.endpoint, rows[0]?.contract],
      ['success', '/ws/chat', 'gateway'],
    );
    assert.equal(rows[0]?.promptTokens, vendorUsage.prompt_tokens);
    const openSockets = async () =>
      /chatbot_open_sockets\{contract="gateway"\} (\d+)/.exec(
        await (await send(`${parley.url}/metrics`, 'GET')).text(),
      )?.[1];
    assert.equal(await openSockets(), '1');
    await client.close();
    await eventually(async () => ((await openSockets()) === '0' ? true : undefined));
  });
});

describe('WS /ws/chat: who may', () => {
  const start = async (t: { after(fn: () => Promise<void>): void }, options: ParleyOptions = {}) => {
    const parley = await startParley(options);
    t.after(() => parley.close());
    return parley;
  };
  const closedGateway = { env: { PARLEY_OPEN_GATEWAY: 'false' } };
  const answers = async (client: SocketClient) => {
    client.send({ type: 'chat', id: 'x', data: { message: 'What is Parley?', model: 'parley-local' } });
    const frame = await client.next();
    await client.close();
    return frame.type === 'complete';
  };

  /** The error frame and close code of a socket that is refused. */
  async function refused(url: string, options = {}) {
    const client = await openSocket(url, options);
    const frame = await client.next();
    assertShape(frame, { ...examples.errorFrame, id: null });
    const { code } = await client.closed;
    return [frame.data.code, code];
  }

  test('the document’s address with a token', async (t) => {
    const parley = await start(t);
    const client = await openSocket(`${parley.wsUrl}/ws/chat?token=${await parley.key()}`);
    assert.equal(await answers(client), true);
  });

  test('a token that is there but not valid is closed with 4401, on an open gateway too', async (t) => {
    const parley = await start(t);
    const revoked = await parley.key();
    const [newest] = await parley.app.core.apiKeys.list();
    await parley.app.core.apiKeys.revoke(newest?.id ?? 0);
    const expired = await parley.key({ expiresAt: Date.now() - 1 });
    for (const token of ['your_token', 'pk_unknown', revoked, expired]) {
      assert.deepEqual(await refused(`${parley.wsUrl}/ws/chat?token=${token}`), ['UNAUTHORIZED', 4401]);
    }
  });

  test('a closed gateway wants a token, and takes it every way', async (t) => {
    const parley = await start(t, closedGateway);
    const url = `${parley.wsUrl}/ws/chat`;
    assert.deepEqual(await refused(url), ['UNAUTHORIZED', 4401]);
    const secret = await parley.key();
    assert.equal(await answers(await openSocket(`${url}?token=${secret}`)), true);
    for (const [name, value] of [
      ['authorization', `Bearer ${secret}`],
      ['x-api-key', secret],
    ] as const) {
      assert.equal(await answers(await openSocket(url, { headers: { [name]: value } })), true);
    }
    const client = await openSocket(url, { protocols: [`bearer.${secret}`] });
    assert.equal(client.socket.protocol, `bearer.${secret}`);
    assert.equal(await answers(client), true);
    assert.ok(!parley.log().includes(secret));
  });

  test('a key without the scope is refused', async (t) => {
    const parley = await start(t, closedGateway);
    const secret = await parley.key({ scopes: ['cache'] });
    assert.deepEqual(await refused(`${parley.wsUrl}/ws/chat?token=${secret}`), ['FORBIDDEN', 4401]);
  });

  test('a key that is revoked while its socket is open asks nothing more', async (t) => {
    const parley = await startParley({ env: { PARLEY_OPEN_GATEWAY: 'false' } });
    t.after(() => parley.close());
    const socket = await openSocket(`${parley.wsUrl}/ws/chat`, {
      headers: { 'x-api-key': await parley.key() },
    });
    socket.send({ type: 'chat', id: '1', data: { message: 'Hello' } });
    await socket.until('complete');
    const [key] = await parley.app.core.apiKeys.list();
    await parley.app.core.apiKeys.revoke(key?.id ?? 0);
    socket.send({ type: 'chat', id: '2', data: { message: 'Hello' } });
    assert.equal((await socket.next()).data.code, 'UNAUTHORIZED');
    assert.equal((await socket.closed).code, 4401);
    assert.equal((await parley.calls(1)).length, 1);
  });

  test('the sixth connection in a minute is told so and closed with 4429', async (t) => {
    const parley = await start(t, { env: { PARLEY_RATE_LIMITS: 'on' } });
    const url = `${parley.wsUrl}/ws/chat`;
    for (let number = 1; number <= 5; number++) await (await openSocket(url)).close();
    assert.deepEqual(await refused(url), ['RATE_LIMITED', 4429]);
  });

  test('messages on a socket count as requests', async (t) => {
    const parley = await start(t, {
      env: { PARLEY_RATE_LIMITS: 'on' },
      yaml: { limits: { gateway: { requests_per_minute: 2, burst: 0 } } },
    });
    const client = await openSocket(`${parley.wsUrl}/ws/chat`);
    for (const [id, type] of [
      ['1', 'complete'],
      ['2', 'complete'],
      ['3', 'error'],
    ] as const) {
      client.send({ type: 'chat', id, data: { message: 'What is Parley?', model: 'parley-local' } });
      const frame = await client.next();
      assert.deepEqual([frame.type, frame.id], [type, id]);
      if (type === 'error') assert.equal(frame.data.code, 'RATE_LIMITED');
    }
    await client.close();
    const { status } = await complete(parley.url, { message: 'What is Parley?' });
    assert.equal(status, 429, 'the socket and the requests share one count');
  });

  test('an answer made on a socket is found by a request, for the same key alone', async (t) => {
    const parley = await start(t);
    const secret = await parley.key();
    assert.equal(await answers(await openSocket(`${parley.wsUrl}/ws/chat?token=${secret}`)), true);
    const body = { message: 'What is Parley?', model: 'parley-local' };
    assert.equal((await complete(parley.url, body)).body.cached, false);
    assert.equal((await complete(parley.url, body, { 'x-api-key': secret })).body.cached, true);
  });
});
