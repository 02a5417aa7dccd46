import type { Client } from 'pg';
import type { Migration } from './migrations/list.ts';
import { connectWriter, lockKeys, refuseUnsuitable, takeLock } from './postgres-connection.ts';
import { refuseUnknown } from './migrate.ts';
import { StorageError } from './storage-error.ts';

/** What to bring up to date. */
export interface MigratePostgresParts {
  /** `postgres://…` */
  url: string;
  migrations: readonly Migration[];
  /** Wall clock, milliseconds since the epoch. */
  now: () => number;
  /** Whether this is the move that fills the database. */
  moving?: boolean;
}

/** The table in which an unfinished move says how far it is: see `moveStore`. */
export const moveTable = 'parley_move';

/**
 * Runs the migrations that the database has not seen, all in one transaction and under a lock: of nodes that start at once, one does it,
 * the others wait and find nothing to do. Returns their names. A database that a newer version has migrated is refused with `unavailable`.
 */
export async function migratePostgres(parts: MigratePostgresParts): Promise<string[]> {
  const { url } = parts;
  try {
    const client = await connectWriter(url, { query_timeout: 0 });
    try {
      await refuseUnsuitable(client);
      if (parts.moving !== true) await refuseHalfMoved(client, url);
      await client.query(
        'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0',
      );
      return await applyMissing(client, parts);
    } finally {
      await client.end();
    }
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    const why = thrown instanceof Error && thrown.message !== '' ? thrown.message : String(thrown);
    throw new StorageError('unavailable', `The database ${named(url)} cannot be used: ${why}`, {
      cause: thrown,
    });
  }
}

/** What is there is not everything, and what were added would be in the way of the rest. */
async function refuseHalfMoved(client: Client, url: string): Promise<void> {
  const { rows } = await client.query<{ found: unknown }>('SELECT to_regclass($1) AS found', [moveTable]);
  if (rows[0]?.found === null) return;
  throw new StorageError(
    'unavailable',
    `The database ${named(url)} is only half moved: finish with "npm run parley -- move", or empty it`,
  );
}

/** The address without its password. */
export function named(url: string): string {
  return url.replace(/(?<=^postgres(?:ql)?:\/\/[^/@]*?):[^/@]*(?=@)/, '');
}

async function applyMissing(
  client: Client,
  { url, migrations, now }: MigratePostgresParts,
): Promise<string[]> {
  await client.query('BEGIN');
  await client.query(takeLock, [lockKeys.migrating]);
  await client.query(
    'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at bigint NOT NULL)',
  );
  const { rows } = await client.query<{ name: string }>('SELECT name FROM migrations');
  const applied = new Set(rows.map(({ name }) => name));
  refuseUnknown(named(url), migrations, applied);
  const missing = migrations.filter(({ name }) => !applied.has(name));
  for (const { name, postgres } of missing) {
    for (const sql of postgres) await client.query(sql);
    await client.query('INSERT INTO migrations (name, applied_at) VALUES ($1, $2)', [name, now()]);
  }
  await client.query('COMMIT');
  return missing.map(({ name }) => name);
}
