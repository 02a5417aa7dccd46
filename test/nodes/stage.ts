import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { keysOf, realRedisUrl, skipWithoutRedis } from '../../src/redis/real-redis.fixture.ts';
import { temporarySchema, withoutPostgres } from '../../src/storage/real-postgres.fixture.ts';
import { clientNames } from '../kill/clients.ts';
import { makePerson } from '../kill/login-client.ts';
import { createMoments } from '../kill/moments.ts';
import { createRecords, type WatchRecord } from '../kill/records.ts';
import { startSteadyVendor, type SteadyVendor } from '../kill/vendor.ts';
import type { Person, World } from '../kill/world.ts';
import { createChance } from '../support/chance.ts';
import { eventually } from '../support/eventually.ts';
import type { Restart } from './check-history.ts';
import { startCluster, type Cluster, type ClusterParts } from './cluster.ts';
import type { Span } from './excuses.ts';

/** Why tests that need several nodes are skipped; false where they are run. */
export const withoutNodes = withoutPostgres === false ? skipWithoutRedis : withoutPostgres;

/** Two nodes, everybody who uses them, and what is known of it all. */
export interface Stage {
  cluster: Cluster;
  vendor: SteadyVendor;
  world: World;
  people: Person[];
  /** Those of the people whom the clients do not speak for. */
  extras: Person[];
  /** How long it took until something was as it should be, in milliseconds, by what it is. */
  measures: Map<string, number[]>;
  /** When nodes had reason to complain of what they could not reach. */
  troubles: Span[];
  restarts: Restart[];
  /** Removes everything that the nodes keep in Redis. */
  emptyRedis(): Promise<void>;
  /** Lets the clients stop. */
  end(): void;
}

/** A cluster over a schema and a prefix of its own, which go after the test. */
export async function openCluster(
  test: Pick<TestContext, 'after'>,
  parts: Pick<ClusterParts, 'vendorUrl' | 'env' | 'yaml'>,
): Promise<{ cluster: Cluster; emptyRedis: () => Promise<void> }> {
  const cleanups: (() => unknown)[] = [];
  test.after(async () => {
    for (const cleanUp of cleanups.toReversed()) await cleanUp();
  });
  const databaseUrl = await temporarySchema({
    after: (cleanUp) => void cleanups.push(cleanUp as () => unknown),
  });
  const redisPrefix = `parley-test:${randomBytes(9).toString('base64url')}:`;
  const emptyRedis = () => removeKeys(redisPrefix);
  cleanups.push(emptyRedis);
  const cluster = await startCluster({ ...parts, databaseUrl, redisUrl: realRedisUrl, redisPrefix });
  cleanups.push(cluster.close);
  return { cluster, emptyRedis };
}

async function removeKeys(prefix: string): Promise<void> {
  const client = new Redis(realRedisUrl, { maxRetriesPerRequest: 0 });
  try {
    const keys = await keysOf(client, prefix);
    if (keys.length > 0) await client.del(keys);
  } finally {
    client.disconnect();
  }
}

/** A socket hears of what happened on another node a moment later than whoever did it. */
async function untilTold({ rows }: Cluster, { user, sessionId, told }: WatchRecord): Promise<void> {
  const isWatched = "type IN ('asked', 'answered', 'message_removed')";
  const [newest] = await (sessionId === undefined
    ? rows.all<Newest>(
        `SELECT max(cursor) AS cursor FROM feed
          WHERE ${isWatched} AND user_id = (SELECT id FROM users WHERE username = ?)`,
        user,
      )
    : rows.all<Newest>(
        `SELECT max(cursor) AS cursor FROM feed WHERE ${isWatched} AND conversation_id = ?`,
        sessionId,
      ));
  const isTold = () => ((told.at(-1)?.cursor ?? 0) >= (newest?.cursor ?? 0) ? true : undefined);
  // What is never told is found by whoever checks what was.
  await eventually(isTold).catch(() => {});
}

interface Newest {
  cursor: number | null;
}

const extraNames = ['extra1', 'extra2', 'extra3'];

/** A stage on which everybody has an account. */
export async function openStage(test: Pick<TestContext, 'after'>, seed: number): Promise<Stage> {
  const moments = createMoments();
  const records = { ...createRecords(), servers: 2 };
  records.launches.push(Date.now());
  const vendor = await startSteadyVendor(moments);
  test.after(() => vendor.close());
  const { cluster, emptyRedis } = await openCluster(test, { vendorUrl: vendor.url });
  let running = true;
  const world: World = {
    server: cluster,
    moments,
    records,
    chance: createChance(seed),
    isRunning: () => running,
    untilTold: (watch) => untilTold(cluster, watch),
  };
  const make = (names: readonly string[]) => Promise.all(names.map((name) => makePerson(world, name)));
  const extras = await make(extraNames);
  return {
    cluster,
    vendor,
    world,
    people: [...(await make(clientNames)), ...extras],
    extras,
    measures: new Map(),
    troubles: [],
    restarts: [],
    emptyRedis,
    end: () => void (running = false),
  };
}
