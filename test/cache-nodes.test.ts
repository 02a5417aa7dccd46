import assert from 'node:assert/strict';
import { describe, type TestContext } from 'node:test';
import {
  cacheNodesSuite,
  type OpenStores,
  type PrepareBuses,
} from '../src/core/completions/cache/cache-nodes.suite.ts';
import { responseCacheSuite } from '../src/core/completions/cache/response-cache.suite.ts';
import { createRuntime } from '../src/core/runtime.ts';
import { createRedisBus } from '../src/redis/bus.ts';
import { openProxy, openRedis, ownPrefix, skipWithoutRedis } from '../src/redis/real-redis.fixture.ts';
import { openPostgresStorage } from '../src/storage/postgres-storage.ts';
import { emptySchema, withoutPostgres } from '../src/storage/real-postgres.fixture.ts';
import { eventually } from './support/eventually.ts';

/** Each node with connections of its own, over a proxy that can be cut. */
const joinOverRedis: PrepareBuses = async (test, count) => {
  const prefix = ownPrefix(test);
  const join = async (_: unknown, at: number) => {
    const proxy = await openProxy(test);
    const { redis } = openRedis(test, { prefix, url: proxy.url });
    const onError = (thrown: unknown) => assert.fail(String(thrown));
    const bus = createRedisBus({ redis, nodeId: `node-${at}`, runtime: createRuntime(), onError });
    test.after(() => bus.close());
    const is = (state: string) => eventually(() => (bus.state() === state ? true : undefined));
    await is('joined');
    return {
      bus,
      async cut() {
        await proxy.cut();
        await is('cut');
      },
      async rejoin() {
        await proxy.forward();
        await is('joined');
      },
    };
  };
  return Promise.all(Array.from({ length: count }, join));
};

/** Each node with connections of its own. */
const openOnPostgres: OpenStores = async (test: TestContext, count) => {
  const url = await emptySchema(test);
  const stores = await Promise.all(Array.from({ length: count }, () => openPostgresStorage({ url })));
  for (const store of stores) test.after(() => store.close());
  return stores;
};

describe('over Redis', { skip: skipWithoutRedis }, () => {
  responseCacheSuite('over Redis', async (test, count) =>
    (await joinOverRedis(test, count)).map(({ bus }) => bus),
  );
});

describe('over Redis and PostgreSQL', { skip: skipWithoutRedis || withoutPostgres }, () => {
  cacheNodesSuite('over Redis and PostgreSQL', joinOverRedis, openOnPostgres);
});
