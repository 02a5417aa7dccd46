import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { openStorage } from '../src/storage/storage.ts';
import { bearer, password } from './support/accounts.ts';
import { registerPerson } from './support/assistant.ts';
import { readEvents } from './support/event-stream.ts';
import { eventually, within } from './support/eventually.ts';
import { complete, send, stream } from './support/gateway.ts';
import { beginSession, logInToHelpdesk } from './support/helpdesk.ts';
import { helpdeskSocket, type HelpdeskFrame } from './support/helpdesk-socket.ts';
import { startParleyProcess, type ParleyProcess } from './support/parley-process.ts';
import { openSocket } from './support/socket.ts';
import { contentOf, registerStudio, replyEvents, studioWith, type WirePart } from './support/studio.ts';
import { startScriptedVendor, type ScriptedVendor, type VendorCall } from './support/vendor.ts';

const model = 'gpt-3.5-turbo';

/** What the proxy of studio's gives back. */
interface Relayed {
  choices: { message: { content: WirePart[] } }[];
}

describe('SIGTERM', () => {
  let vendor: ScriptedVendor;
  let parley: ParleyProcess;
  beforeEach(async () => void (vendor = await startScriptedVendor()));
  afterEach(async () => {
    await parley.close();
    await vendor.close();
  });

  const start = async (grace: string) => {
    parley = await startParleyProcess({ openAi: vendor.url, yaml: { shutdown_grace: grace } });
  };

  /** A stream of which the first piece is there. */
  async function beginStream(message: string) {
    const pending = stream(parley.url, { message, model });
    const call = await vendor.next();
    await call.delta('Hello');
    const events = readEvents(await pending);
    assert.deepEqual((await events.next()).value, { chunk: 'Hello', index: 0 });
    return { call, events };
  }

  /** Resolves when nobody listens at the address any more. */
  async function refusesConnections() {
    const { hostname, port } = new URL(parley.url);
    await eventually(async () => {
      const socket = connect(Number(port), hostname);
      try {
        await once(socket, 'connect');
        return undefined;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        // A connection that the port took just before it was closed is reset.
        if (code === 'ECONNRESET') return undefined;
        assert.equal(code, 'ECONNREFUSED');
        return true;
      } finally {
        socket.destroy();
      }
    });
  }

  async function outcomes() {
    const storage = await openStorage({ path: parley.database });
    try {
      return (await storage.apiCalls.list({ limit: 100 })).map(({ outcome }) => outcome);
    } finally {
      await storage.close();
    }
  }

  test('idle, it ends at once with 0', async () => {
    await start('30s');
    const answered = await complete(parley.url, { message: 'What is Parley?', model: 'parley-local' });
    assert.equal(answered.status, 200);
    const idle = await openSocket(`${parley.url.replace('http', 'ws')}/ws/chat`);
    parley.signal('SIGTERM');
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
    assert.equal((await idle.closed).code, 1012);
    assert.deepEqual(await outcomes(), ['success']);
  });

  test('a running stream may finish, while the port takes nobody new', async () => {
    await start('30s');
    const { call, events } = await beginStream('A stream that finishes');
    parley.signal('SIGTERM');
    await refusesConnections();
    await call.delta(' and goodbye');
    assert.deepEqual((await events.next()).value, { chunk: ' and goodbye', index: 1 });
    call.finish();
    assert.equal((await events.next()).value?.['finished'], true);
    assert.equal((await events.next()).done, true);
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
    assert.deepEqual(await outcomes(), ['success']);
  });

  test('a running answer in one piece may finish, too', async () => {
    await start('30s');
    const pending = complete(parley.url, { message: 'An answer that finishes', model });
    const call = await vendor.next();
    parley.signal('SIGTERM');
    await refusesConnections();
    call.answer('Here it is');
    assert.equal((await pending).body.response, 'Here it is');
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
  });

  test('an answer on a WebSocket may finish; then the socket is closed with 1012', async () => {
    await start('30s');
    const client = await openSocket(`${parley.url.replace('http', 'ws')}/ws/chat`);
    client.send({ type: 'chat', id: 'a', data: { message: 'On a socket', model, stream: true } });
    const call = await vendor.next();
    await call.delta('Hello');
    assert.equal((await client.next()).data.chunk, 'Hello');
    parley.signal('SIGTERM');
    await refusesConnections();
    client.send({ type: 'chat', id: 'b', data: { message: 'Too late', model } });
    assert.equal((await client.until('error')).at(-1)?.id, 'b');
    call.finish();
    assert.equal((await client.until('complete')).at(-1)?.data.response, 'Hello');
    assert.equal((await client.closed).code, 1012);
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
  });

  test('after the grace, what still runs ends with a typed frame, and is in the books', async () => {
    await start('100ms');
    const { call, events } = await beginStream('A stream that takes too long');
    const client = await openSocket(`${parley.url.replace('http', 'ws')}/ws/chat`);
    client.send({ type: 'chat', id: 'a', data: { message: 'On a socket', model, stream: true } });
    const other = await vendor.next();
    const whole = complete<{ code: string }>(parley.url, { message: 'In one piece', model });
    const third: VendorCall = await vendor.next();
    parley.signal('SIGTERM');

    const last = (await events.next()).value;
    assert.equal(last?.['code'], 'INTERNAL_ERROR');
    assert.match(String(last?.['error']), /shutting down/);
    assert.equal((await events.next()).done, true);
    const frame = await client.next();
    assert.deepEqual([frame.type, frame.id, frame.data.code], ['error', 'a', 'INTERNAL_ERROR']);
    const answered = await whole;
    assert.equal(answered.status, 503);
    assert.ok(Number(answered.headers.get('retry-after')) >= 1);
    await within(1_000, Promise.all([call.closed, other.closed, third.closed]));
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
    assert.deepEqual(await outcomes(), ['cancelled', 'cancelled', 'cancelled']);
  });

  test('after the grace, who watches a conversation is told how its answer ended; then the socket is closed', async () => {
    await start('100ms');
    const person = await registerPerson(parley, 'mina');
    const answered = person.call('POST', '/chat', { message: 'Hello' });
    (await vendor.next()).finish();
    const socket = await person.socket((await answered).body.session_id, 'stream=true');
    socket.send({ type: 'message', data: { content: 'Tell me' } });
    const call = await vendor.next();
    await call.delta('Half');
    parley.signal('SIGTERM');
    const last = (await socket.until(({ data }) => data.status === 'interrupted')).at(-1);
    assert.equal(last?.data.content, 'Half');
    assert.equal((await socket.closed).code, 1012);
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
  });

  test('helpdesk’s sockets, of guests and of staff, are closed with 1012 once the answers have ended', async () => {
    const admin = { email: 'boss@example.com', password };
    const env = { PARLEY_ADMIN_EMAIL: admin.email, PARLEY_ADMIN_PASSWORD: admin.password };
    parley = await startParleyProcess({ openAi: vendor.url, env, yaml: { shutdown_grace: '30s' } });
    const place = { wsUrl: parley.url.replace('http', 'ws') };
    const { body } = await logInToHelpdesk(parley, admin);
    const staff = await helpdeskSocket(place, '', bearer(body.data.access_token));
    const { session_id } = await beginSession(parley);
    const guest = await helpdeskSocket(place, `session_id=${session_id}`);
    const idle = await helpdeskSocket(place);
    guest.say('message', { session_id, content: 'Tell me' });
    const call = await vendor.next();
    await call.delta('Half');
    await guest.until(({ type }) => type === 'ai_stream');
    parley.signal('SIGTERM');
    await refusesConnections();
    guest.say('message', { session_id, content: 'Too late' }, 'late');
    const late = (await guest.until(({ id }) => id === 'late')).at(-1);
    assert.equal(late?.type, 'error');
    await call.delta(' and half');
    call.finish();
    for (const socket of [guest, staff]) {
      const isAnswer = ({ type, data }: HelpdeskFrame) => type === 'message' && data.sender_type === 'ai';
      const { data } = (await socket.until(isAnswer)).at(-1) ?? {};
      assert.deepEqual([data?.content, data?.status], ['Half and half', 'completed']);
    }
    for (const socket of [guest, staff, idle]) assert.equal((await socket.closed).code, 1012);
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
  });

  test('after the grace, a guest is told how the answer ended; then the socket is closed', async () => {
    await start('100ms');
    const { session_id } = await beginSession(parley);
    const guest = await helpdeskSocket(
      { wsUrl: parley.url.replace('http', 'ws') },
      `session_id=${session_id}`,
    );
    guest.say('message', { session_id, content: 'Tell me' });
    const call = await vendor.next();
    await call.delta('Half');
    await guest.until(({ type }) => type === 'ai_stream');
    parley.signal('SIGTERM');
    const last = (await guest.until(({ data }) => data.status === 'interrupted')).at(-1);
    assert.equal(last?.data.content, 'Half');
    assert.equal((await guest.closed).code, 1012);
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
  });

  /** A reply that is heard as a stream, one that is waited for, half of each said, and a call through the proxy; with the vendor's calls. */
  async function beginInStudio() {
    const { id, token } = await registerStudio(parley, 'mina');
    const mina = studioWith(parley, id, token);
    const content = contentOf('Tell me');
    const [one, other] = [await mina.begin(model), await mina.begin(model)];
    const at = (id: number) => `/conversations/${id}/messages/stream`;
    const streamed = replyEvents(await mina.open('POST', at(one), { content }));
    const calls = [await vendor.next()];
    const waited = mina.exchange(other, content);
    calls.push(await vendor.next());
    const heard = replyEvents(await mina.open('GET', at(other)));
    for (const call of calls) await call.delta('Half');
    for (const events of [streamed, heard]) {
      while ((await events.next()).value?.data.type !== 'delta');
    }
    const relayed = mina.call<Relayed>('POST', '/bailian/chat/completions', {
      model,
      messages: [{ role: 'user', content: 'Tell me' }],
    });
    calls.push(await vendor.next());
    return { streamed, heard, waited, relayed, calls };
  }

  test('studio’s reply and a call through its proxy may finish', async () => {
    await start('30s');
    const { streamed, heard, waited, relayed, calls } = await beginInStudio();
    parley.signal('SIGTERM');
    await refusesConnections();
    for (const call of calls.slice(0, 2)) {
      await call.delta(' and half');
      call.finish();
    }
    calls[2]?.answer('Half and half');
    for (const events of [streamed, heard]) {
      const last = (await Array.fromAsync(events)).at(-1)?.data;
      assert.deepEqual([last?.type, last?.reply?.content], ['done', contentOf('Half and half')]);
    }
    assert.deepEqual((await waited).reply?.content, contentOf('Half and half'));
    const { body } = await relayed;
    assert.deepEqual(body.data.choices[0]?.message.content, contentOf('Half and half'));
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
    assert.deepEqual(await outcomes(), ['success', 'success', 'success']);
  });

  test('after the grace, studio’s clients are told so in its shape', async () => {
    await start('100ms');
    const { streamed, heard, waited, relayed } = await beginInStudio();
    parley.signal('SIGTERM');
    for (const events of [streamed, heard]) {
      const last = (await Array.fromAsync(events)).at(-1)?.data;
      const { status, content, error } = last?.reply ?? {};
      assert.deepEqual([last?.type, status, content, error?.code], ['done', 0, contentOf('Half'), 503]);
    }
    const { reply } = await waited;
    assert.deepEqual([reply?.status, reply?.content], [0, contentOf('Half')]);
    const answered = await relayed;
    assert.deepEqual([answered.status, answered.body.code, answered.body.data], [503, 503, null]);
    assert.ok(Number(answered.headers.get('retry-after')) >= 1);
    assert.deepEqual(await within(5_000, parley.ended), { code: 0, signal: null });
    assert.deepEqual(await outcomes(), ['cancelled', 'cancelled', 'cancelled']);
  });

  test('a second signal ends it at once', async () => {
    await start('30s');
    const { events } = await beginStream('A stream that nobody waits for');
    parley.signal('SIGTERM');
    await refusesConnections();
    parley.signal('SIGINT');
    assert.deepEqual(await within(5_000, parley.ended), { code: 1, signal: null });
    await assert.rejects(events.next());
  });
});

describe('the process', () => {
  test('says where it listens, which models answer, and the administrator once; the log is JSON', async (t) => {
    const parley = await startParleyProcess();
    t.after(() => parley.close());
    assert.equal((await send(`${parley.url}/health`, 'GET')).status, 200);
    const shown = await eventually(() =>
      parley.stdout().includes('password:') ? parley.stdout() : undefined,
    );
    assert.match(shown, /parley-local/);
    assert.match(shown, /admin@example\.com/);
    const lines = parley.stderr().trim().split('\n').filter(Boolean);
    for (const line of lines) assert.doesNotThrow(() => JSON.parse(line), line);
  });
});
