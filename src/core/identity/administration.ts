import type { Claim } from '../../storage/idempotency-keys.ts';
import type { AccountClaim, User, UserFilter, Users } from '../../storage/users.ts';
import { auditEntry } from '../audit.ts';
import { invalidField, ParleyError, type ErrorOptions } from '../errors.ts';
import { usedOtherwise, type Idempotency, type IdempotentWrites } from '../idempotency.ts';
import { writeBudget, type Budget } from '../money/budget.ts';
import type { Runtime } from '../runtime.ts';
import { checkPassword, emailFrom, fullNameFrom } from './account-fields.ts';
import { accountOf, mayAnswer, type Account, type AccountStatus, type NewAccount } from './account.ts';
import { ownerOf, type Role, type UserCaller } from './caller.ts';
import type { Passwords } from './passwords.ts';
import { alreadyTaken, takenField, type Registry } from './registry.ts';

export type AccountFilter = UserFilter & { role?: Role | undefined; status?: AccountStatus | undefined };

/** What an administrator changes of an account; what is left out stays. */
export interface AccountChanges {
  /** Also the user name where that was the address. */
  email?: string | undefined;
  fullName?: string | undefined;
  role?: Role | undefined;
  status?: AccountStatus | undefined;
  password?: string | undefined;
  /** Null: what the configuration says. */
  budget?: Budget | null | undefined;
}

/** An account that an administrator makes; its user name is its address. */
export type AdministeredAccount = Omit<NewAccount, 'username'>;

/**
 * Accounts, as administrators keep them; everything else throws `forbidden` for others. Each act is in the audit log. A repeat under an idempotency
 * key must show the same password.
 */
export interface Administration {
  /** In the order of their making. */
  list(
    caller: UserCaller,
    filter: AccountFilter,
    page: { skip: number; limit: number },
  ): Promise<{ accounts: Account[]; total: number }>;
  /** Throws `invalid_request` and `already_taken` with the field at fault. */
  create(caller: UserCaller, account: AdministeredAccount, idempotency?: Idempotency): Promise<Account>;
  /**
   * A new password, another role, and disabling end the account's logins at once, on every socket too. The conversations of one who is no
   * active agent any more go back into the queue. Throws `not_found`, `forbidden` for the last active administrator, and as `create` does.
   */
  update(
    caller: UserCaller,
    id: number,
    changes: AccountChanges,
    idempotency?: Idempotency,
  ): Promise<Account>;
  /**
   * The account's logins end at once, its name and address are free, its conversations remain for staff alone. Throws `not_found`, and
   * `forbidden` for oneself and the last active administrator.
   */
  remove(caller: UserCaller, id: number, idempotency?: Idempotency): Promise<void>;
}

export interface AdministrationParts {
  users: Users;
  passwords: Passwords;
  registry: Pick<Registry, 'create'>;
  idempotency: Pick<IdempotentWrites, 'once'>;
  runtime: Pick<Runtime, 'now'>;
  /** To be told when logins may have ended or rights changed. */
  onChanged: () => void;
  /** Takes the conversations from one who is no agent any more. */
  releaseAll: (agentId: number) => Promise<void>;
}

