import { refusal } from '../config/config-error.ts';
import { email as emailKind } from '../config/kinds.ts';
import { auditEntry } from '../core/audit.ts';
import type { Account, AccountStatus } from '../core/identity/account.ts';
import type { Registry } from '../core/identity/registry.ts';
import { shownTime } from './shown-time.ts';
import type { Terminal } from './terminal.ts';
import { textTable } from './text-table.ts';
import { UsageError } from './usage-error.ts';

/** What the commands about administrators work with. */
export interface AdminCommandParts {
  registry: Registry;
  terminal: Terminal;
  /** Wall clock, milliseconds since the epoch. */
  now: number;
  /** A password that nobody can guess. */
  generatePassword: () => string;
}

/** What they were given, as text. */
export interface AdminOptions {
  email?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
}

/** Makes an administrator. A generated password is printed on standard output, all else on standard error. Throws `UsageError`. */
export async function createAdmin(parts: AdminCommandParts, options: AdminOptions): Promise<number> {
  const { registry, terminal } = parts;
  const email = emailOf(options);
  const { password, tell } = passwordOf(parts, options);
  const username = options.username ?? email;
  const audit = auditOf(parts, 'user.create', null, { email, role: 'admin' });
  const { id } = await registry.create({ username, email, password, role: 'admin' }, undefined, audit);
  terminal.err(`Administrator ${id}, ${email}, is made.\n`);
  tell();
  return 0;
}

/** Gives an account a new password, which ends its logins; 1 where there is no such account. Throws `UsageError`. */
export async function resetPassword(parts: AdminCommandParts, options: AdminOptions): Promise<number> {
  const account = await accountFor(parts, emailOf(options));
  if (account === undefined) return 1;
  const { password, tell } = passwordOf(parts, options);
  const audit = auditOf(parts, 'user.update', account.id, { password: 'changed' });
  await parts.registry.setPassword(account.id, password, audit);
  parts.terminal.err(
    `${account.email} has a new password; its logins have ended.${disabledNote(account)} A running server heeds it within a second.\n`,
  );
  tell();
  return 0;
}

/** Disables or enables an account; 1 where there is no such account. Throws `UsageError`. */
export async function setAdminStatus(
  parts: AdminCommandParts,
  options: AdminOptions,
  status: AccountStatus,
): Promise<number> {
  const account = await accountFor(parts, emailOf(options));
  if (account === undefined) return 1;
  await parts.registry.setStatus(account.id, status, auditOf(parts, 'user.update', account.id, { status }));
  const what = status === 'active' ? 'may log in again' : 'is disabled, and its logins have ended';
  parts.terminal.out(`${account.email} ${what}. A running server heeds it within a second.\n`);
  return 0;
}

/** Prints all administrators, in the order of their making. */
export async function listAdmins({ registry, terminal }: AdminCommandParts): Promise<number> {
  const admins = (await registry.list()).filter(({ role }) => role === 'admin');
  if (admins.length === 0) {
    terminal.err('There are no administrators: the first start of the server makes one.\n');
    return 0;
  }
  const headings = ['ID', 'EMAIL', 'USER NAME', 'STATE', 'CREATED', 'LAST LOGIN'];
  const rows = admins.map(({ id, email, username, status, createdAt, lastLoginAt }) => [
    String(id),
    email,
    username,
    status,
    shownTime(createdAt),
    shownTime(lastLoginAt),
  ]);
  terminal.out(textTable([headings, ...rows]));
  return 0;
}

function auditOf(
  { now }: AdminCommandParts,
  action: string,
  id: number | null,
  details: Record<string, unknown>,
) {
  return auditEntry('command line', now, action, { type: 'user', id }, details);
}

function emailOf({ email }: AdminOptions): string {
  if (email === undefined) throw new UsageError('--email is missing: must be an e-mail address');
  const parsed = emailKind.parse(email);
  if (parsed === undefined) throw new UsageError(refusal('--email', email, emailKind.allowed).message);
  return parsed;
}

async function accountFor({ registry, terminal }: AdminCommandParts, email: string) {
  const account = await registry.find(email);
  if (account === undefined) terminal.err(`There is no account with the address ${email}.\n`);
  return account;
}

function passwordOf({ terminal, generatePassword }: AdminCommandParts, { password }: AdminOptions) {
  if (password !== undefined) return { password, tell: () => {} };
  const generated = generatePassword();
  const tell = () => {
    terminal.out(`${generated}\n`);
    terminal.err('The password is shown this once only: keep it.\n');
  };
  return { password: generated, tell };
}

function disabledNote({ status }: Account): string {
  return status === 'disabled' ? ' It is still disabled.' : '';
}
