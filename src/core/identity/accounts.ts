import type { Role, UserCaller } from './caller.ts';

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

export interface LogIn {
  /** User name or e-mail address, in any case. */
  login: string;
  password: string;
  /** The contract that logs in; the token records it. */
  contract: string;
  ip: string;
}

export interface LoggedIn {
  account: Account;
  accessToken: string;
  expiresInSeconds: number;
  refreshToken: string;
}

/** People's accounts and their logins, the same for every contract. */
export interface Accounts {
  /** Throws `invalid_request` with the field at fault, `already_taken` with `username` or `email` as the field. */
  register(registration: Registration): Promise<Account>;
  /**
   * Throws `wrong_credentials`, with the same answer after the same work for an unknown name and a wrong password;
   * `account_disabled` only after the right password; `rate_limited` after too many failures for one account.
   */
  logIn(input: LogIn): Promise<LoggedIn>;
  /** Revokes the login at once, and across restarts. */
  logOut(caller: UserCaller): Promise<void>;
  /**
   * New tokens for the same login; the refresh token shown is spent. Showing a spent one revokes the login, because then
   * two have it. Throws `token_expired` and `token_invalid`.
   */
  refresh(refreshToken: string, ip: string): Promise<LoggedIn>;
  /** Who shows this access token. Throws `token_expired` and `token_invalid`. */
  identify(accessToken: string, ip: string): Promise<UserCaller>;
  get(id: number): Promise<Account | undefined>;
  /** Makes an account of any role; throws as `register` does. */
  create(account: Registration & { role: Role }): Promise<Account>;
  /** Also revokes all logins of the account. Throws `not_found` and `invalid_request`. */
  setPassword(id: number, password: string): Promise<void>;
  /** Disabling revokes all logins of the account. Throws `not_found`, and `forbidden` for the last active administrator. */
  setStatus(id: number, status: AccountStatus): Promise<void>;
  /** Every account, in the order of their making. */
  list(): Promise<Account[]>;
}
