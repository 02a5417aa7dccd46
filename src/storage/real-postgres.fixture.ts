import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { Client } from 'pg';

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
  const name = `test_${randomBytes(8).toString('hex')}`;
  await run(`CREATE SCHEMA ${name}`);
  test.after(() => run(`DROP SCHEMA ${name} CASCADE`));
  return `${server}?options=${encodeURIComponent(`-c search_path=${name}`)}&application_name=${name}`;
}

async function run(sql: string): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
