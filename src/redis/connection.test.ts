import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis as Client } from 'ioredis';
import { eventually, within } from '../../test/support/eventually.ts';
import { createRecordedLog } from '../core/log.fixture.ts';
import { createRuntime } from '../core/runtime.ts';
import { readAddress } from './address.ts';
import { createRedis, type Redis } from './connection.ts';
import {
  openProxy,
  openRedis,
  openUp,
  ownPrefix,
  realRedis,
  realRedisUrl,
  skipWithoutRedis,
} from './real-redis.fixture.ts';
import { RedisUnavailable } from './unavailable.ts';

const away = 'Redis is away: this node counts by itself, and is not told what others do';

describe('an address', () => {
  it('has a default for all but its protocol', () => {
    assert.deepEqual(readAddress('redis://'), {
      host: '127.0.0.1',
      port: 6379,
      username: undefined,
      password: undefined,
      db: 0,
      tls: false,
    });
  });

  it('names user, password, host, port and database, and whether the connection is encrypted', () => {
    assert.deepEqual(readAddress('rediss://us%40er:p%2Fw%3A@[::1]:7000/12'), {
      host: '::1',
      port: 7000,
      username: 'us@er',
      password: 'p/w:',
      db: 12,
      tls: true,
    });
    assert.equal(readAddress('redis://:pw@h/').password, 'pw');
  });

  it('with a database that is no number is refused, without being repeated', () => {
    for (const db of ['a', '1/2', '-1', '1.5', '12345678']) {
      assert.throws(
        () => readAddress(`redis://u:secret@h/${db}`),
        (error: Error) => {
          assert.ok(error instanceof RangeError);
          return !error.message.includes('secret');
        },
      );
    }
  });
});

