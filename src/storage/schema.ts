import type { Generated } from 'kysely';

/** How a model call ended. */
export type CallOutcome = 'success' | 'failure' | 'cancelled' | 'cache_hit';

/** 0 or 1. */
type Flag = number;

export interface UsersTable {
  id: Generated<number>;
  username: string;
  username_key: string;
  email: string;
  email_key: string;
  full_name: string;
  password_hash: string;
  role: string;
  status: string;
  created_at: number;
  updated_at: number;
  nickname: string | null;
  phone: string | null;
  avatar_url: string | null;
  last_login_at: number | null;
  budget: Generated<string | null>;
}

export interface LoginsTable {
  id: Generated<number>;
  user_id: number;
  contract: string;
  created_at: number;
  expires_at: number;
  refresh_hash: string;
  revoked_at: number | null;
  ip: string;
}

export interface ApiKeysTable {
  id: Generated<number>;
  name: string;
  prefix: string;
  hash: string;
  scopes: string;
  requests_per_minute: number | null;
  expires_at: number | null;
  created_at: number;
  revoked_at: number | null;
  last_used_at: number | null;
  budget: Generated<string | null>;
}

export interface ApiCallsTable {
  id: Generated<number>;
  at: number;
  day: string;
  contract: string;
  endpoint: string;
  owner: string;
  user_id: number | null;
  api_key_id: number | null;
  conversation_id: number | null;
  message_id: number | null;
  requested_model: string;
  model: string;
  provider: string;
  outcome: CallOutcome;
  status_code: number;
  error_code: string | null;
  prompt_tokens: number;
  completion_tokens: number;
  cached_prompt_tokens: number;
  estimated: Flag;
  cost_nano: number;
  currency: string;
  duration_ms: number;
  first_token_ms: number | null;
  attempts: number;
  streamed: Flag;
  client_ip: string;
  request_id: string;
}

export interface UsageDailyTable {
  day: string;
  contract: string;
  owner: string;
  user_id: number;
  api_key_id: number;
  model: string;
  outcome: CallOutcome;
  currency: string;
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_nano: number;
  duration_ms: number;
}

export interface OwnerUsageTable {
  owner: string;
  span: string;
  model: string;
  begins: string;
  currency: string;
  calls: number;
  prompt_tokens: number;
  completion_tokens: number;
  cost_nano: number;
  cache_hit_tokens: number;
}

export interface CacheEntriesTable {
  id: Generated<number>;
  exact_key: string;
  group_key: string;
  owner: string;
  model: string;
  bytes: number;
  created_at: number;
  expires_at: number;
  last_used_at: number;
  prompt: string;
  answer: string;
  embedding: Uint8Array | null;
  revision: Generated<number>;
}

export interface CacheRevisionTable {
  id: number;
  revision: number;
}

export interface CacheClearsTable {
  revision: number;
  pattern: string;
  expires_at: number;
}

export interface LeasesTable {
  name: string;
  node: string;
  lease_until: number;
}

export interface ReservationsTable {
  id: Generated<number>;
  owner: string;
  tokens: number;
  usd_nano: number;
  cny_nano: number;
  node: string;
  held_until: number;
}

export interface SettingsTable {
  key: string;
  value: string;
  updated_at: number;
}

export interface ReadinessTable {
  id: number;
  counter: number;
}

export interface ConversationsTable {
  id: number;
  key: string;
  user_id: number | null;
  user_place: number | null;
  channel: string;
  title: string;
  status: string;
  message_count: number;
  created_at: number;
  updated_at: number;
  last_message_at: number;
  delivered_place: Generated<number>;
  read_place: Generated<number>;
  agent_type: Generated<string>;
  assignee_id: Generated<number | null>;
  owner_fence: Generated<number>;
  priority: Generated<string>;
  tags: Generated<string>;
  customer_id: number;
  day: string;
  human: Generated<Flag>;
  waiting_since: Generated<number | null>;
  staff_delivered_place: Generated<number>;
  staff_read_place: Generated<number>;
  metadata: Generated<string | null>;
  model: Generated<string | null>;
  removed_messages: Generated<number>;
  system_prompt: string | null;
}

export interface MessagesTable {
  id: number;
  conversation_id: number;
  place: number;
  user_id: number | null;
  user_place: number | null;
  role: string;
  sender_type: string;
  state: string;
  receipt: string;
  created_at: number;
  tokens: number;
  exchange_tokens: number | null;
  estimated: Flag;
  question_id: number | null;
  model: string | null;
  finish_reason: string | null;
  error_code: string | null;
  error_text: string | null;
  content: string;
  sender_id: Generated<number | null>;
  citations: Generated<string | null>;
  parts: Generated<string | null>;
}

export interface MediaTable {
  id: number;
  message_id: number;
  bytes: number;
  url: string;
}

export interface CustomersTable {
  id: Generated<number>;
  key: string;
  user_id: number | null;
  guest_id: string | null;
  name: string;
  email: string | null;
  conversations: number;
  first_seen_at: number;
  last_seen_at: number;
}

export interface ConversationCountsTable {
  status: string;
  agent_type: string;
  priority: string;
  assignee_id: number;
  conversations: number;
}

export interface DeskDailyTable {
  day: string;
  begun: number;
  human: number;
  over: number;
  replies: number;
  reply_ms: number;
  ratings: number;
  scores: number;
}

