import type { NewAuditEntry } from '../../storage/audit-log.ts';
import type { AccountClaim, Users } from '../../storage/users.ts';
import { ParleyError } from '../errors.ts';
import { inEnglish, type Issue } from '../issue.ts';
import type { Runtime } from '../runtime.ts';
import { storageFailureOf } from '../storage-failure.ts';
import { accountFieldsOf, checkPassword } from './account-fields.ts';
import { accountOf, type Account, type AccountStatus, type NewAccount } from './account.ts';
import type { Passwords } from './passwords.ts';

/** Accounts, without their logins. */
export interface Registry {
  /**
   * Makes an account of any role. Throws `invalid_request` with the field at fault, `already_taken` with `username` or
   * `email` as the field; with a claim that is taken, what the store throws.
   */
  create(account: NewAccount, claim?: AccountClaim, audit?: NewAuditEntry): Promise<Account>;
  get(id: number): Promise<Account | undefined>;
  /** By e-mail address or user name, in any case. */
  find(login: string): Promise<Account | undefined>;
  /** What others call these accounts, those that are gone included; who has no name left is ''. */
  namesOf(ids: readonly number[]): Promise<Map<number, string>>;
  /** Every account, in the order of their making. */
  list(): Promise<Account[]>;
  /** Also revokes all logins of the account. Throws `not_found` and `invalid_request`. */
  setPassword(id: number, password: string, audit?: NewAuditEntry): Promise<void>;
  /** Disabling revokes all logins of the account. Throws `not_found`, and `forbidden` for the last active administrator. */
  setStatus(id: number, status: AccountStatus, audit?: NewAuditEntry): Promise<void>;
}

export interface RegistryParts {
  users: Users;
  passwords: Passwords;
  runtime: Pick<Runtime, 'now'>;
}

/** The accounts in the store. Logins that another part believes are not told of changes. */
export function createRegistry({ users, passwords, runtime }: RegistryParts): Registry {
  const create: Registry['create'] = async ({ role, ...registration }, claim, audit) => {
    const { password, ...fields } = accountFieldsOf(registration);
    if (await users.findByLogin(fields.email)) throw alreadyTaken('email');
    if (await users.findByLogin(fields.username)) throw alreadyTaken('username');
    const now = runtime.now();
    const passwordHash = await passwords.hash(password);
    const user = { ...fields, passwordHash, role, status: 'active', createdAt: now, updatedAt: now };
    const id = await users.create(user, claim, audit).catch((thrown: unknown) => {
      throw conflictOf(thrown);
    });
    return accountOf({ ...user, id, avatarUrl: null, lastLoginAt: null, budget: null });
  };

  return {
    create,
    async get(id) {
      const user = await users.findById(id);
      return user && accountOf(user);
    },
    async find(login) {
      const user = await users.findByLogin(login);
      return user && accountOf(user);
    },
    namesOf: users.namesOf,
    list: async () => (await users.list()).map(accountOf),
    async setPassword(id, password, audit) {
      checkPassword(password);
      const passwordHash = await passwords.hash(password);
      const change = { id, passwordHash, at: runtime.now() };
      if (!(await users.change(change, undefined, audit))) throw notFound();
    },
    async setStatus(id, status, audit) {
      if (await users.change({ id, status, at: runtime.now() }, undefined, audit)) return;
      if ((await users.findById(id)) === undefined) throw notFound();
      throw new ParleyError('forbidden', 'The last active administrator cannot be disabled.');
    },
  };
}

/** The store has the last word: of two registrations at once, one meets the other's row. */
function conflictOf(thrown: unknown): unknown {
  const field = takenField(thrown);
  return field === undefined ? thrown : alreadyTaken(field);
}

/** The field of an account that the store refused because another account has it. */
export function takenField(thrown: unknown): 'username' | 'email' | undefined {
  const { code, constraint } = storageFailureOf(thrown) ?? {};
  if (code !== 'conflict') return undefined;
  if (constraint === 'users.email_key') return 'email';
  return constraint === 'users.username_key' ? 'username' : undefined;
}

export function alreadyTaken(field: 'username' | 'email'): ParleyError {
  const issue: Issue = { kind: 'taken', what: field };
  return new ParleyError('already_taken', `${field}: ${inEnglish(issue)}`, { field, issue });
}

function notFound(): ParleyError {
  return new ParleyError('not_found', 'There is no such account.');
}
