import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { bearer, logins, password, type LoginContract } from '../support/accounts.ts';
import { eventually } from '../support/eventually.ts';
import { read, send } from '../support/gateway.ts';
import { askHelpdesk, beginSession, helpdeskLogin, type Success } from '../support/helpdesk.ts';
import { administrator } from '../support/mortal-server.ts';
import { studioWith } from '../support/studio.ts';
import { startPatientVendor, type PatientVendor } from '../transcript/vendor.ts';
import type { Cluster } from './cluster.ts';
import { openCluster, withoutNodes } from './stage.ts';

/** Small and different, so that none is taken for another. */
const limits = {
  assistant: { auth_per_minute: 6, chat_per_minute: 7, sockets_per_user: 5 },
  companion: { logins_per_minute: 5, chat_per_minute: 9, sockets_per_user: 3 },
  helpdesk: {
    logins_per_minute: 4,
    messages_per_minute: 8,
    visits_per_minute: 11,
    admin_calls_per_minute: 13,
    sockets_per_address: 6,
  },
  studio: { auth_per_minute: 10, messages_per_minute: 12, proxy_calls_per_minute: 14 },
  gateway: { requests_per_minute: 15, burst: 3, sockets_per_minute: 16 },
};

type Headers = Record<string, string>;

/** As a proxy says it, whom the nodes trust; another one each time. */
let addresses = 0;
const anAddress = (): Headers => ({ 'x-forwarded-for': `192.0.2.${++addresses}` });

const model = 'gpt-4';