describe('a Redis', { skip: skipWithoutRedis }, () => {
  it('is up when commands are answered and messages arrive, and says nothing about it', async (t) => {
    const { redis, log } = openRedis(t, { prefix: ownPrefix(t) });
    assert.equal(redis.state(), 'down');
    const states: string[] = [];
    redis.onChange((state) => states.push(state));
    assert.equal(await redis.isUpWithin(5_000), true);
    assert.equal(redis.state(), 'up');
    assert.deepEqual(states, ['up']);
    assert.equal(await redis.run((client) => client.echo('hello')), 'hello');
    const heard = messageOf(redis);
    await redis.run((client) => client.publish(redis.channel, 'a message'));
    assert.equal(await heard, 'a message');
    assert.deepEqual(log.lines, []);
  });

  it('runs scripts, also where Redis has forgotten them', async (t) => {
    const prefix = ownPrefix(t);
    const { redis } = openRedis(t, { prefix });
    await redis.isUpWithin(5_000);
    const script = redis.script('return { KEYS[1], KEYS[2], ARGV[1] }');
    assert.deepEqual(await script(['a', 'b'], [5]), ['a', 'b', '5']);
    await redis.run((client) => client.script('FLUSH'));
    assert.deepEqual(await script(['a', 'b'], ['c']), ['a', 'b', 'c']);
  });

  it('tells of errors, which count, and goes on', async (t) => {
    const prefix = ownPrefix(t);
    const { redis, log } = openRedis(t, { prefix });
    await redis.isUpWithin(5_000);
    await redis.run((client) => client.set(`${prefix}text`, 'a'));
    const wrong = () => redis.run((client) => client.incr(`${prefix}text`));
    await assert.rejects(wrong(), RedisUnavailable);
    await assert.rejects(wrong(), /not an integer/);
    assert.equal(redis.state(), 'up');
    await redis.run((client) => client.get(`${prefix}text`));
    await assert.rejects(wrong());
    await assert.rejects(wrong());
    assert.equal(redis.state(), 'up', 'a success between begins the count anew');
    // A beat that comes between does so too.
    for (let i = 0; i < 10 && redis.state() === 'up'; i++) await assert.rejects(wrong());
    assert.equal(redis.state(), 'down');
    assert.equal(await redis.isUpWithin(5_000), true);
    assert.equal(log.lines.length, 2);
  });

  it('is not taken for slow where this process is', async (t) => {
    const { redis, log } = await openUp(t, { prefix: ownPrefix(t) });
    for (let time = 0; time < 4; time++) {
      const answer = redis.run((client) => client.echo('in time'));
      const until = performance.now() + 400;
      while (performance.now() < until);
      assert.equal(await answer, 'in time');
    }
    assert.deepEqual([redis.state(), log.lines], ['up', []]);
  });

  it('uses the database that it is told to', async (t) => {
    const prefix = ownPrefix(t);
    const [{ redis }, { redis: other }] = [
      openRedis(t, { prefix }),
      openRedis(t, { prefix, url: `redis://${realRedis.host}:${realRedis.port}/7` }),
    ];
    assert.deepEqual([await redis.isUpWithin(5_000), await other.isUpWithin(5_000)], [true, true]);
    await other.run((client) => client.set(`${prefix}a`, '7', 'EX', 60));
    assert.equal(await redis.run((client) => client.get(`${prefix}a`)), null);
    await other.run((client) => client.del(`${prefix}a`, `${prefix}alive`));
  });

  it('is away, and not used with another one, where there is no such database', async (t) => {
    const { redis, log } = openRedis(t, {
      prefix: ownPrefix(t),
      url: `redis://${realRedis.host}:${realRedis.port}/99999`,
    });
    await eventually(() => log.lines[0]);
    assert.equal(await redis.isUpWithin(300), false);
    assert.deepEqual(
      log.lines.map(({ level, facts, text }) => [level, facts['reason'], text]),
      [['warn', 'ERR DB index is out of range', away]],
    );
    await assert.rejects(
      redis.run((client) => client.get('a')),
      RedisUnavailable,
    );
  });

  it('is away where the password is wrong, and the password is in no log', async (t) => {
    const { redis, log } = openRedis(t, {
      prefix: ownPrefix(t),
      url: `redis://nobody:letmein@${realRedis.host}:${realRedis.port}`,
    });
    await eventually(() => log.lines[0]);
    assert.equal(await redis.isUpWithin(300), false);
    assert.equal(log.lines.length, 1);
    assert.doesNotMatch(JSON.stringify(log.lines), /letmein/);
    await redis
      .run((client) => client.get('a'))
      .catch((thrown: unknown) => {
        assert.doesNotMatch(String((thrown as Error).stack) + JSON.stringify(thrown), /letmein/);
      });
  });

  it('lets in a user who may use the prefix alone', async (t) => {
    const { url, prefix } = await createUser(t, (name) => [`&${name}*`]);
    const { redis, log } = openRedis(t, { prefix, url });
    assert.equal(await redis.isUpWithin(5_000), true);
    assert.deepEqual(log.lines, []);
    await assert.rejects(
      redis.run((client) => client.get('another key')),
      /No permissions/i,
    );
  });

  it('is away where the messages are none of the user’s, and says so', async (t) => {
    const { url, prefix } = await createUser(t, () => ['resetchannels', '&another']);
    const { redis, log } = openRedis(t, { prefix, url });
    await eventually(() => log.lines[0]);
    assert.match(String(log.lines[0]?.facts['reason']), /No permissions/i);
    assert.deepEqual([redis.state(), log.lines.length], ['down', 1]);
  });

  it('is spoken to in encryption where the address says so', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connected = once(server, 'connection');
    openRedis(t, { prefix: ownPrefix(t), url: `rediss://127.0.0.1:${port}` });
    const [socket] = (await connected) as [Socket];
    const [hello] = (await once(socket, 'data')) as [Buffer];
    t.after(() => {
      socket.destroy();
      server.close();
    });
    // A handshake record of TLS.
    assert.equal(hello[0], 0x16);
  });

  it('rejects all that is asked after it was closed, which ends its connections', async (t) => {
    const proxy = await openProxy(t);
    const { redis, log } = openRedis(t, { prefix: ownPrefix(t), url: proxy.url });
    await redis.isUpWithin(5_000);
    assert.equal(proxy.connections(), 2);
    await redis.close();
    await eventually(() => proxy.connections() === 0 || undefined);
    await assert.rejects(
      redis.run((client) => client.get('a')),
      RedisUnavailable,
    );
    assert.deepEqual([redis.state(), log.lines], ['down', []]);
    await redis.close();
  });
});

