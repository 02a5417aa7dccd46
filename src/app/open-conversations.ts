import type { Config } from '../config.ts';
import type { Catalogue } from '../core/completions/catalogue.ts';
import type { CompletionsParts } from '../core/completions/completions.ts';
import { createConversations, type Conversations } from '../core/conversations/conversations.ts';
import type { DeskSettings } from '../core/desk/desk-settings.ts';
import { createHandoff } from '../core/handoff/create-handoff.ts';
import type { Handoff } from '../core/handoff/handoff.ts';
import type { IdempotentWrites } from '../core/idempotency.ts';
import type { Ground } from '../core/knowledge/grounding.ts';
import type { Log } from '../core/log.ts';
import { createFeed, type Feed } from '../core/realtime/feed.ts';
import { createStoreWatch, type StoreWatch } from '../core/realtime/store-watch.ts';
import type { Runtime } from '../core/runtime.ts';
import type { DayOf } from '../core/statistics/calendar.ts';
import { createTurns, type RunningTurns } from '../core/turns/turns.ts';
import { isShared } from '../storage/open-storage.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenConversationsParts {
  config: Pick<Config, 'limits' | 'conversations' | 'databaseUrl'>;
  storage: Storage;
  node: Pick<OpenedNode, 'bus' | 'nodes'>;
  completions: CompletionsParts;
  catalogue: Catalogue;
  idempotency: IdempotentWrites;
  ground: Ground;
  settings: () => DeskSettings;
  /** See `TurnsParts`. */
  onWaiting: (conversationId: number) => void;
  onFree: (agentId: number) => void;
  dayOf: DayOf;
  runtime: Runtime;
  log: Log;
}

/** Conversations, the turns that answer in them, and the feed of what changes. */
export interface OpenedConversations {
  conversations: Conversations;
  turns: RunningTurns;
  handoff: Handoff;
  feed: Feed;
  /** Tells those who watch of what other nodes have stored. */
  storeWatch: StoreWatch;
  /** Forgets changes that nobody can come back for any more. */
  tidyFeed(): Promise<void>;
}

/** Conversations over the store. */
export function openConversations(parts: OpenConversationsParts): OpenedConversations {
  const { config, storage, completions, catalogue, idempotency, ground, dayOf, runtime, log } = parts;
  const { messages } = storage;
  const { idleMs } = config.conversations;
  const conversationsPerUser = config.limits.assistant.sessionsPerUser;
  const { bus, nodes } = parts.node;
  const feed = createFeed({ rows: storage.feed, messages, bus });
  const storeWatch = createStoreWatch({ rows: storage.feed, bus, log });
  const turns = createTurns({
    rows: storage.turns,
    posts: storage.posts,
    ownership: storage.ownership,
    calls: storage.apiCalls,
    conversations: storage.conversations,
    messages,
    completions,
    ground,
    catalogue,
    idempotency,
    feed,
    bus,
    nodes,
    shared: isShared(config.databaseUrl),
    dayOf,
    runtime,
    log,
    atOnce: config.limits.turnsAtOnce,
    conversationsPerUser,
    idleMs,
    settings: parts.settings,
    onWaiting: parts.onWaiting,
    onFree: parts.onFree,
  });
  const conversations = createConversations({
    conversations: storage.conversations,
    messages,
    feed: storage.feed,
    idempotency,
    idleMs,
    conversationsPerUser,
    runtime,
    dayOf,
    wake: feed.wake,
    textOf: turns.textOf,
    catalogue,
    defaultModel: completions.defaultModel,
    stopTurnsOf: turns.stopOf,
    stopTurns: async (id) => void (await turns.stopAll(id)),
  });
  const { defaultModel } = completions;
  const handoff = createHandoff({ ...storage, turns, idempotency, feed, dayOf, runtime, defaultModel });
  const tidyFeed = async () => {
    const before = runtime.now() - config.conversations.feedRetentionMs;
    while ((await storage.feed.removeBefore(before)) > 0);
  };
  return { conversations, turns, handoff, feed, storeWatch, tidyFeed };
}
