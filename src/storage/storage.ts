import { createAgents } from './agents.ts';
import type { Agents } from './agents.ts';
import { createApiCalls } from './api-calls.ts';
import type { ApiCalls } from './api-calls.ts';
import { createApiKeys } from './api-keys.ts';
import type { ApiKeys } from './api-keys.ts';
import { createArticles } from './articles.ts';
import type { Articles } from './articles.ts';
import { createAuditLog } from './audit-log.ts';
import type { AuditLog } from './audit-log.ts';
import { createBudgetRows } from './budgets.ts';
import type { BudgetRows } from './budgets.ts';
import { createCacheEntries } from './cache-entries.ts';
import type { CacheEntries } from './cache-entries.ts';
import { createCannedReplies } from './canned-replies.ts';
import type { CannedReplies } from './canned-replies.ts';
import { createChatTotals } from './chat-totals.ts';
import type { ChatTotalsReader } from './chat-totals.ts';
import { createClock } from './clock.ts';
import { createConversations } from './conversations.ts';
import type { Conversations } from './conversations.ts';
import { createCustomers } from './customers.ts';
import type { Customers } from './customers.ts';
import { ensureDatabaseFile } from './database-file.ts';
import type { Database, DatabaseStats } from './database.ts';
import { createDeskDetails } from './desk-details.ts';
import type { DeskDetails } from './desk-details.ts';
import { createDeskLists } from './desk-lists.ts';
import type { DeskLists } from './desk-lists.ts';
import { createSqliteQueries } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { createFeed } from './feed.ts';
import type { Feed } from './feed.ts';
import { createIdempotencyKeys } from './idempotency-keys.ts';
import type { IdempotencyKeys } from './idempotency-keys.ts';
import { readSqliteIds } from './ids.ts';
import type { Ids } from './ids.ts';
import { createLeases } from './leases.ts';
import type { Leases } from './leases.ts';
import { createLogins } from './logins.ts';
import type { Logins } from './logins.ts';
import { createMessageSearch } from './message-search.ts';
import type { MessageSearch } from './message-search.ts';
import { createMessages } from './messages.ts';
import type { Messages } from './messages.ts';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import { createNotes } from './notes.ts';
import type { Notes } from './notes.ts';
import { createOwnership } from './ownership.ts';
import type { Ownership } from './ownership.ts';
import { createPosts } from './posts.ts';
import type { Posts } from './posts.ts';
import { createReadinessCheck } from './readiness.ts';
import { createReservations } from './reservations.ts';
import type { Reservations } from './reservations.ts';
import { createSettings } from './settings.ts';
import type { Settings } from './settings.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import type { StorageError } from './storage-error.ts';
import { createTurns } from './turns.ts';
import type { Turns } from './turns.ts';
import { createUsers } from './users.ts';
import type { Users } from './users.ts';
import { createWaitingLine } from './waiting-line.ts';
import type { WaitingLine } from './waiting-line.ts';
import { createWebhookDeliveries } from './webhook-deliveries.ts';
import type { WebhookDeliveries } from './webhook-deliveries.ts';
import { createWebhooks } from './webhooks.ts';
import type { Webhooks } from './webhooks.ts';

/** How to open the store. */
export interface StorageOptions {
  /** The database file; it and its folder are made where missing, readable by their owner only. */
  path: string;
  /** Units waiting to be written at most (default 200,000); more are refused with `overloaded`. */
  maxPendingUnits?: number;
  /** Called once if the writer dies; from then on every write rejects with `unavailable`. */
  onFatal?: (error: StorageError) => void;
  /** Wall clock, milliseconds since the epoch. */
  now?: () => number;
}

/** Everything that is stored. Failures are `StorageError`s; a write is durable when its promise resolves. */
export interface Storage {
  apiCalls: ApiCalls;
  apiKeys: ApiKeys;
  budgets: BudgetRows;
  reservations: Reservations;
  users: Users;
  logins: Logins;
  cacheEntries: CacheEntries;
  settings: Settings;
  conversations: Conversations;
  messages: Messages;
  turns: Turns;
  posts: Posts;
  ownership: Ownership;
  feed: Feed;
  chatTotals: ChatTotalsReader;
  idempotencyKeys: IdempotencyKeys;
  auditLog: AuditLog;
  articles: Articles;
  webhooks: Webhooks;
  webhookDeliveries: WebhookDeliveries;
  notes: Notes;
  cannedReplies: CannedReplies;
  agents: Agents;
  waitingLine: WaitingLine;
  deskDetails: DeskDetails;
  customers: Customers;
  deskLists: DeskLists;
  messageSearch: MessageSearch;
  leases: Leases;
  /** The store's clock, milliseconds since the epoch. */
  now(): Promise<number>;
  /** Proves that the store takes a write and gives it back. */
  check(): Promise<void>;
  /** Resolves when every write begun before this call has settled. */
  flush(): Promise<void>;
  /** Settles what is queued, then closes. Safe to repeat. */
  close(): Promise<void>;
  /** Counters since the store was opened. */
  stats(): DatabaseStats;
}

/** Opens the SQLite store at `path` and brings its schema up to date. Rejects with `StorageError`. */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { path, maxPendingUnits, onFatal, now = Date.now } = options;
  ensureDatabaseFile(path);
  migrate({ path, migrations, now });
  const database = await openSqliteDatabase({ path, maxPendingUnits, onFatal });
  try {
    const queries = createSqliteQueries();
    return createStorage(database, queries, await readSqliteIds(database, queries));
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The nouns over a database whose schema is up to date. */
export function createStorage(database: Database, queries: Queries, ids: Ids): Storage {
  return {
    apiCalls: createApiCalls(database, queries),
    apiKeys: createApiKeys(database, queries),
    budgets: createBudgetRows(database, queries),
    reservations: createReservations(database, queries),
    users: createUsers(database, queries),
    logins: createLogins(database, queries),
    cacheEntries: createCacheEntries(database, queries),
    settings: createSettings(database, queries),
    conversations: createConversations(database, queries, ids),
    messages: createMessages(database, queries, ids),
    turns: createTurns(database, queries, ids),
    posts: createPosts(database, queries, ids),
    ownership: createOwnership(database, queries),
    feed: createFeed(database, queries),
    chatTotals: createChatTotals(database, queries),
    idempotencyKeys: createIdempotencyKeys(database, queries),
    auditLog: createAuditLog(database, queries),
    articles: createArticles(database, queries, ids),
    webhooks: createWebhooks(database, queries),
    webhookDeliveries: createWebhookDeliveries(database, queries),
    notes: createNotes(database, queries, ids),
    cannedReplies: createCannedReplies(database, queries, ids),
    agents: createAgents(database, queries),
    waitingLine: createWaitingLine(database, queries),
    deskDetails: createDeskDetails(database, queries),
    customers: createCustomers(database, queries),
    deskLists: createDeskLists(database, queries),
    messageSearch: createMessageSearch(database, queries),
    leases: createLeases(database, queries),
    now: createClock(database, queries),
    check: createReadinessCheck(database, queries),
    flush: () => database.flush(),
    close: () => database.close(),
    stats: () => database.stats(),
  };
}
