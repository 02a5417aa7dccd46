import type { Log } from '../log.ts';
import type { Bus } from '../realtime/bus.ts';
import type { Catalogue } from './catalogue.ts';
import type { ProviderSlot } from './router.ts';

/** Asks providers which models they serve, now and every few minutes. What one node is told all know, so that they offer the same. */
export interface Discovery {
  /** Resolves when all were asked once; never rejects. */
  start(): Promise<void>;
  stop(): void;
}

const everyMs = 5 * 60_000;
const timeoutMs = 10_000;
const topic = 'models';

interface Offer {
  provider: string;
  ids: readonly string[];
}

export function createDiscovery(parts: {
  catalogue: Catalogue;
  slots: ReadonlyMap<string, ProviderSlot>;
  bus: Pick<Bus, 'publish' | 'subscribe'>;
  /** The providers to ask. */
  names: string[];
  log: Log;
}): Discovery {
  const { catalogue, slots, bus, names, log } = parts;
  let timer: NodeJS.Timeout | undefined;
  const unsubscribe = bus.subscribe(topic, (message) => {
    const { provider, ids } = message as Offer;
    if (names.includes(provider)) catalogue.discover(provider, ids);
  });

  const ask = async (name: string) => {
    try {
      const ids = await slots.get(name)?.provider.listModels?.(AbortSignal.timeout(timeoutMs));
      if (ids !== undefined) bus.publish(topic, { provider: name, ids } satisfies Offer);
    } catch (err) {
      log.warn({ err, provider: name }, 'a provider did not say which models it serves');
    }
  };
  const askAll = async () => void (await Promise.all(names.map(ask)));

  return {
    start() {
      timer = setInterval(() => void askAll(), everyMs);
      timer.unref();
      return askAll();
    },
    stop() {
      clearInterval(timer);
      unsubscribe();
    },
  };
}
