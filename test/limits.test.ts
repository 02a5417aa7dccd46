import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { bearer, logins, makeAccount, password } from './support/accounts.ts';
import { send } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import { openSocket } from './support/socket.ts';

/** What the documents of the contracts for people say under "Rate Limiting", with the numbers that hold unless configured otherwise. */
interface Documented {
  /** Calls without a token that count together, a minute and address. */
  auth: string[];
  list: string;
  sockets: number;
  socket(session: number): string;
  frame: object;
}

const documented: Record<'assistant' | 'companion', Documented> = {
  assistant: {
    auth: [logins.assistant, '/api/v1/auth/register'],
    list: '/api/v1/chat/sessions',
    sockets: 5,
    socket: (session) => `/ws/chat/${session}`,
    frame: { type: 'message', data: { content: 'Hello' } },
  },
  companion: {
    auth: [logins.companion],
    list: '/api/v1/chat/history',
    sockets: 3,
    socket: () => '/ws/chat',
    frame: { type: 'message', content: 'Hello' },
  },
};

/** As the proxy says it, whom the server trusts. */
const from = (address: string) => ({ 'x-forwarded-for': address });
const [here, there] = [from('192.0.2.1'), from('192.0.2.2')];

for (const [contract, { auth, list, sockets, socket, frame }] of Object.entries(documented)) {
  describe(`the limits of ${contract}`, () => {
    let parley: Parley;
    before(async () => {
      parley = await startParley({
        env: { PARLEY_RATE_LIMITS: 'on', PARLEY_TRUSTED_PROXIES: '127.0.0.1' },
      });
    });
    after(() => parley.close());

    const call = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
      const response = await send(`${parley.url}${path}`, method, body, headers);
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    /** The headers of one who logged in past the door, and a session. */
    const makePerson = async (name: string) => {
      await makeAccount(parley, name);
      const { accounts } = parley.app.core;
      const { accessToken } = await accounts.logIn({ login: name, password, contract, ip: '192.0.2.99' });
      const { text } = await call(
        'POST',
        '/api/v1/chat',
        { ...bearer(accessToken), ...here },
        { message: 'Hello' },
      );
      const { session_id = 0 } = JSON.parse(text) as { session_id?: number };
      return { headers: bearer(accessToken), session: session_id };
    };

    test(`5 calls a minute and address to ${auth.join(' and ')}`, async () => {
      for (let count = 0; count < 5; count++) {
        const { status } = await call('POST', auth[count % auth.length] ?? '', here, {});
        assert.equal(status, 400);
      }
      for (const path of auth) {
        const { status, headers } = await call('POST', path, here, {});
        assert.equal(status, 429);
        assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/u);
        assert.equal((await call('POST', path, there, {})).status, 400, 'another address');
      }
    });

    test('60 calls and messages a minute and user, from wherever', async () => {
      const [mina, ben] = [await makePerson('mina'), await makePerson('ben')];
      for (let count = 1; count < 59; count++) {
        const { status } = await call('GET', list, { ...mina.headers, ...(count % 2 === 0 ? here : there) });
        assert.equal(status, 200, `call ${count + 1}`);
      }
      const client = await openSocket(`${parley.wsUrl}${socket(mina.session)}`, {
        headers: { ...mina.headers, ...there },
      });
      client.send(frame);
      assert.ok(!(await client.until('message')).some(({ type }) => type === 'error'), 'the 60th');
      client.send(frame);
      await client.until('error');
      for (const address of [here, there]) {
        const { status, headers } = await call('GET', list, { ...mina.headers, ...address });
        assert.equal(status, 429);
        assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/u);
        assert.equal((await call('GET', list, { ...ben.headers, ...address })).status, 200, 'another user');
      }
      client.send({ type: 'ping' });
      await client.until('pong');
      await client.close();
    });

    test(`${sockets} sockets of a user at once, from wherever`, async () => {
      const [mina, ben] = [await makePerson('many'), await makePerson('few')];
      const open = async ({ headers, session }: typeof mina, address: object) => {
        const client = await openSocket(`${parley.wsUrl}${socket(session)}`, {
          headers: { ...headers, ...address },
        });
        client.send({ type: 'ping' });
        return { client, first: (await client.next()).type };
      };
      const opened = [];
      for (let count = 0; count < sockets; count++) {
        opened.push(await open(mina, count % 2 === 0 ? here : there));
      }
      assert.ok(opened.every(({ first }) => first === 'pong'));
      for (const address of [here, there]) {
        const { client, first } = await open(mina, address);
        assert.deepEqual([first, (await client.closed).code], ['error', 4429]);
      }
      const other = await open(ben, here);
      assert.equal(other.first, 'pong', 'another user');
      await opened.pop()?.client.close();
      const again = await open(mina, here);
      assert.equal(again.first, 'pong', 'in the place of one that left');
      for (const { client } of [...opened, other, again]) await client.close();
    });
  });
}
