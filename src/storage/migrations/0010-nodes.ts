import { postgresSchema } from './postgres-schema.ts';

/** Frozen: a database that has run this must never see it change. Times are milliseconds, money is nano units. */
export const nodes = {
  name: '0010-nodes',
  sqlite: [
    // What only one node may do at a time, and which does it until when.
    `CREATE TABLE leases (
      name TEXT PRIMARY KEY,
      node TEXT NOT NULL,
      lease_until INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`,

    // What is set aside for calls on their way: see Ledger of core. One that outlives its time is void.
    `CREATE TABLE reservations (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      owner TEXT NOT NULL,
      tokens INTEGER NOT NULL,
      usd_nano INTEGER NOT NULL,
      cny_nano INTEGER NOT NULL,
      node TEXT NOT NULL,
      held_until INTEGER NOT NULL
    ) STRICT`,
    `CREATE INDEX reservations_owner ON reservations (owner)`,
    `CREATE INDEX reservations_node ON reservations (node)`,

    // Of prompts and completions, those of answers from the cache: no budget counts them.
    `ALTER TABLE owner_usage ADD COLUMN cache_hit_tokens INTEGER NOT NULL DEFAULT 0`,
    `UPDATE owner_usage SET cache_hit_tokens = (
      SELECT coalesce(sum(prompt_tokens + completion_tokens), 0) FROM usage_daily AS daily
      WHERE daily.owner = owner_usage.owner AND outcome = 'cache_hit' AND daily.currency = owner_usage.currency
        AND day >= begins AND day < begins || '~' AND owner_usage.model IN ('', daily.model)
    )`,

    // Every change of a cached answer gives it the next revision: what is above the one that a node has seen is new to it.
    `ALTER TABLE cache_entries ADD COLUMN revision INTEGER NOT NULL DEFAULT 0`,
    `UPDATE cache_entries SET revision = id`,
    `CREATE UNIQUE INDEX cache_entries_revised ON cache_entries (revision)`,
    // Not below that of any entry that is gone: none is given twice.
    `CREATE TABLE cache_revision (
      id INTEGER PRIMARY KEY,
      revision INTEGER NOT NULL
    ) STRICT`,
    `INSERT INTO cache_revision (id, revision) VALUES (1, 0)`,
    // What was cleared, until everything that was kept before it would have expired.
    `CREATE TABLE cache_clears (
      revision INTEGER PRIMARY KEY,
      pattern TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT`,
  ],
  postgres: postgresSchema,
};
