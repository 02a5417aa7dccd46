import { randomBytes } from 'node:crypto';
import { after } from 'node:test';
import type { TestContext } from 'node:test';
import { Client } from 'pg';
import { migratePostgres } from './migrate-postgres.ts';
import { migrations } from './migrations/list.ts';

/** Where tests find a PostgreSQL; each test has a schema of its own there. */
const server = 'postgres://postgres@127.0.0.1:5432/test';

/** Why tests on PostgreSQL are skipped here; false where there is one. CI has one, or fails. */
export const withoutPostgres: string | false = await reason();

async function reason(): Promise<string | false> {
  if (process.env['CI'] === 'true') return false;
  const client = new Client({ connectionString: server, connectionTimeoutMillis: 2_000 });
  try {
    await client.connect();
    await client.end();
    return false;
  } catch {
    return `no PostgreSQL answers at ${server}`;
  }
}

/** The address of an empty schema, which is dropped after the test; connections made with it bear its name. */
export async function temporarySchema(test: Pick<TestContext, 'after'>): Promise<string> {
  const { url, drop } = await makeSchema();
  test.after(drop);
  return url;
}

async function makeSchema() {
  const name = `test_${randomBytes(8).toString('hex')}`;
  await run(`CREATE SCHEMA ${name}`);
  const url = `${server}?options=${encodeURIComponent(`-c search_path=${name}`)}&application_name=${name}`;
  return { url, drop: () => run(`DROP SCHEMA ${name} CASCADE`) };
}

/** Schemas with Parley's tables that are empty, for the tests to come: to make one takes longer than most tests. */
const emptied: string[] = [];
const drops: (() => Promise<void>)[] = [];
after(async () => {
  for (const drop of drops) await drop();
});

/** The address of an empty schema of Parley's, which is emptied after the test for the next one of the process. */
export async function emptySchema(test: Pick<TestContext, 'after'>): Promise<string> {
  const url = emptied.pop() ?? (await migratedSchema());
  test.after(async () => {
    await emptyTables(url);
    emptied.push(url);
  });
  return url;
}

async function migratedSchema(): Promise<string> {
  const { url, drop } = await makeSchema();
  drops.push(drop);
  await migratePostgres({ url, migrations, now: Date.now });
  return url;
}

/** What a migration put into tables is put there again. */
const seeds = `
  INSERT INTO readiness (id, counter) VALUES (1, 0);
  INSERT INTO feed_forgotten (id, cursor) VALUES (1, 0);
  INSERT INTO articles_revision (id, revision) VALUES (1, 0);
  INSERT INTO cache_revision (id, revision) VALUES (1, 0);
  INSERT INTO customer_count (id, customers) VALUES (1, 0);
  INSERT INTO message_search_progress (id, cursor, unread_id) VALUES (1, 0, 0);
`;

async function emptyTables(url: string): Promise<void> {
  const tables = `SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'migrations'`;
  const sequences = `SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL`;
  await run(
    `SET session_replication_role = replica;
    DO $$ DECLARE name text; BEGIN
      FOR name IN ${tables} LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
      FOR name IN ${sequences} LOOP EXECUTE format('ALTER SEQUENCE %I RESTART', name); END LOOP;
    END $$;
    ${seeds}`,
    url,
  );
}

async function run(sql: string, url = server): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
