/** Fills one span of `owner_usage`. */
function ownerUsage(span: string, begins: string, model: string): string {
  return `INSERT INTO owner_usage
      SELECT owner, '${span}', ${model}, ${begins}, currency,
        sum(calls), sum(prompt_tokens), sum(completion_tokens), sum(cost_nano)
      FROM usage_daily GROUP BY 1, 3, 4, 5`;
}

/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const studio = {
  name: '0009-studio',
  sqlite: [
    // The model that answers in it; null: whatever the default is. A conversation that nobody has named yet has no title.
    `ALTER TABLE conversations ADD COLUMN model TEXT`,
    `ALTER TABLE conversations ADD COLUMN removed_messages INTEGER NOT NULL DEFAULT 0`,
    `UPDATE conversations SET title = '' WHERE message_count = 0 AND title = 'New chat'`,
    // The prompt stays the last column: it may be long, and lists need not walk through it.
    `ALTER TABLE conversations RENAME COLUMN system_prompt TO old_prompt`,
    `ALTER TABLE conversations ADD COLUMN system_prompt TEXT`,
    `UPDATE conversations SET system_prompt = old_prompt WHERE old_prompt IS NOT NULL`,
    `ALTER TABLE conversations DROP COLUMN old_prompt`,
    `CREATE INDEX conversations_model ON conversations (user_id, model, user_place) WHERE user_id IS NOT NULL`,

    // What a message consists of, where that is more than its content: JSON. Images and videos that came with the message itself are in
    // `media`, one row each, so that lists need not walk through them.
    `ALTER TABLE messages ADD COLUMN parts TEXT`,
    `CREATE TABLE media (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      message_id INTEGER NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
      bytes INTEGER NOT NULL,
      url TEXT NOT NULL
    ) STRICT`,
    `CREATE INDEX media_message ON media (message_id)`,
    // Answers that somebody else took over before they said a word: pages of a conversation leave them out.
    `CREATE INDEX messages_left_to_others ON messages (conversation_id) WHERE error_code = 'given_up' AND content = ''`,

    // `model` is '' for what was counted before there was this column, and for what concerns no model.
    `CREATE TABLE chat_daily_by_model (
      user_id INTEGER NOT NULL,
      day TEXT NOT NULL,
      channel TEXT NOT NULL,
      model TEXT NOT NULL,
      chats INTEGER NOT NULL,
      messages INTEGER NOT NULL,
      answers INTEGER NOT NULL,
      response_ms INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      errors INTEGER NOT NULL,
      ratings INTEGER NOT NULL,
      satisfied INTEGER NOT NULL,
      PRIMARY KEY (user_id, day, channel, model)
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO chat_daily_by_model
      SELECT user_id, day, channel, '', chats, messages, answers, response_ms, tokens, errors, ratings, satisfied
      FROM chat_daily`,
    `DROP TABLE chat_daily`,
    `ALTER TABLE chat_daily_by_model RENAME TO chat_daily`,

    // Calls are listed by who made them, which says which key it was.
    `DROP INDEX api_calls_model`,
    `DROP INDEX api_calls_key`,
    `CREATE INDEX api_calls_owner_model ON api_calls (owner, model, day)`,

    // What each owner has called, by days and once more by months ('day' and 'month'), of each model and once more of all ('').
    `CREATE TABLE owner_usage (
      owner TEXT NOT NULL,
      span TEXT NOT NULL,
      model TEXT NOT NULL,
      begins TEXT NOT NULL,
      currency TEXT NOT NULL,
      calls INTEGER NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      completion_tokens INTEGER NOT NULL,
      cost_nano INTEGER NOT NULL,
      PRIMARY KEY (owner, span, model, begins, currency)
    ) STRICT, WITHOUT ROWID`,
    ownerUsage('day', 'day', 'model'),
    ownerUsage('day', 'day', "''"),
    ownerUsage('month', 'substr(day, 1, 7)', 'model'),
    ownerUsage('month', 'substr(day, 1, 7)', "''"),

    // A refresh token is one secret and stays as long as its login. Those made before were shown to nobody.
    `ALTER TABLE logins DROP COLUMN refresh_hash`,
    `ALTER TABLE logins RENAME COLUMN family_hash TO refresh_hash`,

    // What may be spent in a month: JSON, see Budget of core; null: what the configuration says.
    `ALTER TABLE users ADD COLUMN budget TEXT`,
    `ALTER TABLE api_keys ADD COLUMN budget TEXT`,
    `CREATE INDEX users_budget ON users (id) WHERE budget IS NOT NULL`,
    `CREATE INDEX api_keys_budget ON api_keys (id) WHERE budget IS NOT NULL`,
  ],
  postgres: [],
};
