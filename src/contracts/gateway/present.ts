import type { CacheStats } from '../../core/completions/cache/response-cache.ts';
import type { Completion } from '../../core/completions/completions.ts';
import { priceFor } from '../../core/completions/prices.ts';
import type { Usage } from '../../core/completions/provider.ts';
import type { WarmReport } from '../../core/completions/warm.ts';
import type { OfferedModel } from '../../core/core.ts';
import type { PageQuery } from './schemas.ts';

export function presentUsage({ promptTokens, completionTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

export function presentCompletion({ text, model, cache, usage }: Completion, requestId: string, now: number) {
  return {
    response: text,
    model,
    request_id: requestId,
    timestamp: new Date(now).toISOString(),
    cached: cache.status === 'HIT',
    cache_key: cache.key ?? '',
    similarity_score: cache.similarity,
    usage: presentUsage(usage),
  };
}

/** `cost_per_token` is the price of 1,000 tokens: the document's example has gpt-4 at 0.03 and 0.06. */
export function presentModel(model: OfferedModel, now: number) {
  const price = priceFor(model.prices, 0, now);
  return {
    id: model.id,
    name: model.name,
    provider: model.provider,
    context_length: model.contextLength,
    description: model.description,
    capabilities: model.capabilities,
    available: model.available,
    cost_per_token:
      price === null
        ? null
        : {
            input: perThousand(price.input),
            output: perThousand(price.output),
            currency: price.currency,
            unit: '1000 tokens',
          },
  };
}

/** From a price per million; rounded so that no binary fraction shows. */
function perThousand(perMillion: number): number {
  return Number((perMillion / 1000).toPrecision(12));
}

/** gateway.md, "Pagination". */
export function presentPage<T>(all: T[], { page = 1, limit = 20 }: PageQuery) {
  const pages = Math.ceil(all.length / limit);
  return {
    data: all.slice((page - 1) * limit, page * limit),
    pagination: { page, limit, total: all.length, pages, has_next: page < pages, has_prev: page > 1 },
  };
}

export function presentCacheStats(stats: CacheStats) {
  const total = stats.hits + stats.misses;
  return {
    hits: stats.hits,
    misses: stats.misses,
    hit_rate: total === 0 ? 0 : round(stats.hits / total, 3),
    total_requests: total,
    cache_size_bytes: stats.bytes,
    cache_size_human: humanBytes(stats.bytes),
    entries: stats.entries,
    avg_response_time_ms: round(stats.meanResponseMs, 1),
    memory_usage_percent: round((100 * stats.bytes) / stats.maxBytes, 1),
    evictions: stats.evictions,
    last_eviction: stats.lastEvictionAt === null ? null : new Date(stats.lastEvictionAt).toISOString(),
  };
}

export function presentWarmReport({ warmed, skipped, failed, entries }: WarmReport) {
  return {
    warmed,
    skipped,
    failed,
    entries: entries.map(({ model, prompt, cacheKey }) => ({ model, prompt, cache_key: cacheKey })),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function humanBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(1)} ${units[unit]}`;
}