describe('a Redis that is away', { skip: skipWithoutRedis }, () => {
  it('is known at once, joined again when it is back, and logged once each', async (t) => {
    const { redis, log, proxy } = await createTested(t);
    for (let time = 0; time < 2; time++) {
      await proxy.cut();
      await within(200, changed(redis, 'down'));
      await assert.rejects(
        redis.run((client) => client.get('a')),
        RedisUnavailable,
      );
      // Some attempts fail meanwhile.
      await pause(400);
      await proxy.forward();
      await within(2_500, changed(redis, 'up'));
      assert.equal(await redis.run((client) => client.echo('again')), 'again');
    }
    assert.deepEqual(
      log.lines.map(({ level, text }) => [level, text]),
      [
        ['warn', away],
        ['info', 'Redis is back'],
        ['warn', away],
        ['info', 'Redis is back'],
      ],
    );
    assert.ok(Number(log.lines[1]?.facts['awayMs']) >= 400);
  });

  it('at the start does no harm, and is joined later', async (t) => {
    const proxy = await openProxy(t);
    await proxy.cut();
    const { redis, log } = openRedis(t, { prefix: ownPrefix(t), url: proxy.url });
    await eventually(() => log.lines[0]);
    assert.match(String(log.lines[0]?.facts['reason']), /ECONNREFUSED/);
    await assert.rejects(
      redis.run((client) => client.get('a')),
      RedisUnavailable,
    );
    assert.equal(await redis.isUpWithin(100), false);
    await proxy.forward();
    assert.equal(await redis.isUpWithin(2_500), true);
    assert.deepEqual(
      log.lines.map(({ text }) => text),
      [away, 'Redis is back'],
    );
  });

  it('can be closed', async (t) => {
    const { redis, proxy } = await createTested(t);
    await proxy.cut();
    await changed(redis, 'down');
    await within(500, redis.close());
  });
});

