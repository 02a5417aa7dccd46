import type { CircuitLink, CircuitNews } from '../core/completions/circuit-link.ts';
import type { Bus } from '../core/realtime/bus.ts';
import type { Redis } from './connection.ts';

interface Message {
  from: string;
  news: CircuitNews;
}

/** Joins the circuits of the nodes that share a Redis, each by the name of its provider. While it is away, each node is by itself. */
export function createCircuitLinks(parts: {
  bus: Bus;
  redis: Redis;
  /** No two nodes have the same. */
  nodeId: string;
}): (provider: string) => CircuitLink {
  const { bus, redis, nodeId } = parts;
  return (provider) => {
    const topic = `circuit:${provider}`;
    const key = `${redis.prefix}probe:${provider}`;
    return {
      tell: (news) => bus.publish(topic, { from: nodeId, news } satisfies Message),
      onNews(listener) {
        bus.subscribe(topic, (message) => {
          const { from, news } = message as Message;
          if (from !== nodeId) listener(news);
        });
      },
      async claimProbe(forMs) {
        try {
          const ms = Math.max(1, Math.ceil(forMs));
          return (await redis.run((client) => client.set(key, nodeId, 'PX', ms, 'NX'))) === 'OK';
        } catch {
          return true;
        }
      },
    };
  };
}