export interface TurnsTable {
  id: number;
  conversation_id: number;
  question_id: number;
  user_id: number | null;
  state: string;
  node: string;
  fence: number;
  lease_until: number;
  began_at: number;
  origin: string;
}

export interface TurnLogTable {
  turn_id: number;
  start: number;
  delta: string | Uint8Array;
}

export interface FeedTable {
  cursor: Generated<number>;
  conversation_id: number;
  user_id: number | null;
  type: string;
  message_id: number | null;
  at: number;
  data: string | null;
}

export interface FeedForgottenTable {
  id: number;
  cursor: number;
}

export interface RatingsTable {
  conversation_id: number;
  user_id: number | null;
  channel: string;
  score: number;
  comment: string | null;
  day: string;
  created_at: number;
}

export interface UserCountersTable {
  user_id: number;
  conversations: number;
  last_conversation_place: number;
  messages: number;
  last_message_place: number;
  delivered_place: Generated<number>;
  read_place: Generated<number>;
}

export interface ChatDailyTable {
  user_id: number;
  day: string;
  channel: string;
  model: string;
  chats: number;
  messages: number;
  answers: number;
  response_ms: number;
  tokens: number;
  errors: number;
  ratings: number;
  satisfied: number;
}

export interface IdempotencyKeysTable {
  owner: string;
  key: string;
  fingerprint: string;
  result: string;
  expires_at: number;
}

export interface AuditLogTable {
  id: Generated<number>;
  at: number;
  actor_id: number;
  actor_name: string;
  ip: string;
  action: string;
  target_type: string;
  target_id: string | null;
  details: string | null;
}

export interface NotesTable {
  id: Generated<number>;
  conversation_id: number;
  author_id: number;
  created_at: number;
  content: string;
}

export interface CannedRepliesTable {
  id: Generated<number>;
  shortcut: string;
  shortcut_key: string;
  title: string;
  created_by: number;
  created_at: number;
  updated_at: number;
  content: string;
}

export interface AgentsTable {
  user_id: number;
  capacity: number | null;
  availability: Generated<string>;
  last_assigned_at: number | null;
}

export interface WebhooksTable {
  id: Generated<number>;
  url: string;
  description: string;
  events: string;
  enabled: Flag;
  disabled_reason: string | null;
  secret: string;
  old_secret: string | null;
  old_secret_until: number;
  cursor: number;
  created_by: number;
  created_at: number;
  updated_at: number;
  failing_since: number | null;
  last_at: number | null;
  last_status: number | null;
  last_error: string | null;
}

export interface WebhookDeliveriesTable {
  id: Generated<number>;
  webhook_id: number;
  event_id: string;
  type: string;
  conversation_id: number;
  state: string;
  attempts: number;
  next_at: number;
  status_code: number | null;
  error: string | null;
  created_at: number;
  ended_at: number | null;
  payload: string;
}

export interface ArticlesTable {
  id: number;
  name: string | null;
  title: string;
  language: string | null;
  tags: string;
  created_by: number;
  created_at: number;
  updated_at: number;
  revision: number;
  characters: number;
  search_text: string;
  content: string;
}

export interface ArticlesRevisionTable {
  id: number;
  revision: number;
}

export interface CustomerCountTable {
  id: number;
  customers: number;
}

export interface CustomerSearchTable {
  rowid: number;
  ends: string;
}

/** In SQLite only: what FTS5 says of the terms of `customer_search`. */
export interface CustomerSearchEndsTable {
  term: string;
  /** Customers who have it. */
  doc: number;
}

export interface CustomerChangesTable {
  id: Generated<number>;
  customer_id: number;
}

export interface MessageSearchTable {
  rowid: number;
  words: string;
}

export interface MessageSearchProgressTable {
  id: number;
  cursor: number;
  unread_id: number;
}

/** Every table, for Kysely. Times are milliseconds since the epoch, money is nano units of its currency. */
export interface Schema {
  users: UsersTable;
  logins: LoginsTable;
  api_keys: ApiKeysTable;
  api_calls: ApiCallsTable;
  usage_daily: UsageDailyTable;
  owner_usage: OwnerUsageTable;
  cache_entries: CacheEntriesTable;
  cache_revision: CacheRevisionTable;
  cache_clears: CacheClearsTable;
  settings: SettingsTable;
  readiness: ReadinessTable;
  conversations: ConversationsTable;
  messages: MessagesTable;
  media: MediaTable;
  customers: CustomersTable;
  customer_count: CustomerCountTable;
  customer_search: CustomerSearchTable;
  customer_search_ends: CustomerSearchEndsTable;
  customer_changes: CustomerChangesTable;
  message_search: MessageSearchTable;
  message_search_progress: MessageSearchProgressTable;
  conversation_counts: ConversationCountsTable;
  desk_daily: DeskDailyTable;
  turns: TurnsTable;
  turn_log: TurnLogTable;
  leases: LeasesTable;
  reservations: ReservationsTable;
  feed: FeedTable;
  feed_forgotten: FeedForgottenTable;
  ratings: RatingsTable;
  user_counters: UserCountersTable;
  chat_daily: ChatDailyTable;
  idempotency_keys: IdempotencyKeysTable;
  audit_log: AuditLogTable;
  webhooks: WebhooksTable;
  webhook_deliveries: WebhookDeliveriesTable;
  notes: NotesTable;
  canned_replies: CannedRepliesTable;
  agents: AgentsTable;
  articles: ArticlesTable;
  articles_revision: ArticlesRevisionTable;
}
