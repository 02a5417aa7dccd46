/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const helpdesk = {
  name: '0004-helpdesk',
  sqlite: [
    `UPDATE conversations SET status = 'open'`,
    `ALTER TABLE conversations ADD COLUMN agent_type TEXT NOT NULL DEFAULT 'ai'`,
    `ALTER TABLE conversations ADD COLUMN assignee_id INTEGER`,
    `ALTER TABLE conversations ADD COLUMN owner_fence INTEGER NOT NULL DEFAULT 1`,
    `ALTER TABLE conversations ADD COLUMN priority TEXT NOT NULL DEFAULT 'medium'`,
    `ALTER TABLE conversations ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'`,
    `ALTER TABLE conversations ADD COLUMN customer_id INTEGER NOT NULL DEFAULT 0`,
    // The day on which it began, for which it is counted, and whether a person has answered or taken it.
    `ALTER TABLE conversations ADD COLUMN day TEXT NOT NULL DEFAULT ''`,
    `UPDATE conversations SET day = strftime('%Y-%m-%d', created_at / 1000, 'unixepoch')`,
    `ALTER TABLE conversations ADD COLUMN human INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE conversations ADD COLUMN waiting_since INTEGER`,
    // As `delivered_place` and `read_place`, for the customer's messages, which staff read.
    `ALTER TABLE conversations ADD COLUMN staff_delivered_place INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE conversations ADD COLUMN staff_read_place INTEGER NOT NULL DEFAULT 0`,
    `ALTER TABLE conversations ADD COLUMN metadata TEXT`,
    // The prompt stays the last column: it may be long, and lists need not walk through it.
    `ALTER TABLE conversations RENAME COLUMN system_prompt TO old_prompt`,
    `ALTER TABLE conversations ADD COLUMN system_prompt TEXT`,
    `UPDATE conversations SET system_prompt = old_prompt WHERE old_prompt IS NOT NULL`,
    `ALTER TABLE conversations DROP COLUMN old_prompt`,
    `ALTER TABLE messages ADD COLUMN sender_id INTEGER`,
    `ALTER TABLE messages ADD COLUMN citations TEXT`,

    // Who waits for a person, and what each agent has to do: few rows, which the AI's conversations never touch.
    `CREATE INDEX conversations_waiting ON conversations (status, waiting_since, id) WHERE status = 'pending'`,
    `CREATE INDEX conversations_open ON conversations (assignee_id, id)
      WHERE assignee_id IS NOT NULL AND status = 'open'`,

    // `key` is `user:42` or `guest:` and the id that the page gave.
    `CREATE TABLE customers (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL UNIQUE,
      user_id INTEGER,
      guest_id TEXT,
      name TEXT NOT NULL,
      email TEXT,
      conversations INTEGER NOT NULL,
      first_seen_at INTEGER NOT NULL,
      last_seen_at INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO customers (key, user_id, name, email, conversations, first_seen_at, last_seen_at)
      SELECT 'user:' || user_id, user_id, coalesce(nullif(full_name, ''), username, ''), email,
        count(*), min(conversations.created_at), max(last_message_at)
      FROM conversations LEFT JOIN users ON users.id = user_id
      WHERE user_id IS NOT NULL
      GROUP BY user_id ORDER BY user_id`,
    `UPDATE conversations SET customer_id = (SELECT id FROM customers WHERE key = 'user:' || conversations.user_id)
      WHERE user_id IS NOT NULL`,

    // How many conversations there are of each kind; assignee_id 0 is nobody.
    `CREATE TABLE conversation_counts (
      status TEXT NOT NULL,
      agent_type TEXT NOT NULL,
      priority TEXT NOT NULL,
      assignee_id INTEGER NOT NULL,
      conversations INTEGER NOT NULL,
      PRIMARY KEY (status, agent_type, priority, assignee_id)
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO conversation_counts
      SELECT status, agent_type, priority, 0, count(*) FROM conversations GROUP BY status, agent_type, priority`,

    // See DeskTotals; replies are those of people, the AI's are in chat_daily.
    `CREATE TABLE desk_daily (
      day TEXT PRIMARY KEY,
      begun INTEGER NOT NULL,
      human INTEGER NOT NULL,
      over INTEGER NOT NULL,
      replies INTEGER NOT NULL,
      reply_ms INTEGER NOT NULL,
      ratings INTEGER NOT NULL,
      scores INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,
    `INSERT INTO desk_daily SELECT day, count(*), 0, 0, 0, 0, 0, 0 FROM conversations GROUP BY day`,
    `INSERT INTO desk_daily
      SELECT day, 0, 0, 0, 0, 0, count(*), sum(score) FROM ratings WHERE true GROUP BY day
      ON CONFLICT (day) DO UPDATE SET ratings = excluded.ratings, scores = excluded.scores`,
  ],
  postgres: [],
};
