import { sql } from 'kysely';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim, type Claim } from './idempotency-keys.ts';
import { accepted } from './storage-error.ts';

/** An account as it is made. */
export interface NewUser {
  username: string;
  email: string;
  fullName: string;
  passwordHash: string;
  /** `user`, `agent` or `admin`. */
  role: string;
  /** `active` or `disabled`. */
  status: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
}

/** A stored account. */
export interface User extends NewUser {
  id: number;
  nickname: string | null;
  phone: string | null;
  avatarUrl: string | null;
  lastLoginAt: number | null;
}

/** A claim whose result will be `{userId}`, which nobody knows before. */
export type AccountClaim = Omit<Claim, 'result'>;

/** Accounts. User names and e-mail addresses are unique without regard to case. */
export interface Users {
  /**
   * Resolves to the new account's id; rejects with `conflict` on a taken name or address, with `users.username_key` or
   * `users.email_key` as the error's `constraint`; where the claim's key is taken too, only that is said (`isTakenClaim`).
   */
  create(user: NewUser, claim?: AccountClaim): Promise<number>;
  /** By e-mail address or user name, in any case; the address wins where one person's is another's name. */
  findByLogin(login: string): Promise<User | undefined>;
  findById(id: number): Promise<User | undefined>;
  /** Administrators, disabled ones included. */
  countAdmins(): Promise<number>;
  /** The administrator that was made first. */
  firstAdmin(): Promise<User | undefined>;
  /** Every account, in the order of their making. */
  list(): Promise<User[]>;
  /** Also revokes all logins of the account, in one unit. False where there is no such account. */
  setPassword(id: number, passwordHash: string, at: number): Promise<boolean>;
  /**
   * Disabling also revokes all logins of the account, in one unit. False where there is no such account, or where no active
   * administrator would be left.
   */
  setStatus(id: number, status: 'active' | 'disabled', at: number): Promise<boolean>;
}

const columns = [
  'id',
  'username',
  'email',
  'full_name as fullName',
  'password_hash as passwordHash',
  'role',
  'status',
  'created_at as createdAt',
  'updated_at as updatedAt',
  'nickname',
  'phone',
  'avatar_url as avatarUrl',
  'last_login_at as lastLoginAt',
] as const;

/** Accounts kept in `database`. */
export function createUsers(database: Database, queries: Queries): Users {
  const select = queries.selectFrom('users').select(columns);
  const byId = compileQuery(select.where('id', '=', 0));
  const byEmail = compileQuery(select.where('email_key', '=', ''));
  const byUsername = compileQuery(select.where('username_key', '=', ''));
  const all = compileQuery(select.orderBy('id'));
  const firstAdmin = compileQuery(select.where('role', '=', 'admin').orderBy('id').limit(1));
  const adminCount = compileQuery(
    queries
      .selectFrom('users')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('role', '=', 'admin'),
  );

  const claiming = compileClaim(queries);

  async function first(query: typeof byId): Promise<User | undefined> {
    const [row] = await database.read(query);
    return row && { ...row };
  }

  return {
    async create(user, claim) {
      const insert = queries.insertInto('users').values(tableRow(user)).returning('id');
      const claimed = claim === undefined ? [] : claiming({ ...claim, result: null }, user.createdAt);
      const named = claim === undefined ? [] : [nameResult(queries, claim, user)];
      const results = await database.write([...claimed, compileStatement(insert, 1), ...named]);
      return results[claimed.length]?.rows[0]?.['id'] as number;
    },
    async findByLogin(login) {
      const values = [loginKey(login)];
      return (await first(withValues(byEmail, values))) ?? (await first(withValues(byUsername, values)));
    },
    findById: (id) => first(withValues(byId, [id])),
    countAdmins: async () => (await database.read(adminCount))[0]?.count ?? 0,
    firstAdmin: () => first(firstAdmin),
    list: async () => (await database.read(all)).map((row) => ({ ...row })),
    setPassword: (id, passwordHash, at) =>
      accepted(
        database.write([
          compileStatement(
            queries
              .updateTable('users')
              .set({ password_hash: passwordHash, updated_at: at })
              .where('id', '=', id),
            1,
          ),
          revokeAll(queries, id, at),
        ]),
      ),
    setStatus: (id, status, at) =>
      accepted(
        database.write([
          compileStatement(statusUpdate(queries, id, status, at), 1),
          ...(status === 'disabled' ? [revokeAll(queries, id, at)] : []),
        ]),
      ),
  };
}

function revokeAll(queries: Queries, userId: number, at: number): Statement {
  const update = queries.updateTable('logins').set({ revoked_at: at });
  return compileStatement(update.where('user_id', '=', userId).where('revoked_at', 'is', null));
}

/** The last active administrator is judged within the statement: two who disable each other at once do not both succeed. */
function statusUpdate(queries: Queries, id: number, status: string, at: number) {
  const update = queries.updateTable('users').set({ status, updated_at: at }).where('id', '=', id);
  if (status === 'active') return update;
  return update.where(({ or, eb, exists, selectFrom }) =>
    or([
      eb('role', '!=', 'admin'),
      exists(
        selectFrom('users as others')
          .select('others.id')
          .where('others.role', '=', 'admin')
          .where('others.status', '=', 'active')
          .where('others.id', '!=', id),
      ),
    ]),
  );
}

/** Writes the new account's id into its claim. */
function nameResult(queries: Queries, { owner, key }: AccountClaim, user: NewUser): Statement {
  const id = queries.selectFrom('users').select('id').where('email_key', '=', loginKey(user.email));
  const update = queries
    .updateTable('idempotency_keys')
    .set({ result: sql<string>`'{"userId":' || (${id}) || '}'` })
    .where('owner', '=', owner)
    .where('key', '=', key);
  return compileStatement(update, 1);
}

/** Two spellings that people take for the same have the same key. */
function loginKey(login: string): string {
  return login.normalize('NFKC').toLowerCase();
}

function tableRow(user: NewUser) {
  return {
    username: user.username,
    username_key: loginKey(user.username),
    email: user.email,
    email_key: loginKey(user.email),
    full_name: user.fullName,
    password_hash: user.passwordHash,
    role: user.role,
    status: user.status,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
  };
}