describe('a Redis that hangs', { skip: skipWithoutRedis }, () => {
  it('is noticed though nobody asks it, and joined again when it answers', async (t) => {
    const { redis, log, proxy } = await createTested(t);
    await proxy.stall();
    await within(2_000, changed(redis, 'down'));
    await pause(300);
    assert.equal(redis.state(), 'down');
    await proxy.forward();
    await within(3_000, changed(redis, 'up'));
    assert.equal(await redis.run((client) => client.echo('again')), 'again');
    assert.deepEqual(
      log.lines.map(({ facts, text }) => [facts['reason'], text]),
      [
        ['no answer within 250 ms', away],
        [undefined, 'Redis is back'],
      ],
    );
  });

  it('costs each command 250 ms at most, and none anything after three', async (t) => {
    const { redis, proxy } = await createTested(t);
    await proxy.stall();
    const began = performance.now();
    let slow = 0;
    while (redis.state() === 'up') {
      const asked = performance.now();
      await assert.rejects(
        redis.run((client) => client.get('a')),
        RedisUnavailable,
      );
      const tookMs = performance.now() - asked;
      assert.ok(tookMs < 400, `${tookMs} ms`);
      slow++;
    }
    // The beat counts too.
    assert.ok(slow <= 3, `${slow} commands waited`);
    assert.ok(performance.now() - began < 1_100);
    for (let i = 0; i < 100; i++) {
      const asked = performance.now();
      await assert.rejects(
        redis.run((client) => client.get('a')),
        RedisUnavailable,
      );
      const tookMs = performance.now() - asked;
      assert.ok(tookMs < 150, `${tookMs} ms`);
      // While it is tried again too.
      await pause(20);
    }
  });

  it('at the start is noticed too, and closing waits for nothing', async (t) => {
    const proxy = await openProxy(t);
    await proxy.stall();
    const { redis, log } = openRedis(t, { prefix: ownPrefix(t), url: proxy.url });
    assert.equal(await redis.isUpWithin(100), false);
    await eventually(() => log.lines[0]);
    await within(500, redis.close());
    assert.deepEqual(log.lines.length, 1);
  });

  it('before it has let this process in is noticed too', async (t) => {
    const silent = createServer().listen(0, '127.0.0.1');
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => void sockets.push(socket.on('error', () => {})));
    await once(silent, 'listening');
    t.after(() => {
      silent.close();
      for (const socket of sockets) socket.destroy();
    });
    const log = createRecordedLog();
    const { port } = silent.address() as AddressInfo;
    const url = `redis://user:letmein@127.0.0.1:${port}`;
    const redis = createRedis({ url, log, runtime: createRuntime() });
    t.after(() => redis.close());
    await eventually(() => log.lines[0]);
    assert.equal(log.lines[0]?.facts['reason'], 'no answer within 1000 ms');
    await eventually(() => sockets.length > 2 || undefined);
    assert.equal(log.lines.length, 1);
  });

  it('on one connection is left for another one', async (t) => {
    const { redis, log, proxy } = await createTested(t);
    // The first connection that is made is the commands'.
    await proxy.stall(0);
    await within(2_000, changed(redis, 'down'));
    await within(3_000, changed(redis, 'up'));
    assert.equal(await redis.run((client) => client.echo('another')), 'another');
    assert.equal(log.lines.length, 2);
  });

  it('is noticed where only messages do not arrive: commands are still answered, and another connection takes the place', async (t) => {
    const { redis, log, proxy } = await createTested(t);
    await proxy.stall(1);
    await within(2_500, changed(redis, 'down'));
    assert.equal(await redis.run((client) => client.echo('still')), 'still');
    await within(2_500, changed(redis, 'up'));
    assert.equal(log.lines[0]?.facts['reason'], 'a message did not arrive within 900 ms');
  });

  it('for a moment is not joined by what arrives late on a connection that is being left', async (t) => {
    const { redis, log, proxy } = await createTested(t);
    await proxy.stall(1);
    await changed(redis, 'down');
    await proxy.forward();
    await within(2_500, changed(redis, 'up'));
    await pause(200);
    assert.deepEqual([redis.state(), log.lines.length], ['up', 2]);
  });
});

async function createTested(t: TestContext) {
  const proxy = await openProxy(t);
  return { ...(await openUp(t, { prefix: ownPrefix(t), url: proxy.url })), proxy };
}

/** A user of the real Redis who may use what begins with a prefix, and of messages what `channels` says. */
async function createUser(t: TestContext, channels: (prefix: string) => string[]) {
  const prefix = ownPrefix(t);
  const [name, password] = [prefix.replaceAll(':', '-'), 'p:a/s@s'];
  const client = new Client(realRedisUrl);
  t.after(async () => {
    await client.acl('DELUSER', name);
    client.disconnect();
  });
  await client.acl('SETUSER', name, 'on', `>${password}`, '+@all', `~${prefix}*`, ...channels(prefix));
  return {
    prefix,
    url: `redis://${name}:${encodeURIComponent(password)}@${realRedis.host}:${realRedis.port}`,
  };
}

/** Resolves when the state is `wanted`. */
function changed(redis: Redis, wanted: 'up' | 'down'): Promise<void> {
  return new Promise((resolve) => {
    if (redis.state() === wanted) return resolve();
    const stop = redis.onChange((state) => {
      if (state !== wanted) return;
      stop();
      resolve();
    });
  });
}

function messageOf(redis: Redis): Promise<string> {
  return new Promise((resolve) => redis.onMessage(resolve));
}