export function createAdministration(parts: AdministrationParts): Administration {
  const { users, passwords, registry, idempotency, runtime, releaseAll } = parts;

  return {
    async list(caller, filter, page) {
      requireAdministrator(caller);
      const found = await users.page(filter, page);
      return { accounts: found.users.map(accountOf), total: found.total };
    },
    async create(caller, account, sent) {
      requireAdministrator(caller);
      const { email, role } = account;
      const audit = auditEntry(
        caller,
        runtime.now(),
        'user.create',
        { type: 'user', id: null },
        { email, role },
      );
      const make = (claim?: AccountClaim) => registry.create({ ...account, username: email }, claim, audit);
      return idempotency.once(ownerOf(caller), sent, null, make, async (result) => {
        const user = await found(users, (result as { userId: number }).userId);
        await showsPassword(passwords, user, account.password);
        return accountOf(user);
      });
    },
    async update(caller, id, changes, sent) {
      requireAdministrator(caller);
      return idempotency.once(
        ownerOf(caller),
        sent,
        { userId: id },
        async (claim) => {
          const change = { ...(await changeFrom(parts, changes)), id, at: runtime.now() };
          const target = { type: 'user', id };
          const audit = auditEntry(caller, change.at, 'user.update', target, toldOf(changes));
          if (!(await users.change(change, claim, audit).catch(asTaken))) await refuse(users, id);
          parts.onChanged();
          const user = await found(users, id);
          if (!mayAnswer(user)) await releaseAll(id);
          return accountOf(user);
        },
        async () => {
          const user = await found(users, id);
          if (changes.password !== undefined) await showsPassword(passwords, user, changes.password);
          return accountOf(user);
        },
      );
    },
    async remove(caller, id, sent) {
      requireAdministrator(caller);
      return remove(parts, caller, id, sent);
    },
  };
}

async function remove(
  { users, idempotency, runtime, onChanged, releaseAll }: AdministrationParts,
  caller: UserCaller,
  id: number,
  sent: Idempotency | undefined,
): Promise<void> {
  if (id === caller.userId) {
    const text = 'You cannot delete your own account; ask another administrator.';
    throw forbidden(text, { field: 'user_id', issue: { kind: 'oneself' } });
  }
  const write = async (claim: Claim | undefined) => {
    const { email, role } = await found(users, id);
    const at = runtime.now();
    const audit = auditEntry(caller, at, 'user.delete', { type: 'user', id }, { email, role });
    if (!(await users.remove(id, at, claim, audit))) await refuse(users, id);
    onChanged();
    await releaseAll(id);
  };
  return idempotency.once(ownerOf(caller), sent, { userId: id }, write, () => Promise.resolve());
}

function requireAdministrator({ role }: UserCaller): void {
  if (role !== 'admin') throw forbidden('Only administrators may do this.');
}

async function changeFrom({ passwords }: AdministrationParts, changes: AccountChanges) {
  const { email, fullName, role, status, password, budget } = changes;
  if (Object.values(changes).every((change) => change === undefined)) {
    throw invalidField('body', { kind: 'nothing_to_change' });
  }
  if (password !== undefined) checkPassword(password);
  return {
    email: email === undefined ? undefined : emailFrom(email),
    fullName: fullName === undefined ? undefined : fullNameFrom(fullName),
    role,
    status,
    budget,
    passwordHash: password === undefined ? undefined : await passwords.hash(password),
  };
}

/** What the audit log says of a change: of a password, only that there is a new one. */
function toldOf({ password, budget, ...changes }: AccountChanges): Record<string, unknown> {
  return { ...changes, ...toldOfBudget(budget), ...(password !== undefined && { password: 'changed' }) };
}

/** As clients write it. */
function toldOfBudget(budget: Budget | null | undefined) {
  return budget === undefined ? {} : { budget: budget && writeBudget(budget) };
}

/** Another account's address may also be found as its user name; to whoever fills in the form it is the address. */
function asTaken(thrown: unknown): never {
  throw takenField(thrown) === undefined ? thrown : alreadyTaken('email');
}

async function refuse(users: Users, id: number): Promise<never> {
  await found(users, id);
  const text = 'This is the last active administrator: make another one first.';
  throw forbidden(text, { field: 'user_id', issue: { kind: 'last_administrator' } });
}

async function found(users: Users, id: number): Promise<User> {
  const user = await users.findById(id);
  if (user === undefined) throw new ParleyError('not_found', 'There is no such account.');
  return user;
}

/** What is quick to compute from a password helps who wants to guess it, so that no fingerprint contains one. */
async function showsPassword(passwords: Passwords, user: User, password: string): Promise<void> {
  if (!(await passwords.verify(password, user.passwordHash))) throw usedOtherwise();
}

function forbidden(text: string, about?: Pick<ErrorOptions, 'field' | 'issue'>): ParleyError {
  return new ParleyError('forbidden', text, about);
}
