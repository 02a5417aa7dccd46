import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { WebSocket } from 'ws';
import { eventually } from '../../test/support/eventually.ts';
import { openAccounts } from '../app/open-accounts.ts';
import { createRecordedLog } from '../core/log.fixture.ts';
import { createMemoryLimits } from '../core/limits/memory-limits.ts';
import { createBusLine } from '../core/realtime/bus.fixture.ts';
import type { Bus } from '../core/realtime/bus.ts';
import { createMemorySeats } from '../core/limits/memory-seats.ts';
import { createPasswords } from '../core/identity/passwords.ts';
import { createRuntime } from '../core/runtime.ts';
import { openStorage } from '../storage/storage.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';
import { createMetrics } from './metrics.ts';
import { createSockets } from './sockets.ts';
import { createUserSockets, type UserDoor } from './user-sockets.ts';

const password = 'correct horse';
const assistant: UserDoor = {
  name: 'assistant',
  socketsPerUser: 2,
  errorFrame: ({ code, message }) => ({ type: 'error', code, message }),
};
const companion: UserDoor = { ...assistant, name: 'companion', socketsPerUser: 1 };

/** Two processes over one store, the first with a door for sockets. */
async function createTested(t: TestContext) {
  const dataDir = join(temporaryFolder(t), 'data');
  const runtime = createRuntime();
  const line = createBusLine();
  const connect = async (bus?: Bus) => {
    const storage = await openStorage({ path: join(dataDir, 'parley.db') });
    t.after(() => storage.close());
    const config = {
      secret: 'sixteen characters',
      databaseUrl: `sqlite:${join(dataDir, 'parley.db')}`,
      dataDir,
      accessTokenTtlMs: 3_600_000,
    };
    return {
      accounts: openAccounts({
        config,
        storage,
        passwords: createPasswords(),
        node: { loginLimits: createMemoryLimits(), ...(bus && { bus }) },
        runtime,
      }),
    };
  };
  const { accounts } = await connect(line.join());
  const log = createRecordedLog();
  const asked: number[] = [];
  const store = { answers: Promise.resolve() };
  const seats = { counted: createMemorySeats(), answer: Promise.resolve() };
  const userSockets = createUserSockets({
    accounts: {
      onRevoked: accounts.onRevoked,
      async revokedSince(at) {
        asked.push(at);
        await store.answers;
        return accounts.revokedSince(at);
      },
    },
    seats: {
      async take(...asked) {
        await seats.answer;
        return seats.counted.take(...asked);
      },
    },
    runtime,
    log,
  });
  const { admit, accept, heard, open } = await listen(t, userSockets.admit);
  const register = async (username: string) =>
    (await accounts.register({ username, email: `${username}@example.com`, password })).id;
  const logIn = async (username: string) => {
    const { accessToken } = await accounts.logIn({
      login: username,
      password,
      contract: 'assistant',
      ip: '',
    });
    return accounts.identify(accessToken, '');
  };
  const doors = { admit, accept, heard, open };
  return {
    accounts,
    line,
    connect,
    userSockets,
    log,
    asked,
    store,
    seats,
    runtime,
    ...doors,
    register,
    logIn,
  };
}

type Admit = ReturnType<typeof createUserSockets>['admit'];

