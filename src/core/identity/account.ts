import type { User } from '../../storage/users.ts';
import type { Budget } from '../money/budget.ts';
import type { Role } from './caller.ts';

export type AccountStatus = 'active' | 'disabled';

/** An account as others may see it: never its password's hash. Times are milliseconds since the epoch. */
export interface Account {
  id: number;
  username: string;
  email: string;
  fullName: string;
  nickname: string | null;
  phone: string | null;
  avatarUrl: string | null;
  role: Role;
  status: AccountStatus;
  createdAt: number;
  lastLoginAt: number | null;
  /** What may be spent in a month on calls to models; null where the configuration says. */
  budget: Budget | null;
}

/** What a person registers with. */
export interface Registration {
  /** 3 to 64 characters. */
  username: string;
  email: string;
  /** 8 to 256 characters. */
  password: string;
  /** Up to 100 characters. */
  fullName?: string | undefined;
  /** Up to 100 characters; blank is none. */
  nickname?: string | null | undefined;
  /** 5 to 32 digits, spaces and signs; blank is none. */
  phone?: string | null | undefined;
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
  /** Good for 30 days, as long as the login stands. */
  refreshToken: string;
}

/** A login whose access token is a new one. */
export type RenewedLogin = Omit<LoggedIn, 'refreshToken'>;

type ShownUser = Omit<User, 'passwordHash' | 'updatedAt'>;

/** What others may see of a user. */
export function accountOf(user: ShownUser): Account {
  const { id, username, email, fullName, nickname, phone, avatarUrl, createdAt, lastLoginAt } = user;
  const role = user.role as Role;
  const status = user.status as AccountStatus;
  const named = { id, username, email, fullName, nickname, phone, avatarUrl };
  return { ...named, role, status, createdAt, lastLoginAt, budget: user.budget as Budget | null };
}

/** Whether somebody may be in charge of customers' conversations: an active agent or administrator. */
export function mayAnswer({ role, status }: Pick<User, 'role' | 'status'>): boolean {
  return status === 'active' && role !== 'user';
}

/** How customers and colleagues know an agent: the full name, else the user name, of which an address shows only what is before its "@". */
export function agentNameOf({ fullName, username }: Pick<User, 'fullName' | 'username'>): string {
  return fullName || username.replace(/@.*$/u, '');
}
