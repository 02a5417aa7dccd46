import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

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
}

/** Accounts. User names and e-mail addresses are unique without regard to case. */
export interface Users {
  /**
   * Resolves to the new account's id; rejects with `conflict` on a taken name or address, with `users.username_key` or
   * `users.email_key` as the error's `constraint`.
   */
  create(user: NewUser): Promise<number>;
  /** By e-mail address or user name, in any case; the address wins where one person's is another's name. */
  findByLogin(login: string): Promise<User | undefined>;
  findById(id: number): Promise<User | undefined>;
  /** Administrators, disabled ones included. */
  countAdmins(): Promise<number>;
  /** The administrator that was made first. */
  firstAdmin(): Promise<User | undefined>;
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
] as const;

/** Accounts kept in `database`. */
export function createUsers(database: Database, queries: Queries): Users {
  const select = queries.selectFrom('users').select(columns);
  const byId = compileQuery(select.where('id', '=', 0));
  const byEmail = compileQuery(select.where('email_key', '=', ''));
  const byUsername = compileQuery(select.where('username_key', '=', ''));
  const firstAdmin = compileQuery(select.where('role', '=', 'admin').orderBy('id').limit(1));
  const adminCount = compileQuery(
    queries
      .selectFrom('users')
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .where('role', '=', 'admin'),
  );

  async function first(query: typeof byId): Promise<User | undefined> {
    const [row] = await database.read(query);
    return row && { ...row };
  }

  return {
    async create(user) {
      const insert = queries.insertInto('users').values(tableRow(user)).returning('id');
      const [result] = await database.write([compileStatement(insert, 1)]);
      return result?.rows[0]?.['id'] as number;
    },
    async findByLogin(login) {
      const values = [loginKey(login)];
      return (await first(withValues(byEmail, values))) ?? (await first(withValues(byUsername, values)));
    },
    findById: (id) => first(withValues(byId, [id])),
    countAdmins: async () => (await database.read(adminCount))[0]?.count ?? 0,
    firstAdmin: () => first(firstAdmin),
  };
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
