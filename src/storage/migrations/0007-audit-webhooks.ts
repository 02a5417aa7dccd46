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
  ],
};
