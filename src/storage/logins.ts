import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { isRefusedUnit } from './storage-error.ts';

/** A login as it is made. Its refresh token is never stored, only the hash of it. */
export interface NewLogin {
  userId: number;
  /** The contract that logged in. */
  contract: string;
  /** Milliseconds since the epoch, as are the other times. */
  createdAt: number;
  /** When the login ends, and its refresh token with it. */
  expiresAt: number;
  refreshHash: string;
  ip: string;
}

/** A stored login, with what its user is now. */
export interface Login extends NewLogin {
  id: number;
  revokedAt: number | null;
  role: string;
  status: string;
}

/** Logins, whether valid, expired or revoked. */
export interface Logins {
  /**
   * Resolves to the new login's id and notes the user's last login, in one unit; undefined where the user is not active
   * any more or has another password than the one that was checked.
   */
  create(login: NewLogin, passwordHash: string): Promise<number | undefined>;
  findById(id: number): Promise<Login | undefined>;
  findByRefreshHash(refreshHash: string): Promise<Login | undefined>;
  /** False where there is no such login or it is revoked already. */
  revoke(id: number, at: number): Promise<boolean>;
  /** The ids of the logins that were revoked at or after `at`. */
  revokedSince(at: number): Promise<number[]>;
  /** Forgets logins that expired before `at`; resolves to how many. */
  removeExpired(at: number): Promise<number>;
}

const columns = [
  'logins.id',
  'logins.user_id as userId',
  'logins.contract',
  'logins.created_at as createdAt',
  'logins.expires_at as expiresAt',
  'logins.refresh_hash as refreshHash',
  'logins.revoked_at as revokedAt',
  'logins.ip',
  'users.role',
  'users.status',
] as const;

/** Logins kept in `database`. */
export function createLogins(database: Database, queries: Queries): Logins {
  const select = queries
    .selectFrom('logins')
    .innerJoin('users', 'users.id', 'logins.user_id')
    .select(columns);
  const byId = compileQuery(select.where('logins.id', '=', 0));
  const byRefreshHash = compileQuery(select.where('logins.refresh_hash', '=', ''));
  const revokedSince = compileQuery(
    queries.selectFrom('logins').select('id').where('revoked_at', '>=', 0).orderBy('revoked_at'),
  );
  const first = async (query: typeof byId): Promise<Login | undefined> => {
    const [row] = await database.read(query);
    return row && { ...row };
  };

  return {
    async create(login, passwordHash) {
      const touch = queries.updateTable('users').set({ last_login_at: login.createdAt });
      try {
        const [result] = await database.write([
          compileStatement(insertFor(queries, login, passwordHash), 1),
          compileStatement(touch.where('id', '=', login.userId)),
        ]);
        return result?.rows[0]?.['id'] as number;
      } catch (error) {
        if (isRefusedUnit(error)) return undefined;
        throw error;
      }
    },
    findById: (id) => first(withValues(byId, [id])),
    findByRefreshHash: (refreshHash) => first(withValues(byRefreshHash, [refreshHash])),
    async revoke(id, at) {
      const update = queries.updateTable('logins').set({ revoked_at: at });
      const [result] = await database.write([
        compileStatement(update.where('id', '=', id).where('revoked_at', 'is', null)),
      ]);
      return result?.changes === 1;
    },
    async revokedSince(at) {
      const rows = await database.read(withValues(revokedSince, [at]));
      return rows.map(({ id }) => id);
    },
    async removeExpired(at) {
      const expired = queries.deleteFrom('logins').where('expires_at', '<', at);
      const [result] = await database.write([compileStatement(expired)]);
      return result?.changes ?? 0;
    },
  };
}

/** Inserts nothing where the user is not as it was when the password was checked. */
function insertFor(queries: Queries, login: NewLogin, passwordHash: string) {
  const user = queries
    .selectFrom('users')
    .select(({ val }) => [
      'id',
      val(login.contract).as('contract'),
      val(login.createdAt).as('created_at'),
      val(login.expiresAt).as('expires_at'),
      val(login.refreshHash).as('refresh_hash'),
      val(login.ip).as('ip'),
    ])
    .where('id', '=', login.userId)
    .where('password_hash', '=', passwordHash)
    .where('status', '=', 'active');
  return queries
    .insertInto('logins')
    .columns(['user_id', 'contract', 'created_at', 'expires_at', 'refresh_hash', 'ip'])
    .expression(user)
    .returning('id');
}
