import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as pg from 'pg';

// The project's own version: another one may lie in bench/node_modules.
const { Client } = createRequire(new URL('../package.json', import.meta.url))('pg') as typeof pg;

/** Where databases are made. */
const server = process.env['BENCH_POSTGRES_URL'] ?? 'postgres://postgres@127.0.0.1:5432/postgres';
const connectLimitMs = 3_000;
const dropLimitMs = 20_000;

const names = new Set<string>();

/** A database of the run's own. */
export interface BenchDatabase {
  url: string;
  /** Counts its rows, as a server does by itself some minutes after they were written: plans depend on it. */
  analyze(): Promise<void>;
  drop(): Promise<void>;
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: connectLimitMs });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** An empty database on the server that `BENCH_POSTGRES_URL` names; throws where there is none. */
export async function createDatabase(): Promise<BenchDatabase> {
  const name = `parley_bench_${randomBytes(6).toString('hex')}`;
  await run(server, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  names.add(name);
  const url = new URL(server);
  url.pathname = name;
  return {
    url: url.href,
    analyze: () => run(url.href, 'ANALYZE'),
    async drop() {
      await dropDatabase(name);
      names.delete(name);
    },
  };
}

/** Ends the connections that are left, and drops it. */
export async function dropDatabase(name: string): Promise<void> {
  await run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

/** Drops the databases that are left; for an `exit` handler, after the children were killed. */
export function dropDatabases(): void {
  if (names.size === 0) return;
  const script = new URL('drop-databases.ts', import.meta.url).pathname;
  spawnSync(process.execPath, [script, ...names], { timeout: dropLimitMs, stdio: 'ignore' });
  names.clear();
}
