import type { User } from '../../storage/users.ts';
import type { Role } from './caller.ts';

export type AccountStatus = 'active' | 'disabled';

/** An account as others may see it: never its password's hash. Times are milliseconds since the epoch. */
export interface Account {
  id: number;
  username: string;
  email: string;
  fullName: string;
  role: Role;
  status: AccountStatus;
  createdAt: number;
  lastLoginAt: number | null;
}

/** What a person registers with. */
export interface Registration {
  /** 3 to 64 characters. */
  username: string;
  email: string;
  /** 8 to 256 characters. */
  password: string;
  /** Up to 100 characters. */
  fullName?: string;
}

/** An account as it is made by an administrator. */
export interface NewAccount extends Registration {
  role: Role;
}

/** A login, as the one who logged in gets it. */
export interface LoggedIn {
  account: Account;
  accessToken: string;
  expiresInSeconds: number;
  /** Good for 30 days, and for one refresh. */
  refreshToken: string;
}

/** A login whose access token is a new one. */
export type RenewedLogin = Omit<LoggedIn, 'refreshToken'>;

/** What others may see of a user. */
export function accountOf(
  user: Pick<
    User,
    'id' | 'username' | 'email' | 'fullName' | 'role' | 'status' | 'createdAt' | 'lastLoginAt'
  >,
): Account {
  const { id, username, email, fullName, createdAt, lastLoginAt } = user;
  const role = user.role as Role;
  return {
    id,
    username,
    email,
    fullName,
    role,
    status: user.status as AccountStatus,
    createdAt,
    lastLoginAt,
  };
}

/** Whether somebody may be in charge of customers' conversations: an active agent or administrator. */
export function mayAnswer({ role, status }: Pick<User, 'role' | 'status'>): boolean {
  return status === 'active' && role !== 'user';
}

/** How customers and colleagues know an agent: the full name, else the user name, of which an address shows only what is before its "@". */
export function agentNameOf({ fullName, username }: Pick<User, 'fullName' | 'username'>): string {
  return fullName || username.replace(/@.*$/u, '');
}
