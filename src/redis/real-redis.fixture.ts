import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { Redis as Client } from 'ioredis';
import { createRecordedLog, type RecordedLog } from '../core/log.fixture.ts';
import { createRuntime } from '../core/runtime.ts';
import { createRedis, type Redis } from './connection.ts';
import { startRedisProxy, type RedisProxy } from './redis-proxy.fixture.ts';

/** Where tests expect a Redis. */
export const realRedis = { host: '127.0.0.1', port: 6379 };
export const realRedisUrl = `redis://${realRedis.host}:${realRedis.port}`;

/** Why tests that need a Redis are skipped; false where they are run. Where `CI` is `true` they are run, and fail without one. */
export const skipWithoutRedis: string | false =
  process.env['CI'] === 'true' || (await answers())
    ? false
    : `no Redis answers on ${realRedis.host}:${realRedis.port}`;

async function answers(): Promise<boolean> {
  const socket = connect(realRedis);
  try {
    const signal = AbortSignal.timeout(1_000);
    await once(socket, 'connect', { signal });
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data', { signal })) as [Buffer];
    return answer.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A prefix of the test's own, whose keys are removed after it. */
export function ownPrefix(test: TestContext): string {
  const prefix = `parley-test:${randomBytes(9).toString('base64url')}:`;
  test.after(() => removeKeys(prefix));
  return prefix;
}

/** Removes all keys that begin with `prefix`. */
export async function removeKeys(prefix: string): Promise<void> {
  await withClient(async (client) => {
    const keys = await keysOf(client, prefix);
    if (keys.length > 0) await client.del(keys);
  });
}

/** The keys that begin with `prefix`. */
export async function keysOf(client: Client, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const some of client.scanStream({ match: `${prefix}*`, count: 1_000 }))
    keys.push(...(some as string[]));
  return keys;
}

/** A connection of the product to the real Redis or, by `url`, to a proxy before it; closed after the test. */
export function openRedis(
  test: TestContext,
  parts: { prefix: string; url?: string },
): { redis: Redis; log: RecordedLog } {
  const log = createRecordedLog();
  const redis = createRedis({ url: realRedisUrl, log, runtime: createRuntime(), ...parts });
  test.after(() => redis.close());
  return { redis, log };
}

/** The same, when it is joined. */
export async function openUp(
  test: TestContext,
  parts: { prefix: string; url?: string },
): Promise<{ redis: Redis; log: RecordedLog }> {
  const opened = openRedis(test, parts);
  assert.equal(await opened.redis.isUpWithin(5_000), true, 'Redis is joined');
  return opened;
}

/** A proxy before the real Redis, closed after the test. */
export async function openProxy(test: TestContext): Promise<RedisProxy> {
  const proxy = await startRedisProxy(realRedis);
  test.after(() => proxy.close());
  return proxy;
}

/** Makes what begins with `prefix` end so much sooner, as if time had passed. */
export async function age(prefix: string, ms: number): Promise<void> {
  await withClient(async (client) => {
    for (const key of await keysOf(client, prefix)) {
      const leftMs = await client.pttl(key);
      if (leftMs >= 0) await client.pexpire(key, leftMs - ms);
    }
  });
}

async function withClient(work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(realRedisUrl, { maxRetriesPerRequest: 0 });
  try {
    await work(client);
  } finally {
    client.disconnect();
  }
}
