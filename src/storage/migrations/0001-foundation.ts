/** Frozen: a database that has run this must never see it change. Times are milliseconds, money is nano units. */
export const foundation = {
  name: '0001-foundation',
  sqlite: [
    `CREATE TABLE users (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      username TEXT NOT NULL,
      username_key TEXT NOT NULL UNIQUE,
      email TEXT NOT NULL,
      email_key TEXT NOT NULL UNIQUE,
      full_name TEXT NOT NULL,
      password_hash TEXT NOT NULL,
      role TEXT NOT NULL,
      status TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX users_role ON users (role)`,

    // AUTOINCREMENT: the id names an owner of calls and cached answers, so it is never given to another key.
    `CREATE TABLE api_keys (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT NOT NULL,
      prefix TEXT NOT NULL,
      hash TEXT NOT NULL UNIQUE,
      scopes TEXT NOT NULL,
      requests_per_minute INTEGER,
      expires_at INTEGER,
      created_at INTEGER NOT NULL,
      revoked_at INTEGER,
      last_used_at INTEGER
    ) STRICT`,

    `CREATE TABLE api_calls (
      id INTEGER PRIMARY KEY,
      at INTEGER NOT NULL,
      day TEXT NOT NULL,
      contract TEXT NOT NULL,
      endpoint TEXT NOT NULL,
      owner TEXT NOT NULL,
      user_id INTEGER,
      api_key_id INTEGER,
      conversation_id INTEGER,
      message_id INTEGER,
      requested_model TEXT NOT NULL,
      model TEXT NOT NULL,
      provider TEXT NOT NULL,
      outcome TEXT NOT NULL,
      status_code INTEGER NOT NULL,
      error_code TEXT,
      prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      cached_prompt_tokens INTEGER NOT NULL,
      estimated INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      currency TEXT NOT NULL,
      duration_ms INTEGER NOT NULL,
      first_token_ms INTEGER,
      attempts INTEGER NOT NULL,
      streamed INTEGER NOT NULL,
      client_ip TEXT NOT NULL,
      request_id TEXT NOT NULL
    ) STRICT`,
    // Lists are ordered by (day, id), newest first; SQLite ends every index with the id by itself.
    `CREATE INDEX api_calls_day ON api_calls (day)`,
    `CREATE INDEX api_calls_model ON api_calls (model, day)`,
    `CREATE INDEX api_calls_owner ON api_calls (owner, day)`,
    `CREATE INDEX api_calls_user ON api_calls (user_id, day) WHERE user_id IS NOT NULL`,
    `CREATE INDEX api_calls_key ON api_calls (api_key_id, day) WHERE api_key_id IS NOT NULL`,

    // user_id and api_key_id are 0 where there is none: NULLs would never meet in a key.
    `CREATE TABLE usage_daily (
      day TEXT NOT NULL,
      contract TEXT NOT NULL,
      owner TEXT NOT NULL,
      user_id INTEGER NOT NULL,
      api_key_id INTEGER NOT NULL,
      model TEXT NOT NULL,
      outcome TEXT NOT NULL,
      currency TEXT NOT NULL,
      calls INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      duration_ms INTEGER NOT NULL,
      PRIMARY KEY (day, contract, owner, user_id, api_key_id, model, outcome, currency)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX usage_daily_owner ON usage_daily (owner, day)`,
    `CREATE INDEX usage_daily_user ON usage_daily (user_id, day)`,
    `CREATE INDEX usage_daily_key ON usage_daily (api_key_id, day)`,
    `CREATE INDEX usage_daily_model ON usage_daily (model, day)`,

    // The small columns come first, so that reading or touching them does not walk through the large ones.
    `CREATE TABLE cache_entries (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      exact_key TEXT NOT NULL UNIQUE,
      group_key TEXT NOT NULL,
      owner TEXT NOT NULL,
      model TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      last_used_at INTEGER NOT NULL,
      prompt TEXT NOT NULL,
      answer TEXT NOT NULL,
      embedding BLOB
    ) STRICT`,
    `CREATE INDEX cache_entries_expiry ON cache_entries (expires_at)`,
    `CREATE INDEX cache_entries_use ON cache_entries (last_used_at)`,

    `CREATE TABLE settings (
      key TEXT PRIMARY KEY,
      value TEXT NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE readiness (
      id INTEGER PRIMARY KEY,
      counter INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO readiness (id, counter) VALUES (1, 0)`,
  ],
  postgres: [],
};
