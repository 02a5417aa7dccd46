import { createHmac } from 'node:crypto';
import type { Account } from '../../src/core/identity/accounts.ts';
import type { Role } from '../../src/core/identity/caller.ts';
import { read, send, type Answered } from './gateway.ts';
import type { Parley } from './parley.ts';

/** The password of every account that tests make. */
export const password = 'correct horse battery staple';

export interface TokenBody {
  access_token: string;
  token_type: string;
}

/** The logins that there are, by the contract that a token of theirs records. */
export const logins = {
  assistant: '/api/v1/auth/token',
  companion: '/api/v1/login',
  helpdesk: '/api/v1/auth/login',
  studio: '/api/auth/login',
} as const;
export type LoginContract = keyof typeof logins;

/** An account with the given user name, made past all doors. */
export function makeAccount(parley: Parley, username: string, role: Role = 'user'): Promise<Account> {
  const email = `${username}@example.com`;
  return parley.app.core.accounts.create({ username, email, password, role });
}

/** `POST` to the login of `contract`; what the helpdesk calls `email` is `username` here, too. */
export function logIn<T = TokenBody>(
  parley: Pick<Parley, 'url'>,
  credentials: unknown,
  contract: LoginContract = 'assistant',
): Promise<Answered<T>> {
  const sent = contract === 'helpdesk' ? asEmail(credentials) : credentials;
  return read<T>(send(`${parley.url}${logins[contract]}`, 'POST', sent));
}

function asEmail(credentials: unknown): unknown {
  if (typeof credentials !== 'object' || credentials === null || !('username' in credentials))
    return credentials;
  const { username, ...rest } = credentials;
  return { email: username, ...rest };
}

/** The access token of a new login of the account `username`. */
export async function tokenOf(
  parley: Pick<Parley, 'url'>,
  username: string,
  contract: LoginContract = 'assistant',
): Promise<string> {
  const { status, body } = await logIn<TokenBody & { data: TokenBody }>(
    parley,
    { username, password },
    contract,
  );
  if (status !== 200) throw new Error(`${username} could not log in: ${JSON.stringify(body)}`);
  return (contract === 'helpdesk' || contract === 'studio' ? body.data : body).access_token;
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** What a JWT says, unchecked. */
export function claimsOf(token: string): Record<string, unknown> {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8');
  return JSON.parse(payload) as Record<string, unknown>;
}

/** A token that says the same as `token`, or what `claims` change of it, signed with a secret that is not the server's. */
export function forge(token: string, claims: Record<string, unknown> = {}): string {
  const [header = ''] = token.split('.');
  const payload = Buffer.from(JSON.stringify({ ...claimsOf(token), ...claims })).toString('base64url');
  const signature = createHmac('sha256', 'another secret of sixteen').update(`${header}.${payload}`);
  return `${header}.${payload}.${signature.digest('base64url')}`;
}
