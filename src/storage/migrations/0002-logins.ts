/** Frozen: a database that has run this must never see it change. Times are milliseconds. */
export const logins = {
  name: '0002-logins',
  sqlite: [
    `ALTER TABLE users ADD COLUMN nickname TEXT`,
    `ALTER TABLE users ADD COLUMN phone TEXT`,
    `ALTER TABLE users ADD COLUMN avatar_url TEXT`,
    `ALTER TABLE users ADD COLUMN last_login_at INTEGER`,

    // AUTOINCREMENT: access tokens name the id, so it is never given to another login. A refresh token has two parts: the
    // family stays the same as long as the login lives, so that every spent token of it is known for what it is.
    `CREATE TABLE logins (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
      contract TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      family_hash TEXT NOT NULL UNIQUE,
      refresh_hash TEXT NOT NULL,
      revoked_at INTEGER,
      ip TEXT NOT NULL
    ) STRICT`,
    `CREATE INDEX logins_user ON logins (user_id)`,
    `CREATE INDEX logins_expiry ON logins (expires_at)`,
  ],
  postgres: [],
};
