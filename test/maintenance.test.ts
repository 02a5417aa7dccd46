import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createIdempotency } from '../src/core/idempotency.ts';
import { createMaintenance } from '../src/core/maintenance.ts';
import { createRuntime } from '../src/core/runtime.ts';
import { openStorage } from '../src/storage/storage.ts';
import { bearer, logIn, makeAccount, password, tokenOf } from './support/accounts.ts';
import { eventually } from './support/eventually.ts';
import { complete, read, send, type ErrorBody } from './support/gateway.ts';
import {
  askHelpdesk,
  beginSession,
  joinHelpdesk,
  sendMessage,
  type HelpdeskError,
} from './support/helpdesk.ts';
import { helpdeskSocket } from './support/helpdesk-socket.ts';
import { startParley, type Parley } from './support/parley.ts';
import { openSocket } from './support/socket.ts';
import { askStudio } from './support/studio.ts';

interface Switch {
  success: boolean;
  data: { enabled: boolean; message: string | null; since: string | null };
  error: { code: string; details: { field: string } | null };
}

const message = 'We are back at 18:00.';
const chat = { model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] };

describe('under maintenance', () => {
  let parley: Parley;
  let admin: Record<string, string>;
  let user: Record<string, string>;
  before(async () => {
    parley = await startParley();
    await makeAccount(parley, 'boss', 'admin');
    await makeAccount(parley, 'mina');
    admin = bearer(await tokenOf(parley, 'boss'));
    user = bearer(await tokenOf(parley, 'mina'));
  });
  after(() => parley.close());

  const ask = (method: string, body?: unknown) =>
    read<Switch>(send(`${parley.url}/api/v1/admin/maintenance`, method, body, admin));
  const statusOf = async (path: string, method = 'GET', body?: unknown, headers = user) => {
    const response = await send(`${parley.url}${path}`, method, body, headers);
    await response.arrayBuffer();
    return response.status;
  };

  test('an administrator switches it on and sees it', async () => {
    const off = { enabled: false, message: null, since: null };
    assert.deepEqual((await ask('GET')).body, { success: true, data: off });
    const switched = await ask('PUT', { enabled: true, message });
    assert.equal(switched.status, 200);
    const { enabled, message: said, since } = switched.body.data;
    assert.deepEqual([enabled, said], [true, message]);
    assert.ok(Math.abs(Date.parse(since ?? '') - Date.now()) < 60_000);
    assert.deepEqual((await ask('GET')).body, switched.body);
  });

  for (const [what, body, field] of [
    ['nothing said', {}, 'enabled'],
    ['a word for a switch', { enabled: 'yes' }, 'enabled'],
    ['a long message', { enabled: true, message: 'a'.repeat(501) }, 'message'],
  ] as const) {
    test(`${what} is refused, the field named`, async () => {
      const refused = await ask('PUT', body);
      assert.deepEqual([refused.status, refused.body.error.code], [400, 'VALIDATION_ERROR']);
      assert.equal(refused.body.error.details?.field, field);
    });
  }

  test('the gateway answers nobody else, and says why and when to ask again', async () => {
    const refused = await complete<ErrorBody>(parley.url, { message: 'Hello' }, user);
    assert.deepEqual([refused.status, refused.body.error], [503, message]);
    assert.equal(refused.headers.get('retry-after'), '60');
    assert.equal(await statusOf('/api/v1/chat/stream', 'POST', { message: 'Hello' }), 503);
    assert.equal(await statusOf('/api/v1/chat/completion', 'POST', { message: 'Hello' }, {}), 503);
    const warming = { patterns: ['Hello'] };
    assert.equal(await statusOf('/api/v1/cache/warm', 'POST', warming, {}), 503);
    const key = { 'x-api-key': await parley.key() };
    assert.equal(await statusOf('/api/v1/chat/completion', 'POST', { message: 'Hello' }, key), 503);
    assert.equal((await complete(parley.url, { message: 'Hello' }, admin)).status, 200);
    assert.doesNotMatch(parley.log(), /a request failed/u, 'it is no fault to be logged');
  });

  test('nor do OpenAI’s addresses', async () => {
    const url = `${parley.url}/v1/chat/completions`;
    const refused = await read<{ error: object }>(send(url, 'POST', chat, user));
    assert.deepEqual(refused.body.error, { message, type: 'server_error', param: null, code: 'maintenance' });
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '60']);
    const texts = { model: 'parley-local-embedding', input: 'Hello' };
    assert.equal(await statusOf('/v1/embeddings', 'POST', texts), 503);
    assert.equal(await statusOf('/v1/embeddings', 'POST', texts, admin), 200);
  });

  test('nor does the helpdesk, but administrators go on, and what needs no model does', async () => {
    const { session_id } = await beginSession(parley);
    const body = { session_id, content: 'Hello' };
    const english = { 'accept-language': 'en' };
    for (const headers of [{}, user]) {
      const refused = await askHelpdesk<HelpdeskError>(parley, 'POST', '/chat/messages', body, {
        ...headers,
        ...english,
      });
      const { code, message: said } = refused.body.error;
      assert.deepEqual([refused.status, code, said], [503, 'AI_SERVICE_ERROR', message]);
      assert.equal(refused.headers.get('retry-after'), '60');
    }
    const agent = (await joinHelpdesk(parley, 'ann', 'agent')).headers;
    assert.equal((await sendMessage(parley, session_id, 'Hello', agent)).status, 503);
    const guest = await helpdeskSocket(parley, `session_id=${session_id}`, english);
    guest.say('message', body, 'refused');
    const frame = (await guest.until(({ id }) => id === 'refused')).at(-1);
    assert.deepEqual(
      [frame?.type, frame?.data.code, frame?.data.message],
      ['error', 'AI_SERVICE_ERROR', message],
    );
    assert.equal(await statusOf(`/api/v1/chat/sessions/${session_id}/messages`, 'GET', undefined, {}), 200);
    assert.equal(await statusOf('/api/v1/admin/conversations', 'GET', undefined, agent), 200);
    assert.equal((await sendMessage(parley, session_id, 'Hello from the boss', admin)).status, 201);
    const reply = (await guest.until(({ type }) => type === 'message')).at(-1);
    assert.deepEqual([reply?.data.sender_type, reply?.data.content], ['human', 'Hello from the boss']);
    await guest.close();
    const own = await beginSession(parley, {}, admin);
    assert.notEqual((await sendMessage(parley, own.session_id, 'Hello', admin)).body.data.reply, null);
    assert.doesNotMatch(parley.log(), /a request failed/u, 'it is no fault to be logged');
  });

  test('nor does studio, but who is logged in goes on being so, and administrators go on', async () => {
    const own = await conversationOf(admin);
    const text = { content: [{ type: 'text', text: 'Hello' }] };
    const at = `/conversations/${own}`;
    const refusals: [method: string, path: string, body?: object][] = [
      ['POST', '/conversations', { model_name: 'parley-local' }],
      ['GET', '/conversations'],
      ['GET', at],
      ['PUT', at, { title: 'Hello' }],
      ['DELETE', at],
      ['GET', `${at}/messages`],
      ['POST', `${at}/messages`, text],
      ['POST', `${at}/messages/stream`, text],
      ['GET', `${at}/messages/stream`],
      ['POST', `${at}/stop`],
      ['DELETE', '/messages/1'],
      ['POST', '/bailian/chat/completions', chat],
      ['GET', '/history/api-calls'],
      ['GET', '/history/conversations/statistics'],
      ['GET', '/history/budget'],
    ];
    for (const [method, path, body] of refusals) {
      for (const language of ['zh', 'en']) {
        const shown = { ...user, 'accept-language': language };
        const refused = await askStudio(parley, method, path, body, shown);
        assert.deepEqual([refused.status, refused.body], [503, { code: 503, message, data: null }], path);
        assert.equal(refused.headers.get('retry-after'), '60');
      }
    }
    const key = { 'x-api-key': await parley.key() };
    assert.equal((await askStudio(parley, 'POST', '/bailian/chat/completions', chat, key)).status, 503);
    assert.equal((await askStudio(parley, 'GET', '/auth/user', undefined, user)).status, 200);
    assert.equal((await logIn(parley, { username: 'mina', password }, 'studio')).status, 200);
    assert.equal((await askStudio(parley, 'POST', `${at}/messages?wait=true`, text, admin)).status, 200);
    assert.equal((await askStudio(parley, 'POST', '/bailian/chat/completions', chat, admin)).status, 200);
    assert.doesNotMatch(parley.log(), /a request failed/u, 'it is no fault to be logged');
  });

  async function conversationOf(headers: Record<string, string>): Promise<number> {
    const begin = { model_name: 'parley-local' };
    const { body } = await askStudio<{ conversation_id: number }>(
      parley,
      'POST',
      '/conversations',
      begin,
      headers,
    );
    return body.data.conversation_id;
  }

  test('a socket says it in a frame and stays open', async () => {
    const socket = await openSocket(`${parley.wsUrl}/ws/chat`, { headers: user });
    socket.send({ type: 'chat', id: '1', data: { message: 'Hello' } });
    const frame = await socket.next();
    assert.deepEqual([frame.type, frame.id, frame.data.error], ['error', '1', message]);
    socket.send({ type: 'ping', id: '2' });
    assert.equal((await socket.next()).type, 'pong');
    await socket.close();
  });

  test('logins, lists, health, metrics and documentation go on', async () => {
    assert.equal((await logIn(parley, { username: 'mina', password })).status, 200);
    for (const path of ['/health', '/ready', '/metrics', '/docs', '/openapi.json', '/', '/api/v1/models']) {
      assert.equal(await statusOf(path), 200, path);
    }
  });

  test('it outlives a restart, and ends when it is switched off', async () => {
    await parley.restart();
    assert.equal(await statusOf('/api/v1/chat/completion', 'POST', { message: 'Hello' }), 503);
    assert.equal((await ask('PUT', { enabled: false })).body.data.since, null);
    assert.equal(await statusOf('/api/v1/chat/completion', 'POST', { message: 'Hello' }), 200);
  });

  test('another process’s switch counts here', async (t) => {
    const storage = await openStorage({ path: parley.config.databaseUrl.slice('sqlite:'.length) });
    t.after(() => storage.close());
    const runtime = createRuntime();
    const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
    const other = createMaintenance({ settings: storage.settings, idempotency, runtime });
    await other.set(true);
    const refused = async () =>
      (await statusOf('/api/v1/chat/completion', 'POST', { message: 'Hello' })) === 503 || undefined;
    assert.equal(await eventually(refused), true);
  });
});
