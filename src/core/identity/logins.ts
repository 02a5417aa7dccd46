import { hash } from 'node:crypto';
import type { Login, Logins as LoginRows } from '../../storage/logins.ts';
import type { User, Users } from '../../storage/users.ts';
import type { Everywhere } from '../realtime/everywhere.ts';
import type { Runtime } from '../runtime.ts';
import { expiredToken, invalidToken, type AccessTokens } from './access-tokens.ts';
import { accountOf, type LoggedIn, type RenewedLogin } from './account.ts';
import { createBeliefs } from './beliefs.ts';
import type { Role, UserCaller } from './caller.ts';

/** Logins and their tokens. */
export interface Logins {
  /** A new login for `user`; undefined where the user is disabled, or has another password, by now. */
  open(user: User, contract: string, ip: string): Promise<LoggedIn | undefined>;
  refresh(refreshToken: string): Promise<RenewedLogin>;
  renew(caller: UserCaller): Promise<RenewedLogin>;
  revoke(loginId: number): Promise<void>;
  identify(accessToken: string, ip: string): Promise<UserCaller>;
  /** To be called when logins were revoked by other means, so that no node takes them any longer. */
  forgetBeliefs(): void;
  /** Calls `listener` each time that a node has revoked logins. */
  onRevoked(listener: () => void): void;
}

export interface LoginsParts {
  rows: LoginRows;
  users: Users;
  accessTokens: AccessTokens;
  /** Left out where no other node is to be told. */
  bus?: Everywhere | undefined;
  runtime: Pick<Runtime, 'now' | 'token'>;
}

type Belief = Omit<UserCaller, 'ip'>;

/**
 * How long a login is believed without asking the store. One that ends through this process stops at once, one that another node ends as soon
 * as it is told; one that another process ends (the command line) within this time.
 */
const beliefMs = 1_000;
const dayMs = 86_400_000;
const loginLifetimeMs = 30 * dayMs;
const refreshTokenBytes = 32;

export function createLogins(parts: LoginsParts): Logins {
  const { rows, accessTokens, bus, runtime } = parts;
  const beliefs = createBeliefs<number, Belief>({ topic: 'logins', bus, lastMs: beliefMs, runtime });
  const tidy = createTidying(rows, runtime);

  const loggedIn = (user: User, login: Pick<Login, 'id' | 'contract'>, refreshToken: string): LoggedIn => ({
    account: accountOf(user),
    accessToken: accessTokens.issue({ userId: user.id, loginId: login.id, contract: login.contract }),
    expiresInSeconds: Math.floor(accessTokens.lifetimeMs / 1000),
    refreshToken,
  });
  const revoke = async (loginId: number): Promise<void> => {
    await rows.revoke(loginId, runtime.now());
    beliefs.forget();
  };

  return {
    revoke,
    forgetBeliefs: beliefs.forget,
    onRevoked: beliefs.onForgotten,
    async open(user, contract, ip) {
      tidy();
      const createdAt = runtime.now();
      const refreshToken = runtime.token(refreshTokenBytes);
      const refreshHash = hashOf(refreshToken);
      const expiresAt = createdAt + loginLifetimeMs;
      const row = { userId: user.id, contract, createdAt, expiresAt, refreshHash, ip };
      const id = await rows.create(row, user.passwordHash);
      if (id === undefined) return undefined;
      return loggedIn({ ...user, lastLoginAt: createdAt }, { id, contract }, refreshToken);
    },
    refresh: async (refreshToken) => renew(parts, await rows.findByRefreshHash(hashOf(refreshToken))),
    renew: async ({ loginId }) => renew(parts, await rows.findById(loginId)),
    async identify(accessToken, ip) {
      const { userId, loginId } = accessTokens.read(accessToken);
      const belief = await beliefs.of(loginId, async () => {
        const login = await rows.findById(loginId);
        return login && isGood(login) ? beliefOf(login) : undefined;
      });
      if (belief?.userId !== userId) throw invalidToken();
      return { ...belief, ip };
    },
  };
}

async function renew(
  { users, accessTokens, runtime }: LoginsParts,
  login: Login | undefined,
): Promise<RenewedLogin> {
  const user = login && isGood(login) ? await users.findById(login.userId) : undefined;
  if (login === undefined || user === undefined) throw invalidToken();
  const lastsMs = login.expiresAt - runtime.now();
  if (lastsMs <= 0) throw expiredToken();
  const claims = { userId: user.id, loginId: login.id, contract: login.contract };
  return {
    account: accountOf(user),
    accessToken: accessTokens.issue(claims, login.expiresAt),
    expiresInSeconds: Math.floor(Math.min(lastsMs, accessTokens.lifetimeMs) / 1000),
  };
}

function isGood({ revokedAt, status }: Login): boolean {
  return revokedAt === null && status === 'active';
}

function beliefOf({ id, userId, contract, role }: Login): Belief {
  return { kind: 'user', userId, loginId: id, contract, role: role as Role };
}

/** Removes expired logins, once a day; what fails is tried again the next day. */
function createTidying(rows: LoginRows, runtime: Pick<Runtime, 'now'>): () => void {
  let tidiedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = runtime.now();
    if (now - tidiedAt < dayMs) return;
    tidiedAt = now;
    rows.removeExpired(now).catch(() => {});
  };
}

function hashOf(text: string): string {
  return hash('sha256', text, 'hex');
}
