/** A table, and how its rows are found in order and told apart. */
export interface MovedTable {
  name: string;
  /** Its key, in the order in which the rows are copied. */
  key: readonly string[];
  /** The column whose values a sequence gives out. */
  counted?: string;
  /** Whether a migration has put rows into it that those of the source replace. */
  seeded?: true;
}

/** Every table of the schema, so that a row comes after those to which it refers. What is left out is made anew: the search indexes. */
export const movedTables: readonly MovedTable[] = [
  { name: 'users', key: ['id'], counted: 'id' },
  { name: 'logins', key: ['id'], counted: 'id' },
  { name: 'api_keys', key: ['id'], counted: 'id' },
  { name: 'api_calls', key: ['id'], counted: 'id' },
  {
    name: 'usage_daily',
    key: ['day', 'contract', 'owner', 'user_id', 'api_key_id', 'model', 'outcome', 'currency'],
  },
  { name: 'owner_usage', key: ['owner', 'span', 'model', 'begins', 'currency'] },
  { name: 'reservations', key: ['id'], counted: 'id' },
  { name: 'cache_entries', key: ['id'], counted: 'id' },
  { name: 'cache_revision', key: ['id'], seeded: true },
  { name: 'cache_clears', key: ['revision'] },
  { name: 'settings', key: ['key'] },
  { name: 'leases', key: ['name'] },
  { name: 'conversations', key: ['id'], counted: 'id' },
  { name: 'messages', key: ['id'], counted: 'id' },
  { name: 'media', key: ['id'], counted: 'id' },
  { name: 'turns', key: ['id'] },
  { name: 'turn_log', key: ['turn_id', 'start'] },
  { name: 'feed', key: ['cursor'], counted: 'cursor' },
  { name: 'feed_forgotten', key: ['id'], seeded: true },
  { name: 'ratings', key: ['conversation_id'] },
  { name: 'customers', key: ['id'], counted: 'id' },
  { name: 'customer_count', key: ['id'], seeded: true },
  { name: 'customer_changes', key: ['id'], counted: 'id' },
  { name: 'conversation_counts', key: ['status', 'agent_type', 'priority', 'assignee_id'] },
  { name: 'user_counters', key: ['user_id'] },
  { name: 'chat_daily', key: ['user_id', 'day', 'channel', 'model'] },
  { name: 'desk_daily', key: ['day'] },
  { name: 'idempotency_keys', key: ['owner', 'key'] },
  { name: 'notes', key: ['id'], counted: 'id' },
  { name: 'canned_replies', key: ['id'], counted: 'id' },
  { name: 'agents', key: ['user_id'] },
  { name: 'articles', key: ['id'], counted: 'id' },
  { name: 'articles_revision', key: ['id'], seeded: true },
  { name: 'audit_log', key: ['id'], counted: 'id' },
  { name: 'webhooks', key: ['id'], counted: 'id' },
  { name: 'webhook_deliveries', key: ['id'], counted: 'id' },
  { name: 'readiness', key: ['id'], seeded: true },
  { name: 'message_search_progress', key: ['id'], seeded: true },
];

/** Tables that are not copied: an index over the others, SQLite's and the migrations' own. */
export const leftTables: ReadonlySet<string> = new Set([
  'migrations',
  'message_search',
  'customer_search',
  'customer_search_ends',
  'parley_backup',
]);
