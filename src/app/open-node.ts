import type { Config } from '../config.ts';
import type { Limits } from '../core/limits/limits.ts';
import { createMemoryLimits, createNoLimits } from '../core/limits/memory-limits.ts';
import { createMemorySeats } from '../core/limits/memory-seats.ts';
import type { Seats } from '../core/limits/seats.ts';
import type { Log } from '../core/log.ts';
import { createNodes, type Nodes } from '../core/nodes/nodes.ts';
import { createMemoryBus, type Bus } from '../core/realtime/bus.ts';
import type { Runtime } from '../core/runtime.ts';

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
  close(): Promise<void>;
}

/** Joins the nodes that share a Redis; without one, this process is alone. */
export function openNode(parts: {
  config: Pick<Config, 'rateLimits'>;
  runtime: Runtime;
  log: Log;
}): OpenedNode {
  const { config, runtime, log } = parts;
  const bus = createMemoryBus({
    onError: (err) => log.error({ err }, 'somebody who watches could not be woken'),
  });
  const onError = (err: unknown) => log.error({ err }, 'a request of another node could not be answered');
  return {
    bus,
    nodes: createNodes({ id: runtime.token(12), bus, runtime, onError }),
    limits: config.rateLimits ? createMemoryLimits() : createNoLimits(),
    loginLimits: createMemoryLimits(),
    seats: createMemorySeats(),
    close: () => bus.close(),
  };
}
