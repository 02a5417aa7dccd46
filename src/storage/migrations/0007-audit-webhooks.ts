/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const auditWebhooks = {
  name: '0007-audit-webhooks',
  sqlite: [
    // Who acted stays readable when the account is gone. `details` comes last: it may be long, and counting need not walk through it.
    `CREATE TABLE audit_log (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      at INTEGER NOT NULL,
      actor_id INTEGER NOT NULL,
      actor_name TEXT NOT NULL,
      ip TEXT NOT NULL,
      action TEXT NOT NULL,
      target_type TEXT NOT NULL,
      target_id TEXT,
      details TEXT
    ) STRICT`,
    `CREATE INDEX audit_log_at ON audit_log (at)`,
    `CREATE INDEX audit_log_actor ON audit_log (actor_id, at)`,
    `CREATE INDEX audit_log_action ON audit_log (action, at)`,
    `CREATE INDEX audit_log_actor_action ON audit_log (actor_id, action, at)`,
    `CREATE INDEX audit_log_target_type ON audit_log (target_type, at)`,
    `CREATE INDEX audit_log_target ON audit_log (target_type, target_id, at)`,

    // `cursor`: up to where in the feed its deliveries were made. An old secret signs beside the new one until its time is over.
    `CREATE TABLE webhooks (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      url TEXT NOT NULL,
      description TEXT NOT NULL,
      events TEXT NOT NULL,
      enabled INTEGER NOT NULL,
      disabled_reason TEXT,
      secret TEXT NOT NULL,
      old_secret TEXT,
      old_secret_until INTEGER NOT NULL,
      cursor INTEGER NOT NULL,
      created_by INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      failing_since INTEGER,
      last_at INTEGER,
      last_status INTEGER,
      last_error TEXT
    ) STRICT`,

    // Of a conversation's unfinished deliveries to one receiver the oldest is `pending`, those behind it are `waiting`: so that they
    // arrive in order, and what is due is found without looking at what must wait. The payload comes last.
    `CREATE TABLE webhook_deliveries (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      webhook_id INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
      event_id TEXT NOT NULL,
      type TEXT NOT NULL,
      conversation_id INTEGER NOT NULL,
      state TEXT NOT NULL,
      attempts INTEGER NOT NULL,
      next_at INTEGER NOT NULL,
      status_code INTEGER,
      error TEXT,
      created_at INTEGER NOT NULL,
      ended_at INTEGER,
      payload TEXT NOT NULL
    ) STRICT`,
    `CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id)`,
    `CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id)`,
    `CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at) WHERE state = 'pending'`,
    `CREATE INDEX webhook_deliveries_open ON webhook_deliveries (webhook_id, conversation_id, id) WHERE ended_at IS NULL`,
    `CREATE INDEX webhook_deliveries_ended ON webhook_deliveries (ended_at) WHERE ended_at IS NOT NULL`,
  ],
  postgres: [],
};
