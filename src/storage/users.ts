import { sql } from 'kysely';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, likeInAnyCase, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileAudit, compileAuditOfNew, type NewAuditEntry } from './audit-log.ts';
import type { Page } from './conversations.ts';
import { readBudget, type StoredBudget } from './budgets.ts';
import { compileClaim, type Claim } from './idempotency-keys.ts';
import { agentName } from './shown-name.ts';
import { accepted } from './storage-error.ts';
import { changeStatements, deleted, loginKey, removalStatements, type UserChange } from './user-changes.ts';

export type { UserChange } from './user-changes.ts';

/** An account as it is made. */
export interface NewUser {
  username: string;
  email: string;
  fullName: string;
  nickname?: string | null;
  phone?: string | null;
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
  /** What may be spent in a month; null where the configuration says. */
  budget: StoredBudget | null;
}

/** A claim whose result will be `{userId}`, which nobody knows before. */
export type AccountClaim = Omit<Claim, 'result'>;

/** Which accounts a list shows; what is left out does not matter. */
export interface UserFilter {
  role?: string | undefined;
  status?: string | undefined;
  /** In the user name, the address or the full name, in any case. */
  search?: string | undefined;
}

/** Accounts. User names and e-mail addresses are unique without regard to case. */
export interface Users {
  /**
   * Resolves to the new account's id, which becomes the audit entry's target; rejects with `conflict` on a taken name or address, with `users.username_key` or
   * `users.email_key` as the error's `constraint`; where the claim's key is taken too, only that is said (`isTakenClaim`).
   */
  create(user: NewUser, claim?: AccountClaim, audit?: NewAuditEntry): Promise<number>;
  /** By e-mail address or user name, in any case; the address wins where one person's is another's name. */
  findByLogin(login: string): Promise<User | undefined>;
  findById(id: number): Promise<User | undefined>;
  /** Administrators, disabled ones included. */
  countAdmins(): Promise<number>;
  /** The administrator that was made first. */
  firstAdmin(): Promise<User | undefined>;
  /** Every account, in the order of their making. */
  list(): Promise<User[]>;
  /** In the order of their making, with how many there are. */
  page(filter: UserFilter, page: Page): Promise<{ users: User[]; total: number }>;
  /** What others call these accounts, those that are gone included; who has no name left is ''. */
  namesOf(ids: readonly number[]): Promise<Map<number, string>>;
  /**
   * One unit with the claim and the audit entry. A new password, another role and disabling also revoke all logins of the account. False
   * where there is no such account, or where no active administrator would be left; rejects as `create` does.
   */
  change(change: UserChange, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /**
   * One unit with the claim and the audit entry: the account is gone, its logins are revoked, its name and address are free. What it said
   * stays, and so do its conversations. False as `change`.
   */
  remove(id: number, at: number, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
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
  'budget',
] as const;

/** Accounts kept in `database`. */
export function createUsers(database: Database, queries: Queries): Users {
  const select = queries.selectFrom('users').select(columns).where('status', '!=', deleted);
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
  const auditing = compileAudit(queries);
  const auditingNew = compileAuditOfNew(queries, 'users');

  async function first(query: typeof byId): Promise<User | undefined> {
    const [row] = await database.read(query);
    return row && userOf(row);
  }

  return {
    async create(user, claim, audit) {
      const insert = queries.insertInto('users').values(tableRow(user)).returning('id');
      const claimed = claim === undefined ? [] : claiming({ ...claim, result: null }, user.createdAt);
      const named = claim === undefined ? [] : [nameResult(queries, claim, user)];
      const told = auditingNew(audit);
      const results = await database.write([...claimed, compileStatement(insert, 1), ...told, ...named]);
      return results[claimed.length]?.rows[0]?.['id'] as number;
    },
    async findByLogin(login) {
      const values = [loginKey(login)];
      return (await first(withValues(byEmail, values))) ?? (await first(withValues(byUsername, values)));
    },
    findById: (id) => first(withValues(byId, [id])),
    countAdmins: async () => (await database.read(adminCount))[0]?.count ?? 0,
    firstAdmin: () => first(firstAdmin),
    list: async () => (await database.read(all)).map(userOf),
    page: (filter, page) => readPage(database, queries, filter, page),
    namesOf: (ids) => readNames(database, queries, ids),
    change: (change, claim, audit) =>
      accepted(
        database.write([
          ...claiming(claim, change.at),
          ...changeStatements(queries, change),
          ...auditing(audit),
        ]),
      ),
    remove: (id, at, claim, audit) =>
      accepted(
        database.write([...claiming(claim, at), ...removalStatements(queries, id, at), ...auditing(audit)]),
      ),
  };
}

function userOf<Row extends { budget: string | null }>(row: Row) {
  return { ...row, budget: readBudget(row.budget) };
}

async function readPage(database: Database, queries: Queries, filter: UserFilter, { skip, limit }: Page) {
  const matching = selectMatching(queries, filter);
  const page = matching.select(columns).orderBy('id').limit(limit).offset(skip);
  const counted = matching.select(({ fn }) => fn.countAll<number>().as('total'));
  const [rows, [count]] = await Promise.all([
    database.read(compileQuery(page)),
    database.read(compileQuery(counted)),
  ]);
  return { users: rows.map(userOf), total: count?.total ?? 0 };
}

async function readNames(database: Database, queries: Queries, ids: readonly number[]) {
  if (ids.length === 0) return new Map<number, string>();
  const named = queries.selectFrom('users').select(['id', agentName('users').as('name')]);
  const rows = await database.read(compileQuery(named.where('id', 'in', [...new Set(ids)])));
  return new Map(rows.map(({ id, name }) => [id, name]));
}

function selectMatching(queries: Queries, { role, status, search }: UserFilter) {
  const text = `%${loginKey(search ?? '').replace(/[%_\\]/gu, '\\$&')}%`;
  const occursIn = (column: string) => likeInAnyCase(queries, sql.ref(column), text);
  return queries
    .selectFrom('users')
    .where('status', '!=', deleted)
    .$if(role !== undefined, (select) => select.where('role', '=', role as string))
    .$if(status !== undefined, (select) => select.where('status', '=', status as string))
    .$if(search !== undefined && search !== '', (select) =>
      select.where(({ or }) => or([occursIn('username_key'), occursIn('email_key'), occursIn('full_name')])),
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

function tableRow(user: NewUser) {
  return {
    username: user.username,
    username_key: loginKey(user.username),
    email: user.email,
    email_key: loginKey(user.email),
    full_name: user.fullName,
    nickname: user.nickname ?? null,
    phone: user.phone ?? null,
    password_hash: user.passwordHash,
    role: user.role,
    status: user.status,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
  };
}
