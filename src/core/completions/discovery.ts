import type { Log } from '../log.ts';
import type { Catalogue } from './catalogue.ts';
import type { ProviderSlot } from './router.ts';

/** Asks providers which models they serve, now and every few minutes. */
export interface Discovery {
  /** Resolves when all were asked once; never rejects. */
  start(): Promise<void>;
  stop(): void;
}

const everyMs = 5 * 60_000;
const timeoutMs = 10_000;

export function createDiscovery(parts: {
  catalogue: Catalogue;
  slots: ReadonlyMap<string, ProviderSlot>;
  /** The providers to ask. */
  names: string[];
  log: Log;
}): Discovery {
  const { catalogue, slots, names, log } = parts;
  let timer: NodeJS.Timeout | undefined;

  const ask = async (name: string) => {
    try {
      const ids = await slots.get(name)?.provider.listModels?.(AbortSignal.timeout(timeoutMs));
      if (ids !== undefined) catalogue.discover(name, ids);
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
    stop: () => clearInterval(timer),
  };
}
