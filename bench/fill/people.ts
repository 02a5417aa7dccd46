import { randomBytes } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { adminId, agentIds, heavyId, ordinaryIds, type Population } from './population.ts';

const loginLifetimeMs = 30 * 86_400_000;

/** The contracts through which everybody has a login. */
export type LoginContract = 'assistant' | 'companion';

/** The id of a user's login through a contract. */
export function loginIdOf(userId: number, contract: LoginContract): number {
  return userId * 2 - (contract === 'assistant' ? 1 : 0);
}

/** Writes the users, whose passwords nobody knows, with a login of each through either contract. */
export function writePeople(database: DatabaseSync, population: Population, now: number): void {
  const insertUser = database.prepare(
    `INSERT INTO users (id, username, username_key, email, email_key, full_name, password_hash, role, status, created_at, updated_at)
     VALUES (?1, ?2, ?2, ?3, ?3, ?2, 'none', ?4, 'active', ?5, ?5)`,
  );
  const insertLogin = database.prepare(
    `INSERT INTO logins (id, user_id, contract, created_at, expires_at, refresh_hash, ip)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, '127.0.0.1')`,
  );
  const agents = new Set(agentIds(population));
  for (const id of [adminId, heavyId, ...ordinaryIds(population), ...agents]) {
    const name = id === adminId ? 'admin' : `user${id}`;
    const role = id === adminId ? 'admin' : agents.has(id) ? 'agent' : 'user';
    insertUser.run(id, name, `${name}@example.com`, role, now);
    for (const contract of ['assistant', 'companion'] as const) {
      const hash = randomBytes(32).toString('hex');
      insertLogin.run(loginIdOf(id, contract), id, contract, now, now + loginLifetimeMs, hash);
    }
  }
}
