/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const conversations = {
  name: '0003-conversations',
  sqlite: [
    // AUTOINCREMENT, here and below: ids are shown to clients, so one that was deleted is never given to another row. `place`
    // numbers what a conversation or a user has, from 1: a page deep inside is found as fast as the first. Up to
    // `delivered_place` and `read_place`, here and with the user, every receipt is at least that far: so that acknowledging need
    // not look at what was acknowledged. The prompt comes last: it may be long, and lists need not walk through it.
    `CREATE TABLE conversations (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      key TEXT NOT NULL UNIQUE,
      user_id INTEGER,
      user_place INTEGER,
      channel TEXT NOT NULL,
      title TEXT NOT NULL,
      status TEXT NOT NULL,
      message_count INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      last_message_at INTEGER NOT NULL,
      delivered_place INTEGER NOT NULL DEFAULT 0,
      read_place INTEGER NOT NULL DEFAULT 0,
      system_prompt TEXT
    ) STRICT`,
    `CREATE INDEX conversations_user ON conversations (user_id, user_place) WHERE user_id IS NOT NULL`,
    `CREATE INDEX conversations_channel ON conversations (user_id, channel, id) WHERE user_id IS NOT NULL`,

    // An answer's row is made together with its question's, and filled when it ends: its id is the turn's.
    `CREATE TABLE messages (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      conversation_id INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
      place INTEGER NOT NULL,
      user_id INTEGER,
      user_place INTEGER,
      role TEXT NOT NULL,
      sender_type TEXT NOT NULL,
      state TEXT NOT NULL,
      receipt TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      exchange_tokens INTEGER,
      estimated INTEGER NOT NULL,
      question_id INTEGER,
      model TEXT,
      finish_reason TEXT,
      error_code TEXT,
      error_text TEXT,
      content TEXT NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX messages_conversation ON messages (conversation_id, place)`,
    `CREATE INDEX messages_user ON messages (user_id, user_place) WHERE user_id IS NOT NULL`,

    // The turns that are queued or running; one that has ended is only its message.
    `CREATE TABLE turns (
      id INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
      conversation_id INTEGER NOT NULL,
      question_id INTEGER NOT NULL,
      user_id INTEGER,
      state TEXT NOT NULL,
      node TEXT NOT NULL,
      fence INTEGER NOT NULL,
      lease_until INTEGER NOT NULL,
      began_at INTEGER NOT NULL,
      origin TEXT NOT NULL
    ) STRICT`,
    `CREATE INDEX turns_conversation ON turns (conversation_id)`,

    // What a running answer consists of so far: pieces of text by the offset, in UTF-16 code units, at which each begins. A
    // piece that begins or ends within a surrogate pair is a blob of UTF-16, because it has no UTF-8.
    `CREATE TABLE turn_log (
      turn_id INTEGER NOT NULL,
      start INTEGER NOT NULL,
      delta ANY NOT NULL,
      PRIMARY KEY (turn_id, start)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE feed (
      cursor INTEGER PRIMARY KEY AUTOINCREMENT,
      conversation_id INTEGER NOT NULL,
      user_id INTEGER,
      type TEXT NOT NULL,
      message_id INTEGER,
      at INTEGER NOT NULL,
      data TEXT
    ) STRICT`,
    // By blocks of 4096 cursors, so that whatever is written now falls on few pages however many users there are.
    `CREATE INDEX feed_conversation ON feed (cursor >> 12, conversation_id)`,
    `CREATE INDEX feed_user ON feed (cursor >> 12, user_id) WHERE user_id IS NOT NULL`,

    // The last cursor that was forgotten.
    `CREATE TABLE feed_forgotten (
      id INTEGER PRIMARY KEY,
      cursor INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO feed_forgotten (id, cursor) VALUES (1, 0)`,

    `CREATE TABLE ratings (
      conversation_id INTEGER PRIMARY KEY REFERENCES conversations (id) ON DELETE CASCADE,
      user_id INTEGER,
      channel TEXT NOT NULL,
      score INTEGER NOT NULL,
      comment TEXT,
      day TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT`,

    // What a user has now, and the last place given: they differ once something was deleted.
    `CREATE TABLE user_counters (
      user_id INTEGER PRIMARY KEY,
      conversations INTEGER NOT NULL,
      last_conversation_place INTEGER NOT NULL,
      messages INTEGER NOT NULL,
      last_message_place INTEGER NOT NULL,
      delivered_place INTEGER NOT NULL DEFAULT 0,
      read_place INTEGER NOT NULL DEFAULT 0
    ) STRICT`,

    // user_id 0 is the whole service.
    `CREATE TABLE chat_daily (
      user_id INTEGER NOT NULL,
      day TEXT NOT NULL,
      channel TEXT NOT NULL,
      chats INTEGER NOT NULL,
      messages INTEGER NOT NULL,
      answers INTEGER NOT NULL,
      response_ms INTEGER NOT NULL,
      tokens INTEGER NOT NULL,
      errors INTEGER NOT NULL,
      ratings INTEGER NOT NULL,
      satisfied INTEGER NOT NULL,
      PRIMARY KEY (user_id, day, channel)
    ) STRICT, WITHOUT ROWID`,

    `CREATE TABLE idempotency_keys (
      owner TEXT NOT NULL,
      key TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      result TEXT NOT NULL,
      expires_at INTEGER NOT NULL,
      PRIMARY KEY (owner, key)
    ) STRICT, WITHOUT ROWID`,
    `CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at)`,

    // A user's calls are found by their owner; a second index over the same rows cost a page for each call.
    `DROP INDEX api_calls_user`,

    `CREATE INDEX logins_revoked ON logins (revoked_at) WHERE revoked_at IS NOT NULL`,
  ],
  postgres: [],
};