async function listen(t: TestContext, admit: Admit) {
  const heard: string[] = [];
  const sockets = createSockets({
    clientAddress: () => '',
    requestId: () => 'req_1',
    metrics: createMetrics(),
    originAllowed: () => true,
    maxFrameBytes: 1_000,
    heartbeatMs: 3_600_000,
  });
  const opened: WebSocket[] = [];
  sockets.add('/ws', { contract: 'assistant', frames: [], open: (socket) => void opened.push(socket) });
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  sockets.attach(server);
  t.after(() => {
    sockets.close();
    server.close();
  });
  const connect = async () => {
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`);
    t.after(() => client.terminate());
    await once(client, 'open');
    return client;
  };
  /** A client and its socket, paused as a door pauses it that has to find out first who is there. */
  const open = async () => {
    const client = await connect();
    const socket = opened.at(-1)!;
    socket.pause();
    const frames: unknown[] = [];
    client.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString())));
    const closed = once(client, 'close').then(
      ([code, reason]) => [code, (reason as Buffer).toString()] as const,
    );
    return { client, socket, frames, closed };
  };
  return {
    heard,
    open,
    /** The same, without holding on to the socket. */
    async accept(caller: Parameters<Admit>[1], door: UserDoor) {
      const client = await connect();
      const socket = opened.pop()!;
      assert.ok(await admit(socket, caller, door));
      return { client, socket: new WeakRef(socket) };
    },
    /** Opens a socket that is the caller's. */
    async admit(caller: Parameters<Admit>[1], door = assistant) {
      const { socket, ...rest } = await open();
      const admitted = await admit(socket, caller, door);
      if (admitted) {
        socket.on('message', (data: Buffer) => heard.push(data.toString()));
        socket.resume();
      }
      return { socket, admitted, ...rest };
    },
  };
}

describe('the sockets of a person', () => {
  it('are so many at a door, and the newest is told so', async (t) => {
    const { register, logIn, admit } = await createTested(t);
    await register('ada');
    await register('bob');
    const [ada, adaElsewhere, bob] = [await logIn('ada'), await logIn('ada'), await logIn('bob')];
    const first = await admit(ada);
    assert.ok(first.admitted && (await admit(adaElsewhere)).admitted);
    const third = await admit(ada);
    assert.equal(third.admitted, false);
    assert.deepEqual(await third.closed, [4429, 'rate_limited']);
    const message = 'At most 2 connections of one account may be open at once. Close another one first.';
    assert.deepEqual(third.frames, [{ type: 'error', code: 'rate_limited', message }]);
    assert.ok((await admit(ada, companion)).admitted, 'another door counts for itself');
    assert.equal((await admit(ada, companion)).admitted, false);
    assert.ok((await admit(bob)).admitted, 'another person counts for herself');

    const gone = once(first.socket, 'close');
    first.client.close();
    await gone;
    assert.ok((await admit(ada)).admitted, 'a socket that is closed counts no more');
    assert.equal((await admit(ada)).admitted, false);
  });

  it('that closed before it was known whose they are count for nothing', async (t) => {
    const { register, logIn, open, admit, userSockets } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    const { client, socket } = await open();
    socket.resume();
    const gone = once(socket, 'close');
    client.terminate();
    await gone;
    assert.equal(await userSockets.admit(socket, ada, companion), false);
    assert.ok((await admit(ada, companion)).admitted);
  });
});

describe('while it is counted how many there are', () => {
  it('what a client sends is kept, in its order', async (t) => {
    const { register, logIn, open, userSockets, seats } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    const answer = Promise.withResolvers<void>();
    seats.answer = answer.promise;
    const { client, socket } = await open();
    const admitted = userSockets.admit(socket, ada, assistant);
    for (const text of ['one', 'two', 'three']) client.send(text);
    answer.resolve();
    assert.ok(await admitted);
    const heard: string[] = [];
    const all = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => heard.push(data.toString()) === 3 && resolve());
    });
    socket.resume();
    await all;
    assert.deepEqual(heard, ['one', 'two', 'three']);
  });

  it('a socket that closes gives back its seat', async (t) => {
    const { register, logIn, open, admit, userSockets, seats } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    const answer = Promise.withResolvers<void>();
    seats.answer = answer.promise;
    const { client, socket } = await open();
    const admitted = userSockets.admit(socket, ada, companion);
    socket.resume();
    const gone = once(socket, 'close');
    client.terminate();
    await gone;
    answer.resolve();
    assert.equal(await admitted, false);
    assert.ok((await admit(ada, companion)).admitted);
  });

  it('a login that is revoked gives back its seat, and the socket is told', async (t) => {
    const { register, logIn, admit, accounts, seats } = await createTested(t);
    const id = await register('ada');
    const [ada, witness] = [await logIn('ada'), await admit(await logIn('ada'))];
    const answer = Promise.withResolvers<void>();
    seats.answer = answer.promise;
    const late = admit(ada, companion);
    await accounts.setPassword(id, 'another password');
    await witness.closed;
    answer.resolve();
    assert.deepEqual(await (await late).closed, [4401, 'token_invalid']);
    assert.notEqual(await seats.counted.take('companion', `user:${id}`, 1), null);
  });
});

describe('several nodes', () => {
  it('count a person’s sockets together, and those that are told to go no more', async (t) => {
    const { register, logIn, admit, open, accounts, seats, runtime, log } = await createTested(t);
    await register('ada');
    const [ada, elsewhere] = [await logIn('ada'), await logIn('ada')];
    const other = createUserSockets({ accounts, seats: seats.counted, runtime, log });
    const first = await admit(ada, companion);
    const { socket, closed } = await open();
    assert.equal(await other.admit(socket, elsewhere, companion), false);
    assert.deepEqual(await closed, [4429, 'rate_limited']);
    await accounts.logOut(ada);
    await first.closed;
    const { socket: next } = await open();
    assert.equal(await other.admit(next, elsewhere, companion), true);
  });
});

describe('a socket that has closed', () => {
  it('is forgotten, whichever of its user’s it was', async (t) => {
    const { register, logIn, accept } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    const door = { ...assistant, socketsPerUser: 5 };
    const clients: Awaited<ReturnType<typeof accept>>[] = [];
    for (let opened = 0; opened < 4; opened++) clients.push(await accept(ada, door));
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    // The oldest, the newest, one between; the last keeps the others' places.
    for (const place of [0, 3, 1]) {
      clients[place]!.client.close();
      await eventually(() => {
        collect();
        return clients[place]!.socket.deref() === undefined ? true : undefined;
      });
    }
    assert.notEqual(clients[2]!.socket.deref(), undefined);
  });
});

describe('a login that is revoked', () => {
  it('takes its sockets with it at once, and no others', async (t) => {
    const { register, logIn, admit, accounts, heard } = await createTested(t);
    await register('ada');
    const [here, elsewhere] = [await logIn('ada'), await logIn('ada')];
    const revoked = await admit(here);
    const other = await admit(elsewhere);
    const began = performance.now();
    await accounts.logOut(here);
    // What comes before the client knows is not heard any more.
    revoked.client.send('late');
    assert.deepEqual(await revoked.closed, [4401, 'token_invalid']);
    assert.ok(performance.now() - began < 400, 'sooner than anybody asks on his own');
    const arrived = once(other.socket, 'message');
    other.client.send('still here');
    await arrived;
    assert.deepEqual(heard, ['still here']);
  });

  for (const [what, end] of [
    ['a new password', 'setPassword'],
    ['being disabled', 'setStatus'],
  ] as const) {
    it(`by ${what} does so too`, async (t) => {
      const { register, logIn, admit, accounts } = await createTested(t);
      const id = await register('ada');
      const sockets = [await admit(await logIn('ada')), await admit(await logIn('ada'), companion)];
      if (end === 'setPassword') await accounts.setPassword(id, 'another password');
      else await accounts.setStatus(id, 'disabled');
      for (const { closed, frames } of sockets) {
        assert.deepEqual(await closed, [4401, 'token_invalid']);
        const message = 'The token is not valid. Log in again.';
        assert.deepEqual(
          frames,
          [{ type: 'error', code: 'token_invalid', message }],
          'told why, in its own shape',
        );
      }
    });
  }

  it('in another process does so within a second', async (t) => {
    const { register, logIn, admit, connect } = await createTested(t);
    const id = await register('ada');
    const { closed } = await admit(await logIn('ada'));
    const { accounts } = await connect();
    const began = performance.now();
    await accounts.setStatus(id, 'disabled');
    assert.deepEqual(await closed, [4401, 'token_invalid']);
    assert.ok(performance.now() - began < 1_500);
  });

  it('on another node does so at once', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { register, logIn, admit, line, connect } = await createTested(t);
    const id = await register('ada');
    const { closed } = await admit(await logIn('ada'));
    const { accounts } = await connect(line.join());
    await accounts.setPassword(id, 'another password');
    assert.deepEqual(await closed, [4401, 'token_invalid']);
  });

  it('while its bearer was identified is not admitted', async (t) => {
    const { register, logIn, admit, accounts } = await createTested(t);
    await register('ada');
    await register('bob');
    const [ada, bob] = [await logIn('ada'), await logIn('bob')];
    await admit(bob);
    const witness = await admit(ada);
    await accounts.logOut(ada);
    await witness.closed;
    const late = await admit(ada);
    assert.equal(late.admitted, false);
    assert.deepEqual(await late.closed, [4401, 'token_invalid']);
    assert.equal((late.frames[0] as { code: string }).code, 'token_invalid');
  });

  it('is found when the first socket comes after it', async (t) => {
    const { register, logIn, admit, accounts } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    await accounts.logOut(ada);
    assert.deepEqual(await (await admit(ada)).closed, [4401, 'token_invalid']);
  });
});

describe('the question which logins were revoked', () => {
  it('is asked only while there are sockets', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { register, logIn, admit, accounts, asked } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    t.mock.timers.tick(5_000);
    await accounts.logOut(await logIn('ada'));
    assert.deepEqual(asked, []);
    const { client, socket } = await admit(ada);
    assert.equal(asked.length, 1);
    await new Promise(setImmediate);
    t.mock.timers.tick(500);
    assert.equal(asked.length, 2);
    const gone = once(socket, 'close');
    client.close();
    await gone;
    t.mock.timers.tick(5_000);
    assert.equal(asked.length, 2);
  });

  it('that the store cannot answer is asked again, and complained of once', async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const { register, logIn, admit, accounts, log, asked, store } = await createTested(t);
    await register('ada');
    const ada = await logIn('ada');
    store.answers = Promise.reject(new Error('the store is away'));
    store.answers.catch(() => {});
    const { closed } = await admit(ada);
    await accounts.logOut(ada);
    for (const times of [3, 4, 5]) {
      await new Promise(setImmediate);
      t.mock.timers.tick(500);
      assert.equal(asked.length, times);
    }
    assert.deepEqual(
      log.lines.map(({ level }) => level),
      ['error'],
    );
    store.answers = Promise.resolve();
    await new Promise(setImmediate);
    t.mock.timers.tick(500);
    assert.deepEqual(await closed, [4401, 'token_invalid']);
  });
});
