import { hash } from 'node:crypto';
import type { Logins as LoginRows } from '../../storage/logins.ts';
import type { User, Users } from '../../storage/users.ts';
import { ParleyError } from '../errors.ts';
import type { Limits } from '../limits/limits.ts';
import type { Everywhere } from '../realtime/everywhere.ts';
import type { Runtime } from '../runtime.ts';
import type { AccessTokens } from './access-tokens.ts';
import type { UserCaller } from './caller.ts';
import { createLoginThrottle } from './login-throttle.ts';
import { createLogins } from './logins.ts';
import type { Passwords } from './passwords.ts';
import { createRegistration, type Register } from './registration.ts';
import { createRegistry, type Registry } from './registry.ts';
import type { LoggedIn, RenewedLogin } from './account.ts';
import type { IdempotentWrites } from '../idempotency.ts';

export type { Account, AccountStatus, LoggedIn, NewAccount, Registration, RenewedLogin } from './account.ts';

/** What a person logs in with. */
export interface LogIn {
  /** User name or e-mail address, in any case. */
  login: string;
  password: string;
  /** The contract that logs in; the token records it. */
  contract: string;
  ip: string;
}

/** People's accounts and their logins, the same for every contract. */
export interface Accounts extends Registry {
  register: Register;
  /**
   * Throws `wrong_credentials`, with the same answer after the same work for an unknown name and a wrong password;
   * `account_disabled` only after the right password; `rate_limited` after too many failures for one account.
   */
  logIn(input: LogIn): Promise<LoggedIn>;
  /** Revokes the login at once, and across restarts. */
  logOut(caller: UserCaller): Promise<void>;
  /**
   * A new access token of the login whose refresh token this is; the login lives no longer for it. Throws `token_expired` and
   * `token_invalid`.
   */
  refresh(refreshToken: string): Promise<RenewedLogin>;
  /** A new access token of the caller's login, which lives no longer for it. Throws `token_expired` and `token_invalid`. */
  renew(caller: UserCaller): Promise<RenewedLogin>;
  /** Who shows this access token. Throws `token_expired` and `token_invalid`. */
  identify(accessToken: string, ip: string): Promise<UserCaller>;
  /** To be called when rights or logins have changed by other means, so that no node believes what it knew. */
  forgetBeliefs(): void;
  /** Calls `listener` each time that a node has revoked logins, once that is stored. */
  onRevoked(listener: () => void): void;
  /** The ids of the logins that any process revoked at or after `at`. */
  revokedSince(at: number): Promise<number[]>;
}

export interface AccountsParts {
  users: Users;
  logins: LoginRows;
  passwords: Passwords;
  accessTokens: AccessTokens;
  /** Counts failed logins. */
  limits: Limits;
  idempotency: Pick<IdempotentWrites, 'once'>;
  /** Left out where no other node is to be told. */
  bus?: Everywhere | undefined;
  runtime: Pick<Runtime, 'now' | 'token'>;
}

export function createAccounts(parts: AccountsParts): Accounts {
  const { users, passwords, accessTokens, limits, bus, runtime } = parts;
  const registry = createRegistry({ users, passwords, runtime });
  const logins = createLogins({ rows: parts.logins, users, accessTokens, bus, runtime });
  const throttle = createLoginThrottle({ limits });

  return {
    ...registry,
    register: createRegistration({ users, passwords, registry, idempotency: parts.idempotency }),
    async logIn({ login, password, contract, ip }) {
      const user = await users.findByLogin(login);
      const matches = await throttle.guard(subjectOf(user, login), () =>
        passwords.verify(password, user?.passwordHash),
      );
      if (!matches || user === undefined) throw wrongCredentials();
      if (user.status !== 'active') {
        throw new ParleyError('account_disabled', 'This account is disabled. Ask an administrator.');
      }
      const loggedIn = await logins.open(user, contract, ip);
      if (loggedIn === undefined) throw wrongCredentials();
      return loggedIn;
    },
    logOut: ({ loginId }) => logins.revoke(loginId),
    refresh: logins.refresh,
    renew: logins.renew,
    identify: logins.identify,
    forgetBeliefs: logins.forgetBeliefs,
    onRevoked: logins.onRevoked,
    revokedSince: parts.logins.revokedSince,
    async setPassword(id, password) {
      await registry.setPassword(id, password);
      logins.forgetBeliefs();
    },
    async setStatus(id, status) {
      await registry.setStatus(id, status);
      logins.forgetBeliefs();
    },
  };
}

/** An account has one count, by whichever of its names it is tried; a name that nobody has is counted just so. */
function subjectOf(user: User | undefined, login: string): string {
  if (user !== undefined) return `user:${user.id}`;
  return `login:${hash('sha256', login.normalize('NFKC').toLowerCase(), 'hex')}`;
}

function wrongCredentials(): ParleyError {
  return new ParleyError('wrong_credentials', 'The user name or the password is wrong.');
}
