import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { UserCaller } from '../../src/core/identity/caller.ts';
import { bearer, makeAccount, password, tokenOf } from '../support/accounts.ts';
import { within } from '../support/eventually.ts';
import { read, send } from '../support/gateway.ts';
import { startParley, type Parley } from '../support/parley.ts';
import { watchDoors } from '../support/routes.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';
import {
  allReplyEvents,
  askStudio,
  contentOf,
  studioWith,
  type ReplyEvent,
  type Studio,
} from '../support/studio.ts';
import { startScriptedVendor, type ScriptedVendor } from '../support/vendor.ts';
import { endOf } from './knock.ts';

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** A socket at a door. */
interface Visitor {
  client: SocketClient;
  door: Door;
}

/** Somebody who hears a reply that does not come, with a socket at every door, and a second one at each that has stopped reading. */
interface Person {
  id: number;
  name: string;
  tokens: string[];
  /** The refresh token of studio's login. */
  refreshToken: string;
  session: number;
  /** Its `sess_…`. */
  key: string;
  visitors: Visitor[];
  deaf: Visitor[];
  /** All of the stream of studio's reply, once it ends. */
  stream: Promise<ReplyEvent[]>;
}

type Door = keyof typeof frames;

/** By door, what it would do if it heard. */
const frames = {
  'WS /ws/chat (gateway)': () => ({ type: 'chat', id: 'deaf', data: { message: 'Unheard' } }),
  'WS /ws/chat/:session_id (assistant)': () => ({ type: 'message', data: { content: 'Unheard' } }),
  'WS /ws/chat (companion)': () => ({ type: 'message', content: 'Unheard' }),
  'WS /ws (helpdesk)': ({ key }: Person) => ({
    type: 'message',
    data: { session_id: key, content: 'Unheard' },
  }),
};

const administrator: UserCaller = {
  kind: 'user',
  ip: '',
  userId: 0,
  loginId: 0,
  contract: 'helpdesk',
  role: 'admin',
};

/** How a login ends. */
const ways: Record<string, (parley: Parley, person: Person) => Promise<unknown>> = {
  'logs out': ({ url }, { tokens }) =>
    Promise.all(tokens.map((token) => send(`${url}/api/v1/logout`, 'POST', undefined, bearer(token)))),
  'logs out of the helpdesk': ({ url }, { tokens }) =>
    Promise.all(tokens.map((token) => send(`${url}/api/v1/auth/logout`, 'POST', undefined, bearer(token)))),
  'logs out of studio': ({ url }, { tokens }) =>
    Promise.all(tokens.map((token) => send(`${url}/api/auth/logout`, 'POST', undefined, bearer(token)))),
  'is demoted': ({ app }, { id }) => app.core.administration.update(administrator, id, { role: 'user' }),
  'is deleted': ({ app }, { id }) => app.core.administration.remove(administrator, id),
  'is disabled': ({ app }, { id }) => app.core.accounts.setStatus(id, 'disabled'),
  'gets a new password': ({ app }, { id }) => app.core.accounts.setPassword(id, 'another long password'),
  'is disabled by another process': ({ config }, { name }) =>
    promisify(execFile)(process.execPath, [cli, 'admin', 'disable', '--email', `${name}@example.com`], {
      env: { PATH: process.env['PATH'], PARLEY_DATA_DIR: config.dataDir },
    }),
};

