/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const desk = {
  name: '0005-desk',
  sqlite: [
    `CREATE TABLE notes (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      author_id INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      content TEXT NOT NULL
    ) STRICT`,
    `CREATE INDEX notes_conversation ON notes (conversation_id, id)`,

    // `shortcut_key` is the shortcut without regard to case.
    `CREATE TABLE canned_replies (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      shortcut TEXT NOT NULL,
      shortcut_key TEXT NOT NULL UNIQUE,
      title TEXT NOT NULL,
      created_by INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      content TEXT NOT NULL
    ) STRICT`,

    // A capacity of null is the setting's.
    `CREATE TABLE agents (
      user_id INTEGER PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
      capacity INTEGER,
      availability TEXT NOT NULL DEFAULT 'online',
      last_assigned_at INTEGER
    ) STRICT`,

    // What waits for a person goes by conversations_waiting, what is urgent before it by this.
    `CREATE INDEX conversations_urgent ON conversations (status, waiting_since, id)
      WHERE status = 'pending' AND priority = 'urgent'`,
  ],
  postgres: [],
};
