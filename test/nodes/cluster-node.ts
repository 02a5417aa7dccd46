import { startRedisProxy, type RedisProxy } from '../../src/redis/redis-proxy.fixture.ts';
import { eventually } from '../support/eventually.ts';
import type { Life } from '../support/mortal-server.ts';
import {
  launchParley,
  makeDataFolder,
  removeDataFolder,
  type Ended,
  type Launched,
} from '../support/parley-process.ts';
import type { ParleyOptions } from '../support/parley.ts';
import type { Target } from './balancer.ts';

/** One of several servers over one PostgreSQL and one Redis, and the ways there, each of which can be broken. */
export interface ClusterNode extends Target {
  redis: RedisProxy;
  postgres: RedisProxy;
  /** The address at which it listens, or last did. */
  life(): Life;
  /** Starts it anew; resolves when it listens. */
  launch(): Promise<void>;
  /** SIGKILL. */
  kill(): void;
  /** SIGTERM. */
  stop(): void;
  /** SIGSTOP: it does nothing until `thaw`, and nobody is told. */
  freeze(): void;
  thaw(): void;
  /** How its present process ended, when it has. */
  ended(): Promise<Ended>;
  /** What all its processes logged, line by line. */
  log(): string[];
  /** What it says of itself at `/ready`; undefined where it says nothing in time. */
  readiness(): Promise<{ code: number; status: string } | undefined>;
  /** Waits until it is said so of what it says there; resolves to how many milliseconds that took. */
  untilReadiness(isIt: (said: { code: number; status: string } | undefined) => boolean): Promise<number>;
  remove(): Promise<void>;
}

export interface NodeParts {
  name: string;
  options: ParleyOptions;
  /** Where the database and the Redis really are. */
  databaseUrl: string;
  redisUrl: string;
}

export async function createNode({ name, options, ...real }: NodeParts): Promise<ClusterNode> {
  const folder = makeDataFolder();
  const postgres = await startProxyTo(real.databaseUrl);
  const redis = await startProxyTo(real.redisUrl);
  const env = {
    ...options.env,
    DATABASE_URL: through(postgres, real.databaseUrl),
    REDIS_URL: through(redis, real.redisUrl),
  };
  const launches: Launched[] = [];
  const current = () => {
    const launched = launches.at(-1);
    if (launched === undefined) throw new Error(`${name} was never launched`);
    return launched;
  };

  const node: ClusterNode = {
    name,
    url: undefined,
    redis,
    postgres,
    life() {
      const { url = 'http://127.0.0.1:1' } = node;
      return { number: launches.length, url, wsUrl: url.replace('http', 'ws') };
    },
    async launch() {
      launches.push(launchParley(folder, { ...options, env }));
      node.url = await current().url;
    },
    kill: () => current().signal('SIGKILL'),
    stop: () => current().signal('SIGTERM'),
    freeze: () => current().signal('SIGSTOP'),
    thaw: () => current().signal('SIGCONT'),
    ended: () => current().ended,
    log: () => launches.flatMap((launched) => launched.stderr().split('\n').filter(Boolean)),
    readiness: () => readinessAt(node.life().url),
    async untilReadiness(isIt) {
      const began = performance.now();
      await eventually(async () => (isIt(await node.readiness()) ? true : undefined));
      return performance.now() - began;
    },
    async remove() {
      for (const launched of launches) {
        launched.signal('SIGKILL');
        await launched.ended;
      }
      await Promise.all([redis.close(), postgres.close()]);
      removeDataFolder(folder);
    },
  };
  return node;
}

function startProxyTo(url: string): Promise<RedisProxy> {
  const { hostname, port } = new URL(url);
  return startRedisProxy({ host: hostname, port: Number(port) });
}

/** The same address, by way of the proxy. */
function through({ port }: RedisProxy, url: string): string {
  const way = new URL(url);
  way.port = String(port);
  return way.href;
}

async function readinessAt(url: string): Promise<{ code: number; status: string } | undefined> {
  try {
    const response = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(3_000) });
    const { status } = (await response.json()) as { status: string };
    return { code: response.status, status };
  } catch {
    return undefined;
  }
}
