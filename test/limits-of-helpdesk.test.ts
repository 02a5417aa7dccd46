import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, makeAccount, password } from './support/accounts.ts';
import { send } from './support/gateway.ts';
import type { SessionBody } from './support/helpdesk.ts';
import { helpdeskSocket, type HelpdeskFrame, type HelpdeskSocket } from './support/helpdesk-socket.ts';
import { startParley, type Parley, type ParleyOptions } from './support/parley.ts';
import { openSocket } from './support/socket.ts';

/** helpdesk.md, "限流规则", with the numbers that hold unless configured otherwise. */

type Headers = Record<string, string>;

/** As the proxy says it, whom the server trusts. */
const from = (address: string): Headers => ({ 'x-forwarded-for': address });
const [here, there] = [from('192.0.2.1'), from('192.0.2.2')];
const on = { PARLEY_RATE_LIMITS: 'on' };
const login = { email: 'nobody@example.com', password: 'wrong password' };

let parley: Parley;
/** Answers come at once: a minute must not pass between the first message and the one too many. */
const start = async (options: ParleyOptions = {}) => {
  const env = { ...on, PARLEY_TRUSTED_PROXIES: '127.0.0.1', ...options.env };
  parley = await startParley({ ...options, env });
  const boss = { kind: 'user', ip: '', userId: 1, loginId: 0, contract: 'helpdesk', role: 'admin' } as const;
  await parley.app.core.deskSettings.set(boss, { burstMs: 0 });
};

const call = async (method: string, path: string, headers: Headers, body?: object) => {
  const response = await send(`${parley.url}/api/v1${path}`, method, body, headers);
  const told = (await response.json()) as { data: unknown; error?: { code: string } };
  return { status: response.status, headers: response.headers, data: told.data, code: told.error?.code };
};

async function isRefused(pending: ReturnType<typeof call>): Promise<void> {
  const { status, headers, code } = await pending;
  assert.deepEqual([status, code], [429, 'RATE_LIMIT_EXCEEDED']);
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/u);
}

/** The headers of one who logged in past the door. */
async function personNamed(name: string, role: 'user' | 'admin' = 'user'): Promise<Headers> {
  await makeAccount(parley, name, role);
  const { accounts } = parley.app.core;
  const { accessToken } = await accounts.logIn({
    login: name,
    password,
    contract: 'helpdesk',
    ip: '192.0.2.99',
  });
  return bearer(accessToken);
}

async function sessionOf(headers: Headers): Promise<string> {
  return ((await call('POST', '/chat/sessions', headers, {})).data as SessionBody).session_id;
}

const message = (headers: Headers, session_id: string) =>
  call('POST', '/chat/messages', headers, { session_id, content: 'Hello' });

/** What answers the frame that was sent under `id`. */
async function answerTo(socket: HelpdeskSocket, id: string): Promise<HelpdeskFrame | undefined> {
  return (await socket.until((frame) => frame.id === id)).at(-1);
}

describe('the limits of helpdesk', () => {
  before(() => start());
  after(() => parley.close());

  test('5 logins a minute and address', async () => {
    for (let count = 0; count < 5; count++) {
      assert.equal((await call('POST', '/auth/login', here, login)).status, 401);
    }
    await isRefused(call('POST', '/auth/login', here, login));
    await isRefused(call('POST', '/auth/login', here, { email: 'not even valid' }));
    assert.equal((await call('POST', '/auth/login', there, login)).status, 401, 'another address');
  });

  test('60 messages a minute and login, over HTTP and sockets together, from wherever', async () => {
    const [mina, ben] = [await personNamed('mina'), await personNamed('ben')];
    const session = await sessionOf({ ...mina, ...here });
    const socket = await helpdeskSocket(parley, `session_id=${session}`, { ...mina, ...there });
    for (let count = 0; count < 30; count++) {
      const address = count % 2 === 0 ? here : there;
      assert.equal((await message({ ...mina, ...address }, session)).status, 201, `message ${2 * count + 1}`);
      socket.say('message', { session_id: session, content: 'Hello' }, `own-${count}`);
      assert.equal((await answerTo(socket, `own-${count}`))?.type, 'message', `message ${2 * count + 2}`);
    }
    for (const address of [here, there]) await isRefused(message({ ...mina, ...address }, session));
    socket.say('message', { session_id: session, content: 'Hello' }, 'over');
    const error = await answerTo(socket, 'over');
    assert.deepEqual([error?.type, error?.data.code], ['error', 'RATE_LIMIT_EXCEEDED']);
    socket.say('ping', {}, 'still here');
    assert.equal((await answerTo(socket, 'still here'))?.type, 'ping');
    await socket.close();
    for (const address of [here, there]) {
      const headers = { ...ben, ...address };
      assert.equal((await message(headers, await sessionOf(headers))).status, 201, 'another login');
    }
    const reads = await call('GET', `/chat/sessions/${session}/messages`, { ...mina, ...here });
    assert.equal(reads.status, 200, 'reading is no message');
  });

  test('60 messages a minute and address of those who have no login, whatever the session', async () => {
    const [one, two] = [await sessionOf(here), await sessionOf(here)];
    const socket = await helpdeskSocket(parley, `session_id=${one}`, here);
    for (let count = 0; count < 20; count++) {
      for (const session of [one, two]) assert.equal((await message(here, session)).status, 201);
      socket.say('message', { session_id: one, content: 'Hello' }, `guest-${count}`);
      assert.equal((await answerTo(socket, `guest-${count}`))?.type, 'message');
    }
    for (const session of [one, two, await sessionOf(here)]) await isRefused(message(here, session));
    socket.say('message', { session_id: one, content: 'Hello' }, 'over');
    assert.equal((await answerTo(socket, 'over'))?.data.code, 'RATE_LIMIT_EXCEEDED');
    await socket.close();
    assert.equal((await message(there, one)).status, 201, 'another address');
    const known = await personNamed('known');
    assert.equal((await message({ ...known, ...here }, one)).status, 201, 'a login at the same address');
  });

  test('100 administrative calls a minute and login, from wherever', async () => {
    const [boss, deputy] = [await personNamed('chief', 'admin'), await personNamed('deputy', 'admin')];
    const paths = ['/admin/users', '/admin/conversations', '/admin/settings', '/admin/agents'];
    for (let count = 0; count < 100; count++) {
      const address = count % 2 === 0 ? here : there;
      const path = paths[count % paths.length] ?? '';
      assert.equal((await call('GET', path, { ...boss, ...address })).status, 200, `call ${count + 1}`);
    }
    for (const address of [here, there]) {
      await isRefused(call('GET', '/admin/users', { ...boss, ...address }));
      await isRefused(call('PUT', '/admin/settings', { ...boss, ...address }, {}));
      assert.equal(
        (await call('GET', '/admin/users', { ...deputy, ...address })).status,
        200,
        'another login',
      );
    }
    assert.equal((await call('GET', '/auth/me', { ...boss, ...here })).status, 200, 'no administrative call');
  });

  test('10 sockets of an address at once, whoever opens them', async () => {
    const mina = await personNamed('many');
    const open: HelpdeskSocket[] = [];
    for (let count = 0; count < 10; count++) {
      open.push(await helpdeskSocket(parley, '', { ...(count % 2 === 0 ? mina : {}), ...here }));
    }
    for (const headers of [here, { ...mina, ...here }] as Headers[]) {
      const socket = await helpdeskSocket(parley, '', headers);
      const { type, data } = await socket.next();
      assert.deepEqual([type, data.code, (await socket.closed).code], ['error', 'RATE_LIMIT_EXCEEDED', 4429]);
    }
    const other = await helpdeskSocket(parley, '', { ...mina, ...there });
    other.say('ping', {}, 'other');
    assert.equal((await answerTo(other, 'other'))?.type, 'ping', 'another address');
    await open.pop()?.close();
    const again = await helpdeskSocket(parley, '', here);
    again.say('ping', {}, 'again');
    assert.equal((await answerTo(again, 'again'))?.type, 'ping', 'in the place of one that left');
    for (const socket of [...open, other, again]) await socket.close();
  });
});

