import type { Config } from '../config.ts';
import { createCacheEmbed, embedderOf } from '../core/completions/cache/cache-embed.ts';
import { createResponseCache } from '../core/completions/cache/response-cache.ts';
import type { Catalogue } from '../core/completions/catalogue.ts';
import { createMeter } from '../core/completions/meter.ts';
import { createRouter, defaultModelOf, type ProviderSlot } from '../core/completions/router.ts';
import { createWarmingOrder } from '../core/completions/warming-order.ts';
import type { Log } from '../core/log.ts';
import type { Budgets } from '../core/money/budgets.ts';
import type { Runtime } from '../core/runtime.ts';
import type { DayOf } from '../core/statistics/calendar.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenCompletionsParts {
  config: Pick<Config, 'fallback' | 'cache' | 'defaultModel'>;
  storage: Pick<Storage, 'apiCalls' | 'cacheEntries' | 'leases'>;
  catalogue: Catalogue;
  slots: Map<string, ProviderSlot>;
  metrics: Metrics;
  budgets: Budgets;
  node: Pick<OpenedNode, 'bus' | 'nodes'>;
  dayOf: DayOf;
  runtime: Runtime;
  log: Log;
}

/** What calls models: the router over the providers, the cache, the books. */
export function openCompletions(parts: OpenCompletionsParts) {
  const { config, storage, catalogue, slots, metrics, budgets, node, dayOf, runtime, log } = parts;
  const { fallback } = config;
  const { bus, nodes } = node;
  const meter = createMeter({ apiCalls: storage.apiCalls, runtime, dayOf, observer: metrics, log });
  const router = createRouter({ catalogue, slots, fallback, runtime, observer: metrics, log });
  const embeddings = { catalogue, router, slots, meter, budgets, runtime, fallbackEnabled: fallback.enabled };
  const cache = createResponseCache({
    entries: storage.cacheEntries,
    bus,
    node: nodes.id,
    runtime,
    log,
    ...config.cache,
    embed: createCacheEmbed(embeddings, config.cache.embeddingModel),
    embedder: embedderOf(config.cache.embeddingModel),
  });
  const { leases } = storage;
  const warmingOrder = createWarmingOrder({ leases, bus, node: nodes.id, cache, runtime, log });
  metrics.watchCache(cache.stats);
  const defaultModel = () => config.defaultModel ?? defaultModelOf(catalogue, slots);
  const completions = {
    router,
    cache,
    meter,
    budgets,
    runtime,
    log,
    defaultModel,
    cacheScope: config.cache.scope,
  };
  return { completions, embeddings, cache, warmingOrder, defaultModel };
}