describe('over two nodes', { skip: withoutNodes, timeout: 120_000 }, () => {
  const cleanups: (() => unknown)[] = [];
  let vendor: PatientVendor;
  let cluster: Cluster;
  let administratorHeaders: Headers;
  before(async () => {
    vendor = await startPatientVendor();
    cleanups.push(vendor.close);
    const opened = await openCluster(
      { after: (cleanUp) => void cleanups.push(cleanUp as () => unknown) },
      {
        vendorUrl: vendor.url,
        env: { PARLEY_RATE_LIMITS: 'on', PARLEY_TRUSTED_PROXIES: '127.0.0.1' },
        yaml: { limits },
      },
    );
    ({ cluster } = opened);
    administratorHeaders = await helpdeskLogin(urlOf(0), administrator);
  });
  after(async () => {
    for (const cleanUp of cleanups.toReversed()) await cleanUp();
  });

  /** The one node and the other, in turn. */
  const urlOf = (at: number) => (at % 2 === 0 ? cluster.one : cluster.two).life();

  /** So many at once, half of them at each node; resolves to how many were not told that they are too many. */
  async function passing(
    count: number,
    ask: (url: string, at: number) => Promise<{ status: number }>,
  ): Promise<number> {
    const asked = Array.from({ length: count }, (_, at) => ask(urlOf(at).url, at));
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    assert.ok(
      statuses.every((status) => status < 500),
      statuses.join(' '),
    );
    return statuses.filter((status) => status !== 429).length;
  }

  const call = (url: string, method: string, path: string, headers: Headers, body?: object) =>
    read<Record<string, unknown>>(send(`${url}${path}`, method, body, headers));

  /** An account, and its login through a contract; each from an address of its own. */
  async function join(username: string, contract: LoginContract = 'assistant') {
    const account = { username, email: `${username}@example.com`, password };
    const made = await call(urlOf(0).url, 'POST', '/api/v1/auth/register', anAddress(), account);
    assert.equal(made.status, 200);
    const from = anAddress();
    const body = { username, password };
    const { status, body: told } = await call(urlOf(1).url, 'POST', logins[contract], from, body);
    assert.equal(status, 200, JSON.stringify(told));
    const { access_token: token } = (contract === 'studio' ? told['data'] : told) as { access_token: string };
    return { id: Number(made.body['id']), headers: bearer(token) };
  }

  const chat = (url: string, headers: Headers) =>
    call(url, 'POST', '/api/v1/chat', headers, { message: 'Hello', model: 'parley-local' });

  describe('calls are counted together', () => {
    test('assistant: logins, chat', async () => {
      const address = anAddress();
      const logIn = (url: string, at: number) =>
        call(url, 'POST', '/api/v1/auth/token', address, { username: `nobody${at}`, password });
      assert.equal(await passing(20, logIn), limits.assistant.auth_per_minute);
      const { headers } = await join('ada');
      assert.equal(await passing(24, (url) => chat(url, headers)), limits.assistant.chat_per_minute);
    });

    test('companion: logins, chat', async () => {
      const address = anAddress();
      const logIn = (url: string, at: number) =>
        call(url, 'POST', '/api/v1/login', address, { username: `nobody${at}`, password });
      assert.equal(await passing(20, logIn), limits.companion.logins_per_minute);
      const { headers } = await join('ben', 'companion');
      const ask = (url: string) => call(url, 'POST', '/api/v1/chat', headers, { message: 'Hello' });
      assert.equal(await passing(24, ask), limits.companion.chat_per_minute);
    });

    test('helpdesk: logins, visits, messages, administrative calls', async () => {
      const address = anAddress();
      const logIn = (url: string, at: number) =>
        call(url, 'POST', '/api/v1/auth/login', address, { email: `nobody${at}@example.com`, password });
      assert.equal(await passing(20, logIn), limits.helpdesk.logins_per_minute);

      const { session_id } = await beginSession(urlOf(0), {}, anAddress());
      const guest = anAddress();
      const say = (url: string) =>
        call(url, 'POST', '/api/v1/chat/messages', guest, { session_id, content: 'Hello' });
      assert.equal(await passing(24, say), limits.helpdesk.messages_per_minute);
      const visitor = anAddress();
      const visit = (url: string) => call(url, 'POST', '/api/v1/chat/sessions', visitor, {});
      assert.equal(await passing(30, visit), limits.helpdesk.visits_per_minute);

      const chief = { email: 'chief@example.com', full_name: 'Chief', role: 'admin', password };
      const made = await askHelpdesk(urlOf(0), 'POST', '/admin/users', chief, administratorHeaders);
      assert.equal(made.status, 201);
      const headers = await helpdeskLogin(urlOf(1), chief.email);
      const look = (url: string) => call(url, 'GET', '/api/v1/admin/users', headers);
      assert.equal(await passing(30, look), limits.helpdesk.admin_calls_per_minute);
    });

    test('studio: logins, messages, calls through the proxy', async () => {
      const address = anAddress();
      const logIn = (url: string, at: number) =>
        call(url, 'POST', '/api/auth/login', address, { username: `nobody${at}`, password });
      assert.equal(await passing(24, logIn), limits.studio.auth_per_minute);
      const { id, headers } = await join('cleo', 'studio');
      const conversation = await studioWith(urlOf(0), id, headers.authorization.slice(7)).begin(
        'parley-local',
      );
      const content = [{ type: 'text', text: 'Hello' }];
      const path = `/api/conversations/${conversation}/messages`;
      const say = (url: string) => call(url, 'POST', path, headers, { content });
      assert.equal(await passing(30, say), limits.studio.messages_per_minute);
      const body = { model: 'parley-local', messages: [{ role: 'user', content: 'Hello' }] };
      const relay = (url: string) => call(url, 'POST', '/api/bailian/chat/completions', headers, body);
      assert.equal(await passing(30, relay), limits.studio.proxy_calls_per_minute);
    });

    test('gateway: requests, sockets, and those of a key with a limit of its own', async () => {
      const { requests_per_minute: most, burst, sockets_per_minute: sockets } = limits.gateway;
      const from = anAddress();
      const body = { message: 'Hello', model: 'parley-local' };
      const ask = (url: string, who: Headers) => call(url, 'POST', '/api/v1/chat/completion', who, body);
      assert.equal(await passing(40, (url) => ask(url, from)), most + burst);
      const key = { name: 'shop', scopes: ['completions'], requests_per_minute: 17 };
      const made = await askHelpdesk<Success<{ api_key: string }>>(
        urlOf(0),
        'POST',
        '/admin/api-keys',
        key,
        administratorHeaders,
      );
      assert.equal(made.status, 201, JSON.stringify(made.body));
      const ofKey = { 'x-api-key': made.body.data.api_key };
      assert.equal(await passing(40, (url) => ask(url, ofKey)), 17);
      const address = anAddress();
      const opened = await open(40, '/ws/chat', address);
      assert.equal(opened.length, sockets);
      close(opened);
    });
  });

  /** So many sockets at once, half of them at each node; resolves to those that are still open when they are answered. */
  async function open(count: number, path: string, headers: Headers): Promise<WebSocket[]> {
    const sockets = Array.from({ length: count }, (_, at) => {
      const socket = new WebSocket(`${urlOf(at).wsUrl}${path}`, { headers });
      socket.on('error', () => {});
      const { promise, resolve } = Promise.withResolvers<WebSocket | undefined>();
      socket.on('open', () => socket.send(JSON.stringify({ type: 'ping' })));
      socket.on('message', (data: Buffer) => {
        const { type } = JSON.parse(data.toString('utf8')) as { type: string };
        if (type === 'pong' || type === 'ping') resolve(socket);
      });
      socket.on('close', () => resolve(undefined));
      return promise;
    });
    return (await Promise.all(sockets)).filter((socket) => socket !== undefined);
  }

  function close(sockets: readonly WebSocket[]): void {
    for (const socket of sockets) socket.close();
  }

  describe('open sockets are counted together', () => {
    const doors: [contract: string, who: () => Promise<{ path: string; headers: Headers }>, most: number][] =
      [
        [
          'assistant',
          async () => {
            const { headers } = await join('eve');
            const { body } = await chat(urlOf(0).url, headers);
            return { path: `/ws/chat/${Number(body['session_id'])}`, headers };
          },
          limits.assistant.sockets_per_user,
        ],
        [
          'companion',
          async () => ({ path: '/ws/chat', headers: (await join('finn', 'companion')).headers }),
          limits.companion.sockets_per_user,
        ],
        [
          'helpdesk',
          () => Promise.resolve({ path: '/ws', headers: anAddress() }),
          limits.helpdesk.sockets_per_address,
        ],
      ];
    for (const [contract, who, most] of doors) {
      test(contract, async () => {
        const { path, headers } = await who();
        const opened = await open(24, path, headers);
        assert.equal(opened.length, most);
        const [first, ...others] = opened;
        first?.close();
        const next = await eventually(async () => {
          const more = await open(2, path, headers);
          return more.length > 0 ? more : undefined;
        });
        assert.equal(next.length, 1, 'in the place of one that left');
        close([...others, ...next]);
      });
    }
  });

  /** Calls that the vendor answers only when it is told; resolves to how many reached it. */
  async function held(count: number, name: string, headers: Headers, url: (at: number) => string) {
    let refused = 0;
    const body = (at: number) => ({ message: `Tell me slowly, ${name} ${at}`, model });
    const asked = Array.from({ length: count }, async (_, at) => {
      const response = await send(`${url(at)}/api/v1/chat/stream`, 'POST', body(at), headers);
      if (response.status === 429) refused++;
      await response.text();
      return response.status;
    });
    await eventually(() => (vendor.holding(name) + refused === count ? true : undefined));
    const reached = vendor.holding(name);
    vendor.goOn(name);
    const statuses = await Promise.all(asked);
    assert.equal(statuses.filter((status) => status === 200).length, reached, statuses.join(' '));
    return reached;
  }

  test('a budget lets as many calls pass at once as on one node', async () => {
    const budget = { tokens: 5_000 };
    const reached: number[] = [];
    for (const [name, url] of [
      ['gwen', () => urlOf(0).url],
      ['hugo', (at: number) => urlOf(at).url],
    ] as const) {
      const { id, headers } = await join(name);
      const path = `/admin/users/${id}`;
      const { status } = await askHelpdesk(urlOf(0), 'PUT', path, { budget }, administratorHeaders);
      assert.equal(status, 200);
      reached.push(await held(16, name, { ...headers, ...anAddress() }, url));
    }
    const [alone, together] = reached;
    assert.equal(together, alone);
    assert.ok(alone !== undefined && alone > 0 && alone < 16, `${alone} of 16 calls`);
  });

  test('without Redis each node counts for itself, and with it they count together again', async () => {
    const { headers } = await join('ines');
    const { headers: later } = await join('juan');
    const nodes = [cluster.one, cluster.two];
    await Promise.all(nodes.map(({ redis }) => redis.cut()));
    await Promise.all(nodes.map((node) => node.untilReadiness((said) => said?.status === 'degraded')));
    const most = limits.assistant.chat_per_minute;
    assert.equal(await passing(40, (url) => chat(url, headers)), 2 * most);
    await Promise.all(nodes.map(({ redis }) => redis.forward()));
    await Promise.all(nodes.map((node) => node.untilReadiness((said) => said?.status === 'ready')));
    assert.equal(await passing(40, (url) => chat(url, later)), most);
  });
});
