import type { Config } from '../config.ts';
import { createAuditLog } from '../core/audit.ts';
import { createResponseCache } from '../core/completions/cache/response-cache.ts';
import { createCacheEmbed, embedderOf } from '../core/completions/cache/cache-embed.ts';
import type { Catalogue } from '../core/completions/catalogue.ts';
import { createMeter } from '../core/completions/meter.ts';
import { createRouter, defaultModelOf, type ProviderSlot } from '../core/completions/router.ts';
import { createCore } from '../core/core.ts';
import { createSearch } from '../core/desk/search.ts';
import { createIdempotency, type IdempotentWrites } from '../core/idempotency.ts';
import { createApiKeys } from '../core/identity/api-keys.ts';
import { createAdministration } from '../core/identity/administration.ts';
import type { Passwords } from '../core/identity/passwords.ts';
import { createArticles } from '../core/knowledge/articles.ts';
import { createGround } from '../core/knowledge/grounding.ts';
import type { Log } from '../core/log.ts';
import type { Runtime } from '../core/runtime.ts';
import { createDayOf } from '../core/statistics/calendar.ts';
import { createChatStatistics } from '../core/statistics/chat-statistics.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Storage } from '../storage/storage.ts';
import { openAccounts } from './open-accounts.ts';
import { openConversations } from './open-conversations.ts';
import { openDesk, openDeskSettings } from './open-desk.ts';
import type { OpenedKnowledge } from './open-knowledge.ts';
import { openMaintenance } from './open-maintenance.ts';
import { openWebhooks } from './open-webhooks.ts';

export interface OpenCoreParts {
  config: Config;
  log: Log;
  runtime: Runtime;
  storage: Storage;
  passwords: Passwords;
  catalogue: Catalogue;
  slots: Map<string, ProviderSlot>;
  metrics: Metrics;
  knowledge: Pick<OpenedKnowledge, 'knowledge' | 'articleFeed'>;
}

/** Core over the store and the providers, and those of its parts that the process starts, tends and ends. */
export async function openCore(parts: OpenCoreParts) {
  const { config, log, runtime, storage, passwords, catalogue, slots, metrics } = parts;
  const { fallback } = config;
  const dayOf = createDayOf(config.timeZone);
  const meter = createMeter({
    apiCalls: storage.apiCalls,
    runtime,
    dayOf,
    observer: metrics,
    log,
  });
  const router = createRouter({ catalogue, slots, fallback, runtime, observer: metrics, log });
  const embeddings = { catalogue, router, slots, meter, runtime, fallbackEnabled: fallback.enabled };
  const cache = createResponseCache({
    entries: storage.cacheEntries,
    runtime,
    log,
    ...config.cache,
    embed: createCacheEmbed(embeddings, config.cache.embeddingModel),
    embedder: embedderOf(config.cache.embeddingModel),
  });
  metrics.watchCache(cache.stats);
  const defaultModel = () => config.defaultModel ?? defaultModelOf(catalogue, slots);
  const completions = { router, cache, meter, runtime, log, defaultModel, cacheScope: config.cache.scope };
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const apiKeys = createApiKeys({ rows: storage.apiKeys, idempotency, runtime });
  const ground = createGround(parts.knowledge.knowledge);
  const settings = await openDeskSettings({ storage, catalogue, idempotency, runtime });
  let look = () => {};
  const opened = openConversations({
    config,
    storage,
    completions,
    catalogue,
    idempotency,
    ground,
    settings: settings.get,
    onWaiting: () => look(),
    onFree: () => look(),
    dayOf,
    runtime,
    log,
  });
  const { maintenance, watch } = await openMaintenance({ storage, runtime, log });
  const { messageSearch, messages, conversations, customers } = storage;
  const search = createSearch({ rows: messageSearch, messages, conversations, customers, runtime });
  const accounts = openAccounts({ config, storage, passwords, runtime });
  const administration = createAdministration({
    users: storage.users,
    passwords,
    registry: accounts,
    idempotency,
    runtime,
    onChanged: accounts.forgetBeliefs,
    releaseAll: (agentId) => opened.handoff.releaseAll(agentId),
  });
  const auditLog = createAuditLog({ rows: storage.auditLog, runtime });
  const desk = openDesk({
    storage,
    completions,
    settings,
    auditLog,
    idempotency,
    feed: opened.feed,
    ground,
    textOf: opened.turns.textOf,
    dayOf,
    runtime,
    log,
  });
  look = desk.look;
  const { webhooks, dispatcher } = openWebhooks({
    config,
    storage,
    feed: opened.feed,
    present: desk.staff.desk.present,
    auditLog,
    idempotency,
    runtime,
    log,
  });
  const core = createCore({
    ...opened,
    staff: desk.staff,
    articles: articlesOver(parts, idempotency),
    search,
    maintenance,
    auditLog,
    webhooks,
    statistics: createChatStatistics({ totals: storage.chatTotals, dayOf, runtime }),
    completions,
    embeddings,
    catalogue,
    cache,
    promptSets: config.promptSets,
    apiKeys,
    accounts,
    administration,
  });
  return {
    core,
    search,
    cache,
    apiKeys,
    defaultModel,
    idempotency,
    maintenanceWatch: watch,
    deskWatch: desk.watch,
    dispatcher,
    ...opened,
  };
}

function articlesOver({ storage, knowledge, runtime }: OpenCoreParts, idempotency: IdempotentWrites) {
  const { knowledge: index, articleFeed } = knowledge;
  return createArticles({
    rows: storage.articles,
    feed: articleFeed,
    knowledge: index,
    idempotency,
    runtime,
  });
}