describe('the sockets and the stream of one whose login ends are closed within a second, and heard no more:', () => {
  let parley: Parley;
  let bystander: Person;
  let doors: string[];
  let vendor: ScriptedVendor;
  before(async () => {
    vendor = await startScriptedVendor();
    const env = { PARLEY_DEFAULT_MODEL: 'parley-local' };
    const watched = await watchDoors(() => startParley({ dashScope: vendor.url, env }));
    parley = watched.started;
    doors = watched.sockets.map(({ path, contract }) => `WS ${path} (${contract})`);
    bystander = await makePerson('bystander');
  });
  after(async () => {
    await parley.close();
    await vendor.close();
  });

  test('every door is tried', () => {
    assert.deepEqual(doors.toSorted(), Object.keys(frames).toSorted());
  });

  for (const [at, [way, end]] of Object.entries(ways).entries()) {
    test(`who ${way}`, async () => {
      const person = await makePerson(`somebody-${at}`);
      const { tokens, refreshToken, visitors, deaf, stream } = person;
      const before = await said(person);
      await end(parley, person);
      const codes = await within(1_000, Promise.all(visitors.map(({ client }) => client.closed)));
      assert.deepEqual(
        codes.map(({ code }, at) => [visitors[at]?.door, code]),
        visitors.map(({ door }) => [door, 4401]),
      );
      const [begun, last, ...more] = await within(1_000, stream);
      assert.deepEqual(
        [begun?.data.type, last?.data.type, last?.data.code, more],
        ['start', 'error', 401, []],
        'the stream of a reply',
      );
      const refresh = { refresh_token: refreshToken };
      assert.equal((await askStudio(parley, 'POST', '/auth/refresh', refresh)).status, 401);
      for (const { client, door } of deaf) {
        client.send(frames[door](person));
        client.socket.resume();
        assert.equal((await client.closed).code, 4401, door);
      }
      assert.deepEqual(await said(person), before, 'a frame was taken afterwards');
      for (const token of tokens) {
        for (const path of ['/ws/chat', '/ws']) {
          const again = await openSocket(`${parley.wsUrl}${path}?token=${token}`);
          assert.equal((await again.closed).code, 4401);
        }
      }
      for (const visitor of bystander.visitors) await isHeard(visitor);
    });
  }

  async function makePerson(name: string): Promise<Person> {
    const { id } = await makeAccount(parley, name, 'admin');
    const assistant = await tokenOf(parley, name);
    const companion = await tokenOf(parley, name, 'companion');
    const helpdesk = await tokenOf(parley, name, 'helpdesk');
    const { body: login } = await askStudio<{ access_token: string; refresh_token: string }>(
      parley,
      'POST',
      '/auth/login',
      { username: name, password },
    );
    const { access_token: studio, refresh_token: refreshToken } = login.data;
    const { body } = await read<{ session_id: number }>(
      send(`${parley.url}/api/v1/chat`, 'POST', { message: 'Hello' }, bearer(assistant)),
    );
    const { session_id: session } = body;
    const caller = { ...administrator, userId: id };
    const key = `sess_${(await parley.app.core.conversations.get(caller, session)).key}`;
    const at = (path: string) => `${parley.wsUrl}${path}`;
    const open = async (): Promise<Visitor[]> => {
      const late = { door: 'WS /ws (helpdesk)', client: await openSocket(at('/ws')) } as const;
      await isHeard(late);
      late.client.send({ type: 'auth', data: { token: helpdesk, session_id: key } });
      return [
        {
          door: 'WS /ws/chat (gateway)',
          client: await openSocket(at('/ws/chat'), { headers: bearer(assistant) }),
        },
        {
          door: 'WS /ws/chat/:session_id (assistant)',
          client: await openSocket(at(`/ws/chat/${session}?token=${assistant}`)),
        },
        {
          door: 'WS /ws/chat (companion)',
          client: await openSocket(at('/ws/chat'), { protocols: [`bearer.${companion}`] }),
        },
        {
          door: 'WS /ws/chat/:session_id (assistant)',
          client: await openSocket(at(`/ws/chat/${session}`), { protocols: [`bearer.${studio}`] }),
        },
        { door: 'WS /ws (helpdesk)', client: await openSocket(at('/ws'), { headers: bearer(helpdesk) }) },
        late,
      ];
    };
    const [visitors, deaf] = [await open(), await open()];
    for (const visitor of [...visitors, ...deaf]) await isHeard(visitor);
    for (const { client } of deaf) client.socket.pause();
    const tokens = [assistant, companion, helpdesk, studio];
    const stream = allReplyEvents(await hear(studioWith(parley, id, studio)));
    return { id, name, tokens, refreshToken, session, key, visitors, deaf, stream };
  }

  /** A reply that is on its way, as a stream that has begun. */
  async function hear(studio: Studio): Promise<Response> {
    const conversation = await studio.begin();
    const path = `/conversations/${conversation}/messages/stream`;
    const response = await studio.open('POST', path, { content: contentOf('Why?') });
    await vendor.next();
    return response;
  }

  /** Resolves once the socket was answered. */
  async function isHeard({ client, door }: Visitor): Promise<void> {
    const { say, hear } = endOf(door);
    client.send({ ...say, id: 'heard' });
    while ((await client.until(hear)).at(-1)?.id !== 'heard');
  }

  /** How many messages there are of the person's, and calls to a model of everybody's. */
  async function said({ id, session }: Person): Promise<number[]> {
    const { conversations, desk } = parley.app.core;
    const caller = {
      kind: 'user',
      ip: '',
      userId: id,
      loginId: 0,
      contract: 'assistant',
      role: 'user',
    } as const;
    const { total } = await conversations.history(caller, { skip: 0, limit: 1, newestFirst: false });
    const { messageCount } = await desk.get({ ...administrator, role: 'admin' }, session);
    return [total, messageCount, (await parley.calls(0)).length];
  }
});
