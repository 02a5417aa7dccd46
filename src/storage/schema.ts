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
}

export interface LoginsTable {
  id: Generated<number>;
  user_id: number;
  contract: string;
  created_at: number;
  expires_at: number;
  family_hash: string;
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

/** Every table, for Kysely. Times are milliseconds since the epoch, money is nano units of its currency. */
export interface Schema {
  users: UsersTable;
  logins: LoginsTable;
  api_keys: ApiKeysTable;
  api_calls: ApiCallsTable;
  usage_daily: UsageDailyTable;
  cache_entries: CacheEntriesTable;
  settings: SettingsTable;
  readiness: ReadinessTable;
}