test('whom the server does not trust has one address, whatever it says', async (t) => {
  await start({ env: { PARLEY_TRUSTED_PROXIES: '10.0.0.0/8' } });
  t.after(() => parley.close());
  for (let count = 0; count < 5; count++) {
    assert.equal((await call('POST', '/auth/login', from(`192.0.2.${count}`), login)).status, 401);
  }
  await isRefused(call('POST', '/auth/login', from('192.0.2.77'), login));
  const open: HelpdeskSocket[] = [];
  for (let count = 0; count < 10; count++) {
    open.push(await helpdeskSocket(parley, '', from(`192.0.2.${count}`)));
  }
  assert.equal((await (await helpdeskSocket(parley, '', from('192.0.2.77'))).closed).code, 4429);
  for (const socket of open) await socket.close();
});

test('an address further away than the proxy that is trusted is not believed', async (t) => {
  await start();
  t.after(() => parley.close());
  for (let count = 0; count < 5; count++) {
    const { status } = await call('POST', '/auth/login', from(`198.51.100.${count}, 192.0.2.1`), login);
    assert.equal(status, 401);
  }
  await isRefused(call('POST', '/auth/login', from('198.51.100.77, 192.0.2.1'), login));
});

test('sessions that are begun, handed over and rated: 300 a minute together of one address', async (t) => {
  await start();
  t.after(() => parley.close());
  const session = await sessionOf(here);
  for (let count = 0; count < 149; count++) {
    assert.equal((await call('POST', '/chat/sessions', here, {})).status, 201);
    const at = `/chat/sessions/${session}/switch-agent`;
    assert.equal((await call('POST', at, here, { agent_type: 'human' })).status, 200);
  }
  assert.equal((await call('POST', `/chat/sessions/${session}/rating`, here, { score: 5 })).status, 200);
  await isRefused(call('POST', '/chat/sessions', here, {}));
  assert.equal((await call('GET', `/chat/sessions/${session}`, here)).status, 200);
});

test('off, neither logins nor messages nor administrative calls nor sockets are counted', async (t) => {
  await start({ env: { PARLEY_RATE_LIMITS: 'off' } });
  t.after(() => parley.close());
  const session = await sessionOf(here);
  const boss = await personNamed('boss', 'admin');
  for (let count = 0; count < 7; count++) {
    const { status } = await call('POST', '/auth/login', here, {
      ...login,
      email: `nobody-${count}@example.com`,
    });
    assert.equal(status, 401);
  }
  for (let count = 0; count < 62; count++) assert.equal((await message(here, session)).status, 201);
  for (let count = 0; count < 102; count++)
    assert.equal((await call('GET', '/admin/agents', boss)).status, 200);
  const sockets = await Promise.all(Array.from({ length: 11 }, () => openSocket(`${parley.wsUrl}/ws`)));
  for (const socket of sockets) {
    socket.send({ type: 'ping' });
    assert.equal((await socket.next()).type, 'ping');
    await socket.close();
  }
});
