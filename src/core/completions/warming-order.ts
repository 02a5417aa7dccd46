import type { Leases } from '../../storage/leases.ts';
import type { OwnerKey } from '../identity/caller.ts';
import type { Log } from '../log.ts';
import { createLease } from '../nodes/lease.ts';
import type { Bus } from '../realtime/bus.ts';
import type { Runtime } from '../runtime.ts';
import type { ResponseCache } from './cache/response-cache.ts';

/**
 * Lets the nodes warm an owner's cache one after the other, so that the next finds what the one before has asked for. Who had to wait
 * too long, or is given up, does it all the same.
 */
export type WarmingOrder = <T>(owner: OwnerKey, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/** So long one waits for the others at most. */
const patienceMs = 60_000;

export function createWarmingOrder(parts: {
  leases: Leases;
  bus: Pick<Bus, 'state'>;
  /** Names this node. */
  node: string;
  cache: Pick<ResponseCache, 'settled'>;
  runtime: Pick<Runtime, 'now' | 'elapsed' | 'sleep' | 'token'>;
  log: Log;
}): WarmingOrder {
  const { leases, bus, node, cache, runtime, log } = parts;
  return async (owner, signal, work) => {
    if (bus.state() === 'alone') return work();
    const held = Promise.withResolvers<void>();
    const patience = new AbortController();
    const lease = createLease({
      rows: leases,
      name: `cache-warming:${owner}`,
      // Two requests of one node wait for each other too.
      node: `${node}:${runtime.token(6)}`,
      runtime,
      log,
      onHeld: held.resolve,
      onLost: () => {},
    });
    lease.start();
    try {
      const waiting = AbortSignal.any([signal, patience.signal]);
      await Promise.race([held.promise, runtime.sleep(patienceMs, waiting).catch(() => {})]);
      patience.abort();
      await cache.settled();
      return await work();
    } finally {
      await cache.settled();
      await lease.stop();
    }
  };
}
