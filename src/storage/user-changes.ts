import { sql } from 'kysely';
import type { SqlBool } from 'kysely';
import type { Statement } from './database.ts';
import { compileStatement } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { writeBudget, type StoredBudget } from './budgets.ts';
import { agentName } from './shown-name.ts';

/** New values of an account; what is left out stays. */
export interface UserChange {
  id: number;
  /** Also the user name where that was the address. */
  email?: string | undefined;
  fullName?: string | undefined;
  role?: string | undefined;
  status?: 'active' | 'disabled' | undefined;
  passwordHash?: string | undefined;
  budget?: StoredBudget | null | undefined;
  at: number;
}

/** The status of an account that is gone: only what it said is left of it. */
export const deleted = sql.lit('deleted');

/** The statements of a change; the first refuses the unit where there is no such account, or no active administrator would be left. */
export function changeStatements(queries: Queries, change: UserChange): Statement[] {
  const { id, role, status, passwordHash, at } = change;
  const endsLogins = status === 'disabled' || passwordHash !== undefined;
  return [
    ...(role === undefined ? [] : [revokeUnlessRole(queries, id, role, at)]),
    compileStatement(updateOf(queries, change), 1),
    ...(endsLogins ? [revokeAll(queries, id, at)] : []),
  ];
}

/** The account's name and address are free again, and the customer that it was has none; who answered customers keeps the name under which they know it. */
export function removalStatements(queries: Queries, id: number, at: number): Statement[] {
  const tombstone = `@deleted:${id}`;
  const update = queries
    .updateTable('users')
    .set((eb) => ({
      username: '',
      // No living account can have it: an address has something before its "@".
      username_key: tombstone,
      email: '',
      email_key: tombstone,
      full_name: eb.case().when('role', '=', 'user').then('').else(agentName('users')).end(),
      password_hash: '',
      role: 'user',
      status: deleted,
      nickname: null,
      phone: null,
      avatar_url: null,
      budget: null,
      updated_at: at,
    }))
    .where('id', '=', id)
    .where('status', '!=', deleted)
    .where(leavesAnAdministrator(id));
  const customer = queries.updateTable('customers').set({ name: '', email: null });
  return [
    compileStatement(update, 1),
    revokeAll(queries, id, at),
    compileStatement(customer.where('key', '=', `user:${id}`)),
  ];
}

/** Revokes all logins of an account. */
export function revokeAll(queries: Queries, userId: number, at: number): Statement {
  return compileStatement(revocation(queries, userId, at));
}

/** Two spellings that people take for the same have the same key. */
export function loginKey(login: string): string {
  return login.normalize('NFKC').toLowerCase();
}

function updateOf(queries: Queries, change: UserChange) {
  const { id, email, fullName, role, status, passwordHash, budget, at } = change;
  const update = queries
    .updateTable('users')
    .set((eb) => ({
      updated_at: at,
      ...(email !== undefined && {
        email,
        email_key: loginKey(email),
        username: eb
          .case()
          .when('username_key', '=', eb.ref('email_key'))
          .then(email)
          .else(eb.ref('username'))
          .end(),
        username_key: eb
          .case()
          .when('username_key', '=', eb.ref('email_key'))
          .then(loginKey(email))
          .else(eb.ref('username_key'))
          .end(),
      }),
      ...(fullName !== undefined && { full_name: fullName }),
      ...(role !== undefined && { role }),
      ...(status !== undefined && { status }),
      ...(passwordHash !== undefined && { password_hash: passwordHash }),
      ...(budget !== undefined && { budget: writeBudget(budget) }),
    }))
    .where('id', '=', id)
    .where('status', '!=', deleted);
  const mayLeaveNone = status === 'disabled' || (role !== undefined && role !== 'admin');
  return mayLeaveNone ? update.where(leavesAnAdministrator(id)) : update;
}

/** Judged within the statement: two who disable each other at once do not both succeed. */
function leavesAnAdministrator(id: number) {
  return sql<SqlBool>`(role != 'admin' or status != 'active' or exists (
    select 1 from users as others where others.role = 'admin' and others.status = 'active' and others.id != ${id}))`;
}

function revocation(queries: Queries, userId: number, at: number) {
  return queries
    .updateTable('logins')
    .set({ revoked_at: at })
    .where('user_id', '=', userId)
    .where('revoked_at', 'is', null);
}

/** Who has rights on a socket has them until its login ends. */
function revokeUnlessRole(queries: Queries, id: number, role: string, at: number): Statement {
  return compileStatement(
    revocation(queries, id, at).where(({ exists, selectFrom }) =>
      exists(selectFrom('users').select('id').where('id', '=', id).where('role', '!=', role)),
    ),
  );
}
