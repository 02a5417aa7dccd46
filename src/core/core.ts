import type { AuditLog } from './audit.ts';
import type { ResponseCache } from './completions/cache/response-cache.ts';
import type { Catalogue, Model } from './completions/catalogue.ts';
import { complete } from './completions/complete.ts';
import type {
  Completion,
  CompletionEvent,
  CompletionInput,
  CompletionsParts,
} from './completions/completions.ts';
import { embed, type Embedded, type EmbeddingInput, type EmbeddingsParts } from './completions/embeddings.ts';
import { stream } from './completions/stream.ts';
import { warm, type WarmInput, type WarmReport } from './completions/warm.ts';
import type { WarmingOrder } from './completions/warming-order.ts';
import type { Conversations } from './conversations/conversations.ts';
import type { Search } from './desk/search.ts';
import type { StaffCore } from './desk/staff-core.ts';
import type { Handoff } from './handoff/handoff.ts';
import type { Accounts } from './identity/accounts.ts';
import type { Administration } from './identity/administration.ts';
import type { ApiKeys } from './identity/api-keys.ts';
import type { Caller } from './identity/caller.ts';
import type { Articles } from './knowledge/articles.ts';
import type { Maintenance } from './maintenance.ts';
import type { Budgets } from './money/budgets.ts';
import type { Feed } from './realtime/feed.ts';
import type { CallHistory } from './statistics/call-history.ts';
import type { ChatStatistics } from './statistics/chat-statistics.ts';
import type { ConversationStatistics } from './statistics/conversation-statistics.ts';
import type { Turns } from './turns/turn.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

/** A model and whether it can answer at present. */
export interface OfferedModel extends Model {
  available: boolean;
}

/**
 * Everything that Parley does, once; contracts decode, call it, and encode. Each function takes who asks and what, and
 * an `AbortSignal` where work can be given up; failures are `ParleyError`.
 */
export interface Core extends StaffCore {
  completions: {
    complete(caller: Caller, input: CompletionInput, signal: AbortSignal): Promise<Completion>;
    stream(caller: Caller, input: CompletionInput, signal: AbortSignal): AsyncGenerator<CompletionEvent[]>;
  };
  embeddings: {
    embed(caller: Caller, input: EmbeddingInput, signal: AbortSignal): Promise<Embedded>;
  };
  models: {
    list(): OfferedModel[];
    get(id: string): OfferedModel | undefined;
  };
  cache: Pick<ResponseCache, 'clear'> & {
    /** Counted over all nodes. */
    stats: ResponseCache['statsOfNodes'];
    warm(caller: Caller, input: WarmInput, signal: AbortSignal): Promise<WarmReport>;
  };
  apiKeys: ApiKeys;
  budgets: Pick<Budgets, 'view'>;
  accounts: Accounts;
  administration: Administration;
  conversations: Conversations;
  articles: Articles;
  turns: Turns;
  handoff: Handoff;
  feed: Pick<Feed, 'head' | 'watch'>;
  statistics: ChatStatistics & { conversations: ConversationStatistics };
  callHistory: CallHistory;
  maintenance: Pick<Maintenance, 'get' | 'set' | 'check'>;
  auditLog: AuditLog;
  webhooks: Webhooks;
  search: Search;
}

export interface CoreParts {
  staff: StaffCore;
  completions: CompletionsParts;
  embeddings: EmbeddingsParts;
  catalogue: Catalogue;
  cache: ResponseCache;
  promptSets: Record<string, string[]>;
  warmingOrder: WarmingOrder;
  apiKeys: ApiKeys;
  budgets: Pick<Budgets, 'view'>;
  accounts: Accounts;
  administration: Administration;
  conversations: Conversations;
  articles: Articles;
  turns: Turns;
  handoff: Handoff;
  feed: Feed;
  statistics: ChatStatistics & { conversations: ConversationStatistics };
  callHistory: CallHistory;
  maintenance: Pick<Maintenance, 'get' | 'set' | 'check'>;
  auditLog: AuditLog;
  webhooks: Webhooks;
  search: Search;
}

export function createCore(parts: CoreParts): Core {
  const { staff, completions, embeddings, catalogue, cache, promptSets, warmingOrder, ...asTheyAre } = parts;
  const offered = (model: Model): OfferedModel => ({
    ...model,
    available: completions.router.isAvailable(model),
  });
  return {
    ...asTheyAre,
    ...staff,
    completions: {
      complete: (caller, input, signal) => complete(completions, caller, input, signal),
      stream: (caller, input, signal) => stream(completions, caller, input, signal),
    },
    embeddings: {
      embed: (caller, input, signal) => embed(embeddings, caller, input, signal),
    },
    models: {
      list: () => catalogue.list().map(offered),
      get(id) {
        const model = catalogue.get(id);
        return model && offered(model);
      },
    },
    cache: {
      stats: cache.statsOfNodes,
      clear: cache.clear,
      warm: (caller, input, signal) =>
        warm({ completions, promptSets, inOrder: warmingOrder }, caller, input, signal),
    },
  };
}
