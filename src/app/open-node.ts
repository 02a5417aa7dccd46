import type { Config } from '../config.ts';
import type { CircuitLink } from '../core/completions/circuit-link.ts';
import type { Limits } from '../core/limits/limits.ts';
import { createMemoryLimits, createNoLimits } from '../core/limits/memory-limits.ts';
import { createMemorySeats } from '../core/limits/memory-seats.ts';
import type { Seats } from '../core/limits/seats.ts';
import type { Log } from '../core/log.ts';
import { createNodes, type Nodes } from '../core/nodes/nodes.ts';
import { createMemoryBus, type Bus } from '../core/realtime/bus.ts';
import type { Runtime } from '../core/runtime.ts';
import { createRedisBus } from '../redis/bus.ts';
import { createCircuitLinks } from '../redis/circuits.ts';
import { createRedis, type Redis } from '../redis/connection.ts';
import { createRedisLimits } from '../redis/limits.ts';
import { createRedisSeats } from '../redis/seats.ts';

/** What joins this process to others, or stands in for them where it is alone. */
export interface OpenedNode {
  bus: Bus;
  nodes: Nodes;
  /** Of requests. */
  limits: Limits;
  /** Of failed logins: counted whether rate limits are on or off, which are turned off for load, not for guessing. */
  loginLimits: Limits;
  /** Of open sockets. */
  seats: Seats;
  /** Joins a provider's circuit to those of the other nodes; undefined where there are none. */
  circuitOf: ((provider: string) => CircuitLink) | undefined;
  close(): Promise<void>;
}

interface OpenNodeParts {
  config: Pick<Config, 'rateLimits' | 'redisUrl' | 'redisPrefix'>;
  runtime: Runtime;
  log: Log;
}

/** How long a start waits for Redis; without it the node begins on its own, and joins later. */
const patienceMs = 2_000;

/** Joins the nodes that share a Redis; without one, this process is alone. */
export async function openNode(parts: OpenNodeParts): Promise<OpenedNode> {
  const { config, runtime, log } = parts;
  const id = runtime.token(12);
  const onError = (err: unknown) => log.error({ err }, 'a message between nodes could not be passed on');
  if (config.redisUrl === null) return joinedBy(parts, id, alone(onError));
  const redis = createRedis({ url: config.redisUrl, prefix: config.redisPrefix, log, runtime });
  await redis.isUpWithin(patienceMs);
  return joinedBy(parts, id, over({ redis, id, runtime, onError }));
}

type Joint = Pick<OpenedNode, 'bus' | 'seats' | 'circuitOf' | 'close'> & { counted: () => Limits };

function alone(onError: (thrown: unknown) => void): Joint {
  const bus = createMemoryBus({ onError });
  const counted = createMemoryLimits;
  return { bus, seats: createMemorySeats(), circuitOf: undefined, counted, close: () => bus.close() };
}

function over(parts: {
  redis: Redis;
  id: string;
  runtime: Runtime;
  onError: (thrown: unknown) => void;
}): Joint {
  const { redis, id: nodeId, runtime, onError } = parts;
  const bus = createRedisBus({ redis, nodeId, runtime, onError });
  const seats = createRedisSeats({ redis, nodeId, runtime, fallback: createMemorySeats() });
  return {
    bus,
    seats,
    circuitOf: createCircuitLinks({ bus, redis, nodeId }),
    counted: () => createRedisLimits({ redis, fallback: createMemoryLimits() }),
    async close() {
      await seats.close();
      await bus.close();
      await redis.close();
    },
  };
}

function joinedBy({ config, runtime, log }: OpenNodeParts, id: string, joint: Joint): OpenedNode {
  const { counted, ...joined } = joint;
  const { bus } = joined;
  const onError = (err: unknown) => log.error({ err }, 'a request of another node could not be answered');
  return {
    ...joined,
    nodes: createNodes({ id, bus, runtime, onError }),
    limits: config.rateLimits ? counted() : createNoLimits(),
    loginLimits: counted(),
  };
}
