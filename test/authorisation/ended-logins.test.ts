import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { bearer, makeAccount, tokenOf } from '../support/accounts.ts';
import { within } from '../support/eventually.ts';
import { read, send } from '../support/gateway.ts';
import { startParley, type Parley } from '../support/parley.ts';
import { watchDoors } from '../support/routes.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';

const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));

/** Somebody with a socket at every door, and a second one at each that has stopped reading. */
interface Person {
  id: number;
  name: string;
  tokens: string[];
  session: number;
  sockets: SocketClient[];
  deaf: SocketClient[];
}

/** By door, what it would do if it heard. */
const frames = {
  'WS /ws/chat (gateway)': { type: 'chat', id: 'deaf', data: { message: 'Unheard' } },
  'WS /ws/chat/:session_id (assistant)': { type: 'message', data: { content: 'Unheard' } },
  'WS /ws/chat (companion)': { type: 'message', content: 'Unheard' },
};

/** How a login ends. */
const ways: Record<string, (parley: Parley, person: Person) => Promise<unknown>> = {
  'logs out': ({ url }, { tokens }) =>
    Promise.all(tokens.map((token) => send(`${url}/api/v1/logout`, 'POST', undefined, bearer(token)))),
  'is disabled': ({ app }, { id }) => app.core.accounts.setStatus(id, 'disabled'),
  'gets a new password': ({ app }, { id }) => app.core.accounts.setPassword(id, 'another long password'),
  'is disabled by another process': ({ config }, { name }) =>
    promisify(execFile)(process.execPath, [cli, 'admin', 'disable', '--email', `${name}@example.com`], {
      env: { PATH: process.env['PATH'], PARLEY_DATA_DIR: config.dataDir },
    }),
};

describe('the sockets of one whose login ends are closed within a second, and heard no more:', () => {
  let parley: Parley;
  let bystander: Person;
  let doors: string[];
  before(async () => {
    const watched = await watchDoors(() => startParley());
    parley = watched.started;
    doors = watched.sockets.map(({ path, contract }) => `WS ${path} (${contract})`);
    bystander = await makePerson('bystander');
  });
  after(() => parley.close());

  test('every door is tried', () => {
    assert.deepEqual(doors.toSorted(), Object.keys(frames).toSorted());
  });

  for (const [at, [way, end]] of Object.entries(ways).entries()) {
    test(`who ${way}`, async () => {
      const person = await makePerson(`somebody-${at}`);
      const { tokens, sockets, deaf } = person;
      const before = await said(person);
      await end(parley, person);
      const codes = await within(1_000, Promise.all(sockets.map(({ closed }) => closed)));
      assert.deepEqual(
        codes.map(({ code }) => code),
        [4401, 4401, 4401],
      );
      for (const [door, socket] of deaf.entries()) {
        socket.send(Object.values(frames)[door]);
        socket.socket.resume();
        assert.equal((await socket.closed).code, 4401);
      }
      assert.deepEqual(await said(person), before, 'a frame was taken afterwards');
      for (const token of tokens) {
        const again = await openSocket(`${parley.wsUrl}/ws/chat?token=${token}`);
        assert.equal((await again.closed).code, 4401);
      }
      for (const socket of bystander.sockets) {
        socket.send({ type: 'ping' });
        assert.equal((await socket.next()).type, 'pong');
      }
    });
  }

  async function makePerson(name: string): Promise<Person> {
    const { id } = await makeAccount(parley, name, 'admin');
    const assistant = await tokenOf(parley, name);
    const companion = await tokenOf(parley, name, 'companion');
    const { body } = await read<{ session_id: number }>(
      send(`${parley.url}/api/v1/chat`, 'POST', { message: 'Hello' }, bearer(assistant)),
    );
    const open = () =>
      Promise.all([
        openSocket(`${parley.wsUrl}/ws/chat`, { headers: bearer(assistant) }),
        openSocket(`${parley.wsUrl}/ws/chat/${body.session_id}?token=${assistant}`),
        openSocket(`${parley.wsUrl}/ws/chat`, { protocols: [`bearer.${companion}`] }),
      ]);
    const [sockets, deaf] = [await open(), await open()];
    for (const socket of [...sockets, ...deaf]) {
      socket.send({ type: 'ping' });
      assert.equal((await socket.next()).type, 'pong');
    }
    for (const { socket } of deaf) socket.pause();
    return { id, name, tokens: [assistant, companion], session: body.session_id, sockets, deaf };
  }

  /** How many messages there are of the person's, and calls to a model of everybody's. */
  async function said({ id, session }: Person): Promise<number[]> {
    const { conversations } = parley.app.core;
    const caller = {
      kind: 'user',
      ip: '',
      userId: id,
      loginId: 0,
      contract: 'assistant',
      role: 'user',
    } as const;
    const { total } = await conversations.history(caller, { skip: 0, limit: 1, newestFirst: false });
    const { messageCount } = await conversations.get(caller, session);
    return [total, messageCount, (await parley.calls(0)).length];
  }
});
