import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { logins, makeAccount, password, tokenOf, type LoginContract } from './support/accounts.ts';
import { personWith } from './support/assistant.ts';
import { send, type Answered } from './support/gateway.ts';
import { startParley, type Parley } from './support/parley.ts';
import {
  askStudio,
  studioWith,
  type Envelope,
  type Headers,
  type SentBody,
  type Studio,
} from './support/studio.ts';

/** Studio.md names no limits: these are ours, small here. */
const limits = { auth_per_minute: 4, messages_per_minute: 3, proxy_calls_per_minute: 2 };

/** As the proxy says it, whom the server trusts. */
const from = (address: string) => ({ 'x-forwarded-for': address });
const [here, there] = [from('192.0.2.1'), from('192.0.2.2')];

const said = { content: [{ type: 'text', text: 'Hello' }] };
const relayed = { model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] };

describe('the limits of studio', () => {
  let parley: Parley;
  before(async () => {
    parley = await startParley({
      env: { PARLEY_RATE_LIMITS: 'on', PARLEY_TRUSTED_PROXIES: '127.0.0.1' },
      yaml: { limits: { studio: limits } },
    });
  });
  after(() => parley.close());

  /** One who logged in through a door that counts for itself. */
  const personNamed = async (name: string): Promise<Studio> => {
    const { id } = await makeAccount(parley, name);
    return studioWith(parley, id, await tokenOf(parley, name, 'companion'));
  };
  /** One who logged in past the doors. */
  const makeStudioPast = async (name: string): Promise<Studio> => {
    const { id } = await makeAccount(parley, name);
    const { accounts } = parley.app.core;
    const { accessToken } = await accounts.logIn({ login: name, password, contract: 'studio', ip: '' });
    return studioWith(parley, id, accessToken);
  };
  const auth = (path: string, body: object, headers: Headers) =>
    askStudio<null>(parley, 'POST', `/auth/${path}`, body, headers);

  test('logins, registrations and refreshed tokens count together, a minute and address', async () => {
    const mina = { username: 'mina', email: 'mina@example.com', password };
    const statuses = [
      (await auth('register', mina, here)).status,
      (await auth('login', mina, here)).status,
      (await auth('login', {}, here)).status,
      (await auth('refresh', { refresh_token: 'none' }, here)).status,
    ];
    assert.deepEqual(statuses, [200, 200, 400, 401]);
    for (const path of ['register', 'login', 'refresh']) assertLimited(await auth(path, mina, here));
    assert.equal((await auth('login', mina, there)).status, 200, 'another address');
    assert.equal((await askStudio(parley, 'GET', '/auth/user', undefined, here)).status, 401, 'not counted');
  });

  test('messages count a minute and user, from wherever, whether sent or streamed, and nothing else does', async () => {
    const [ada, ben] = [await personNamed('ada'), await personNamed('ben')];
    const id = await ada.begin('parley-local');
    const messages = `/conversations/${id}/messages`;
    assert.equal((await ada.call('POST', `${messages}?wait=true`, said, here)).status, 200);
    const streamed = await ada.open('POST', `${messages}/stream`, said, there);
    assert.equal(streamed.status, 200);
    await streamed.text();
    const sent = await ada.call<SentBody>('POST', `${messages}?wait=true`, said, there);
    assert.equal(sent.status, 200);
    for (const address of [here, there]) {
      assertLimited(await ada.call('POST', messages, said, address));
      assert.equal(
        (await ada.call('GET', messages, undefined, address)).status,
        200,
        'reading is no message',
      );
    }
    assert.equal((await ada.history(id)).pagination.total, 6, 'nothing more was stored');
    assert.equal((await ada.call('POST', `/conversations/${id}/stop`, undefined, here)).status, 200);
    assert.equal((await ada.call('DELETE', `/messages/${sent.body.data.message_id}`)).status, 200);
    assert.equal((await ada.call('POST', '/conversations', { model_name: 'parley-local' })).status, 200);
    const other = await ben.begin('parley-local');
    const answer = await ben.call('POST', `/conversations/${other}/messages`, said, here);
    assert.equal(answer.status, 200, 'another user');
    assert.equal(answer.headers.get('x-ratelimit-limit'), '3');
    assert.equal(answer.headers.get('x-ratelimit-remaining'), '2');
  });

  test('messages over the socket count as assistant’s, whose socket it is, whoever’s login is shown', async () => {
    const iris = await makeStudioPast('iris');
    const id = await iris.begin('parley-local');
    const person = personWith(parley, iris.headers['authorization']?.slice('Bearer '.length) ?? '');
    const allowance = async () => {
      const { status, headers } = await person.open('GET', `/chat/sessions/${id}`);
      assert.equal(status, 200);
      return Number(headers.get('x-ratelimit-remaining'));
    };
    const before = await allowance();
    const socket = await person.socket(id);
    for (let count = 0; count < 5; count++) {
      socket.send({ type: 'message', data: { content: 'Hello' } });
      const frames = await socket.until(({ data }) => data.status === 'completed');
      assert.ok(frames.every(({ type }) => type !== 'error'));
    }
    await socket.close();
    assert.equal(await allowance(), before - 6);
    for (let count = 0; count < 3; count++) {
      assert.equal((await iris.call('POST', `/conversations/${id}/messages`, said)).status, 200);
    }
    assertLimited(await iris.call('POST', `/conversations/${id}/messages`, said));
    assert.equal(await allowance(), before - 7, 'and studio’s own as studio’s');
  });

  test('a login that failed too often is refused by every contract, from every address, in studio’s envelope too', async () => {
    await makeAccount(parley, 'olga');
    const guess = (contract: LoginContract, count: number) => {
      const who = contract === 'helpdesk' ? { email: 'olga@example.com' } : { username: 'olga' };
      const credentials = { ...who, password: `guess ${count}` };
      return send(`${parley.url}${logins[contract]}`, 'POST', credentials, from(`198.51.100.${count}`));
    };
    const contracts = Object.keys(logins) as LoginContract[];
    for (let count = 0; count < 10; count++) {
      const contract = contracts[count % contracts.length] ?? 'studio';
      assert.equal((await guess(contract, count)).status, 401, contract);
    }
    for (const contract of contracts) assert.equal((await guess(contract, 99)).status, 429, contract);
    const right = await auth('login', { username: 'olga', password }, from('198.51.100.200'));
    assert.deepEqual([right.status, right.body.code, right.body.data], [429, 429, null]);
    assert.match(right.body.message, /\p{Script=Han}/u);
    assert.ok(Number(right.headers.get('retry-after')) > 60, 'longer than a minute');
  });

  test('calls through the proxy count a minute and user, or key, from wherever', async () => {
    const eve = await personNamed('eve');
    const keys = [{ 'x-api-key': await parley.key() }, { 'x-api-key': await parley.key() }];
    const own = { 'x-api-key': await parley.key({ requestsPerMinute: 1 }) };
    const relay = (headers: Headers) =>
      askStudio<null>(parley, 'POST', '/bailian/chat/completions', relayed, headers);
    for (const shown of [eve.headers, ...keys]) {
      assert.equal((await relay({ ...shown, ...here })).status, 200);
      assert.equal((await relay({ ...shown, ...there })).status, 200);
      for (const address of [here, there]) assertLimited(await relay({ ...shown, ...address }));
    }
    assert.equal((await relay(own)).status, 200);
    assertLimited(await relay(own));
    const calls = await askStudio(parley, 'GET', '/history/api-calls', undefined, eve.headers);
    assert.equal(calls.status, 200, 'reading is no call');
  });
});

test('without configuration, what studio allows a minute is as documented', async (t) => {
  const parley = await startParley();
  t.after(() => parley.close());
  assert.deepEqual(parley.config.limits.studio, {
    authPerMinute: 60,
    messagesPerMinute: 120,
    proxyCallsPerMinute: 120,
  });
});

function assertLimited({ status, headers, body }: Answered<Envelope<unknown>>): void {
  assert.deepEqual([status, body], [429, { code: 429, message: '请求过于频繁，请稍后再试', data: null }]);
  assert.match(headers.get('retry-after') ?? '', /^[1-9]\d?$/u);
}
