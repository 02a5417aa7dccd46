import type { Config } from '../config.ts';
import { createAuditLog } from '../core/audit.ts';
import type { Catalogue } from '../core/completions/catalogue.ts';
import type { ProviderSlot } from '../core/completions/router.ts';
import { createCore } from '../core/core.ts';
import { createSearch } from '../core/desk/search.ts';
import type { Handoff } from '../core/handoff/handoff.ts';
import { createIdempotency, type IdempotentWrites } from '../core/idempotency.ts';
import { createApiKeys } from '../core/identity/api-keys.ts';
import { createAdministration } from '../core/identity/administration.ts';
import type { Passwords } from '../core/identity/passwords.ts';
import { createArticles } from '../core/knowledge/articles.ts';
import { createGround } from '../core/knowledge/grounding.ts';
import type { Log } from '../core/log.ts';
import type { Budgets } from '../core/money/budgets.ts';
import type { Signals } from '../core/realtime/signals.ts';
import type { Runtime } from '../core/runtime.ts';
import { createDayOf, type DayOf } from '../core/statistics/calendar.ts';
import { createCallHistory } from '../core/statistics/call-history.ts';
import { createChatStatistics } from '../core/statistics/chat-statistics.ts';
import { createConversationStatistics } from '../core/statistics/conversation-statistics.ts';
import type { RunningTurns } from '../core/turns/turns.ts';
import type { Metrics } from '../http/metrics.ts';
import type { Storage } from '../storage/storage.ts';
import { openAccounts } from './open-accounts.ts';
import { openCompletions } from './open-completions.ts';
import { openConversations } from './open-conversations.ts';
import type { OpenedNode } from './open-node.ts';
import { openDesk, openDeskSettings } from './open-desk.ts';
import type { OpenedKnowledge } from './open-knowledge.ts';
import { openMaintenance } from './open-maintenance.ts';
import { openMoney } from './open-money.ts';
import { openWebhooks, type OpenWebhooksParts } from './open-webhooks.ts';

export interface OpenCoreParts {
  config: Config;
  log: Log;
  runtime: Runtime;
  storage: Storage;
  node: OpenedNode;
  passwords: Passwords;
  catalogue: Catalogue;
  slots: Map<string, ProviderSlot>;
  metrics: Metrics;
  knowledge: Pick<OpenedKnowledge, 'knowledge' | 'articleFeed' | 'onArticlesChanged'>;
  presentEvent: OpenWebhooksParts['presentEvent'];
}

/** Core over the store and the providers, and those of its parts that the process starts, tends and ends. */
export async function openCore(given: OpenCoreParts) {
  const { config, storage, runtime, catalogue } = given;
  const dayOf = createDayOf(config.timeZone);
  const { budgets, ledger } = openMoney({ ...given, dayOf });
  const parts = { ...given, budgets };
  const { completions, embeddings, cache, warmingOrder, defaultModel } = openCompletions({ ...parts, dayOf });
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const auditLog = createAuditLog({ rows: storage.auditLog, runtime });
  const ground = createGround(parts.knowledge.knowledge);
  const base = { ...parts, dayOf, completions, idempotency, auditLog, ground };
  const settings = await openDeskSettings(base);
  let look = () => {};
  const opened = openConversations({
    ...base,
    settings: settings.get,
    onWaiting: () => look(),
    onFree: () => look(),
  });
  const { feed } = opened;
  const desk = openDesk({ ...base, settings, feed, textOf: opened.turns.textOf });
  look = desk.look;
  holdWhileTyping(desk.staff.signals, opened.turns);
  const { webhooks, dispatcher } = openWebhooks({ ...base, feed, present: desk.staff.desk.present });
  const { maintenance, watch } = await openMaintenance(base);
  const people = openPeople(base, opened.handoff);
  const search = createSearch({ rows: storage.messageSearch, ...storage, runtime });
  const core = createCore({
    ...opened,
    ...people,
    staff: desk.staff,
    articles: articlesOver(parts, idempotency),
    search,
    maintenance,
    auditLog,
    webhooks,
    ...openStatistics(base),
    completions,
    embeddings,
    catalogue,
    cache,
    warmingOrder,
    promptSets: config.promptSets,
    budgets,
  });
  return {
    core,
    search,
    cache,
    apiKeys: people.apiKeys,
    ledger,
    defaultModel,
    idempotency,
    maintenanceWatch: watch,
    deskWatch: desk.watch,
    presence: desk.presence,
    dispatcher,
    ...opened,
  };
}

/** Whoever types may do so on another node than the one that gathers what is asked. */
function holdWhileTyping(signals: Signals, turns: Pick<RunningTurns, 'hold'>): void {
  signals.subscribe('everyone', ({ from, isTyping, conversationId }) => {
    if (from.kind === 'customer' && isTyping) turns.hold(conversationId);
  });
}

/** Accounts and API keys, and what administrators do with them. */
function openPeople(
  parts: OpenCoreParts & { idempotency: IdempotentWrites; budgets: Pick<Budgets, 'forget'> },
  handoff: Pick<Handoff, 'releaseAll'>,
) {
  const accounts = openAccounts(parts);
  const administration = createAdministration({
    ...parts,
    users: parts.storage.users,
    registry: accounts,
    onChanged() {
      accounts.forgetBeliefs();
      parts.budgets.forget();
    },
    releaseAll: (agentId) => handoff.releaseAll(agentId),
  });
  const { storage, node, idempotency, runtime, budgets } = parts;
  const { apiKeys: rows } = storage;
  const apiKeys = createApiKeys({ rows, idempotency, bus: node.bus, runtime, onCreated: budgets.forget });
  return { accounts, administration, apiKeys };
}

function openStatistics({
  storage,
  dayOf,
  runtime,
}: Pick<OpenCoreParts, 'storage' | 'runtime'> & { dayOf: DayOf }) {
  const totals = storage.chatTotals;
  return {
    statistics: {
      ...createChatStatistics({ totals, dayOf, runtime }),
      conversations: createConversationStatistics({ totals }),
    },
    callHistory: createCallHistory({ calls: storage.apiCalls }),
  };
}

function articlesOver({ storage, knowledge, runtime }: OpenCoreParts, idempotency: IdempotentWrites) {
  const { knowledge: index, articleFeed, onArticlesChanged } = knowledge;
  return createArticles({
    rows: storage.articles,
    feed: articleFeed,
    knowledge: index,
    idempotency,
    runtime,
    onChanged: onArticlesChanged,
  });
}
