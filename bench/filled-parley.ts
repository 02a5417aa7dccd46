import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createAccessTokens } from '../src/core/identity/access-tokens.ts';
import { spawnNode, type Party } from './children.ts';
import type { Filled } from './fill/fill.ts';
import { loginIdOf } from './fill/people.ts';
import type { LoginContract } from './fill/people.ts';
import type { Population } from './fill/population.ts';
import { createParleyHouse, secret, type ParleySettings } from './parley.ts';
import type { BenchDatabase } from './postgres.ts';

const script = new URL('fill/fill.ts', import.meta.url).pathname;
const lifetimeMs = 6 * 3_600_000;

/** Far above what one machine can ask, and the highest that can be configured: the limiter counts every request and refuses none. */
const perMinute = 1_000_000;

/** A Parley whose database was filled before its start. */
export interface FilledParley {
  filled: Filled;
  /** The header that names a user by an access token of that contract. */
  headersOf(userId: number, contract?: LoginContract): Record<string, string>;
  /** What the SQLite file answers, which must not be asked while somebody measures. */
  select<Row>(sql: string): Row[];
  start(nodeArgs?: readonly string[]): Promise<Party>;
  remove(): void;
}

function runFill(file: string, population: Population): Promise<Filled> {
  const command = { name: 'fill', args: [script, file, JSON.stringify(population)] };
  const child = spawnNode(command, ['ignore', 'pipe', 'pipe']);
  let printed = '';
  let failed = '';
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (failed += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed) as Filled);
      else reject(new Error(`the database could not be filled: ${failed}`));
    });
  });
}

/**
 * Fills a database for a Parley with production settings, which is not started yet. Its tokens are good for six hours. With `database`, everything
 * is moved there from the SQLite file, as an operator would.
 */
export async function fillParley(
  providerOrigin: string,
  population: Population,
  settings: ParleySettings = {},
  database?: BenchDatabase,
): Promise<FilledParley> {
  const limits = {
    assistant: { chat_per_minute: perMinute, sessions_per_user: 1_000_000 },
    companion: { chat_per_minute: perMinute },
    helpdesk: { admin_calls_per_minute: perMinute },
    gateway: { requests_per_minute: perMinute, burst: perMinute },
  };
  const house = createParleyHouse(
    providerOrigin,
    { secret, limits, ...settings },
    database ? { DATABASE_URL: database.url } : {},
  );
  mkdirSync(dirname(house.databaseFile), { recursive: true });
  const tokens = createAccessTokens({ secret, lifetimeMs, runtime: { now: Date.now } });
  const filled = await runFill(house.databaseFile, population);
  if (database) {
    await house.command(['move', '--from', `sqlite:${house.databaseFile}`, '--to', database.url]);
    await database.analyze();
  }
  return {
    filled,
    headersOf(userId, contract = 'assistant') {
      const loginId = loginIdOf(userId, contract);
      return { authorization: `Bearer ${tokens.issue({ userId, loginId, contract })}` };
    },
    select<Row>(sql: string) {
      const database = new DatabaseSync(house.databaseFile, { readOnly: true });
      try {
        return database.prepare(sql).all() as Row[];
      } finally {
        database.close();
      }
    },
    start: (nodeArgs) => house.start(nodeArgs),
    remove: () => house.remove(),
  };
}
