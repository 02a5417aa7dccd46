/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const search = {
  name: '0006-search',
  sqlite: [
    // Each kind of conversation, alone, of an agent and of a customer, the last changed last: a list merges the kinds that it wants.
    `CREATE INDEX conversations_kind ON conversations (status, agent_type, priority, last_message_at)`,
    `CREATE INDEX conversations_assignee ON conversations (assignee_id, status, agent_type, priority, last_message_at)
      WHERE assignee_id IS NOT NULL`,
    `CREATE INDEX conversations_customer ON conversations (customer_id, status, agent_type, priority, last_message_at)`,
    `CREATE INDEX customers_seen ON customers (last_seen_at)`,

    `CREATE TABLE customer_count (
      id INTEGER PRIMARY KEY,
      customers INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO customer_count SELECT 1, count(*) FROM customers`,

    // The ends of every word of a customer's name, address and guest id: what occurs within a word begins one of them.
    `CREATE VIRTUAL TABLE customer_search USING fts5(ends, content = '', contentless_delete = 1, detail = none,
      prefix = '1 2 3', tokenize = "ascii tokenchars '!""#$%&''()*+,-./:;<=>?@[\\]^_\`{|}~'")`,
    `CREATE VIRTUAL TABLE customer_search_ends USING fts5vocab (customer_search, row)`,
    // Customers who are not in the index as they are; one that changes again is there again.
    `CREATE TABLE customer_changes (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      customer_id INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO customer_changes (customer_id) SELECT id FROM customers ORDER BY id`,
    `CREATE TRIGGER customers_added AFTER INSERT ON customers BEGIN
      UPDATE customer_count SET customers = customers + 1;
      INSERT INTO customer_changes (customer_id) VALUES (new.id);
    END`,
    `CREATE TRIGGER customers_changed AFTER UPDATE OF name, email, guest_id ON customers
      WHEN old.name IS NOT new.name OR old.email IS NOT new.email OR old.guest_id IS NOT new.guest_id
    BEGIN
      INSERT INTO customer_changes (customer_id) VALUES (new.id);
    END`,
    `CREATE TRIGGER customers_removed AFTER DELETE ON customers BEGIN
      UPDATE customer_count SET customers = customers - 1;
      DELETE FROM customer_search WHERE rowid = old.id;
    END`,
    `CREATE TRIGGER customers_renamed AFTER UPDATE OF full_name, username, email ON users BEGIN
      UPDATE customers SET name = coalesce(nullif(new.full_name, ''), new.username), email = new.email
      WHERE key = 'user:' || new.id;
    END`,

    // The words of every message by the message's id, made by core in the background.
    `CREATE VIRTUAL TABLE message_search USING fts5(words, content = '', contentless_delete = 1, tokenize = 'ascii')`,
    // How far the index has followed the feed, and the highest id of those older messages that it does not have yet.
    `CREATE TABLE message_search_progress (
      id INTEGER PRIMARY KEY,
      cursor INTEGER NOT NULL,
      unread_id INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO message_search_progress SELECT 1,
      coalesce((SELECT max(cursor) FROM feed), (SELECT cursor FROM feed_forgotten)),
      coalesce((SELECT max(id) FROM messages), 0)`,
    `CREATE TRIGGER messages_removed AFTER DELETE ON messages BEGIN
      DELETE FROM message_search WHERE rowid = old.id;
    END`,
  ],
  postgres: [],
};
