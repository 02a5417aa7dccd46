import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as ioredis from 'ioredis';

// The project's own version: another one may lie in bench/node_modules.
const { Redis } = createRequire(new URL('../package.json', import.meta.url))('ioredis') as typeof ioredis;

const url = process.env['BENCH_REDIS_URL'] ?? 'redis://127.0.0.1:6379';

/** Keys and channels of the run's own. */
export interface BenchRedis {
  url: string;
  prefix: string;
  /** Removes the keys. Those of a run that was broken off end by themselves. */
  clear(): Promise<void>;
}

/** A prefix on the Redis that `BENCH_REDIS_URL` names; throws where there is none. */
export async function createRedisPrefix(): Promise<BenchRedis> {
  const prefix = `parley-bench-${randomBytes(6).toString('hex')}:`;
  const withClient = async (work: (client: ioredis.Redis) => Promise<unknown>): Promise<void> => {
    const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => null, lazyConnect: true });
    client.on('error', () => {});
    try {
      await client.connect();
      await work(client);
    } finally {
      client.disconnect();
    }
  };
  await withClient((client) => client.ping());
  return {
    url,
    prefix,
    clear: () =>
      withClient(async (client) => {
        for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1_000 })) {
          if ((keys as string[]).length > 0) await client.del(keys as string[]);
        }
      }),
  };
}
