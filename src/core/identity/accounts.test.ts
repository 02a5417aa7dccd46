import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openStorage } from '../../storage/storage.ts';
import { createIdempotency } from '../idempotency.ts';
import { createMemoryLimits } from '../limits/memory-limits.ts';
import { createFakeRuntime } from '../runtime.fixture.ts';
import { createRuntime } from '../runtime.ts';
import { createAccessTokens } from './access-tokens.ts';
import { createAccounts } from './accounts.ts';
import { createPasswords } from './passwords.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const password = 'correct horse';
const ada = { username: 'Ada', email: 'Ada@Example.com', password, fullName: 'Ada Lovelace' };
const ip = '192.0.2.7';

/** Accounts over a real store; `connect` opens the same store as another process, or the next start, does. */
function createTested(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-accounts-'));
  const path = join(folder, 'parley.db');
  const open: { close(): Promise<void> }[] = [];
  t.after(async () => {
    for (const storage of open) await storage.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const clock = { ...createFakeRuntime(), token: createRuntime().token };
  const runtime = { ...clock, now: () => clock.time };
  const verified: (string | undefined)[] = [];
  const asked: number[] = [];
  /** Holds back what the store says of a login. */
  const lookedUp = { told: Promise.resolve() };
  const connect = async () => {
    const storage = await openStorage({ path });
    open.push(storage);
    const real = createPasswords();
    const accounts = createAccounts({
      users: storage.users,
      logins: {
        ...storage.logins,
        async findById(id) {
          asked.push(id);
          const row = await storage.logins.findById(id);
          await lookedUp.told;
          return row;
        },
      },
      passwords: {
        ...real,
        verify: (given, hash) => (verified.push(hash), real.verify(given, hash)),
      },
      accessTokens: createAccessTokens({ secret: 'sixteen characters', lifetimeMs: hourMs, runtime }),
      limits: createMemoryLimits(),
      idempotency: createIdempotency({ keys: storage.idempotencyKeys, runtime }),
      runtime,
    });
    const logIn = (changes: object = {}) =>
      accounts.logIn({ login: 'ada', password, contract: 'assistant', ip, ...changes });
    return { accounts, logIn, storage };
  };
  return { clock, connect, verified, asked, lookedUp, path };
}

describe('registration', () => {
  it('makes an account of the least role, active, that never logged in', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts } = await connect();
    const made = await accounts.register(ada);
    assert.deepEqual(made, {
      id: 1,
      username: 'Ada',
      email: 'Ada@Example.com',
      fullName: 'Ada Lovelace',
      nickname: null,
      phone: null,
      avatarUrl: null,
      role: 'user',
      status: 'active',
      createdAt: clock.time,
      lastLoginAt: null,
      budget: null,
    });
    assert.deepEqual(
      [await accounts.get(1), await accounts.find('ADA'), await accounts.find('ada@example.COM')],
      [made, made, made],
    );
    assert.deepEqual([await accounts.get(2), await accounts.find('bob')], [undefined, undefined]);
    assert.deepEqual(await accounts.list(), [made]);
  });

  it('keeps a nickname and a telephone number', async (t) => {
    const { accounts } = await createTested(t).connect();
    const made = await accounts.register({ ...ada, nickname: ' 小明 ', phone: '+86 138-0013-8000' });
    assert.deepEqual([made.nickname, made.phone, made.avatarUrl], ['小明', '+86 138-0013-8000', null]);
    assert.deepEqual(await accounts.get(made.id), made);
  });

  it('refuses what is not allowed, and names and addresses that are taken, in any case', async (t) => {
    const { accounts } = await createTested(t).connect();
    await accounts.register(ada);
    const refused: [object, object][] = [
      [{ password: 'short' }, { code: 'invalid_request', field: 'password' }],
      [
        { username: 'aDA', email: 'b@example.com' },
        { code: 'already_taken', field: 'username' },
      ],
      [
        { username: 'bob', email: 'ADA@example.com' },
        { code: 'already_taken', field: 'email' },
      ],
    ];
    for (const [changes, error] of refused) {
      await assert.rejects(accounts.register({ ...ada, ...changes }), error);
    }
    assert.equal((await accounts.list()).length, 1);
  });

  it('of one name at once has one winner, and the others hear what is taken', async (t) => {
    const { accounts } = await createTested(t).connect();
    const all = await Promise.allSettled(
      Array.from({ length: 6 }, (_, i) => accounts.register({ ...ada, email: `ada${i}@example.com` })),
    );
    const lost = all.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    assert.equal(lost.length, 5);
    for (const { reason } of lost) {
      assert.deepEqual([reason.code, reason.field], ['already_taken', 'username']);
    }
    assert.equal((await accounts.list()).length, 1);
  });
});

describe('logging in', () => {
  it('takes the name or the address, in any case, and gives tokens', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    clock.time += 5_000;
    for (const login of ['ada', 'ADA', 'ada@EXAMPLE.com']) {
      const { account, accessToken, expiresInSeconds } = await logIn({ login });
      assert.deepEqual([account.id, account.lastLoginAt, expiresInSeconds], [1, clock.time, 3600]);
      const caller = await accounts.identify(accessToken, '192.0.2.8');
      const { loginId, ...rest } = caller;
      assert.ok(loginId > 0);
      assert.deepEqual(rest, {
        kind: 'user',
        ip: '192.0.2.8',
        userId: 1,
        contract: 'assistant',
        role: 'user',
      });
    }
    assert.equal((await accounts.get(1))?.lastLoginAt, clock.time);
  });

  it('says and does the same for an unknown name and a wrong password', async (t) => {
    const { connect, verified } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const errors: unknown[] = [];
    for (const login of ['ada', 'nobody', 'nobody@example.com', '', 'x'.repeat(10_000)]) {
      const thrown = await logIn({ login, password: 'wrong horse' }).catch((error: unknown) => error);
      const { code, message, field } = thrown as { code: string; message: string; field: unknown };
      errors.push([code, message, field]);
    }
    for (const error of errors) assert.deepEqual(error, errors[0]);
    assert.equal((errors[0] as string[])[0], 'wrong_credentials');
    assert.equal(verified.length, 5, 'a hash is verified each time');
    assert.deepEqual(
      verified.map((hash) => hash !== undefined),
      [true, false, false, false, false],
    );
  });

  it('is refused after ten failures, by whichever of its names, and for unknown ones too', async (t) => {
    const { connect, verified } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    await accounts.register({ ...ada, username: 'bob', email: 'bob@example.com' });
    for (let i = 0; i < 10; i++) {
      const login = i % 2 === 0 ? 'Ada' : 'ada@example.com';
      const contract = i % 3 === 0 ? 'companion' : 'assistant';
      await assert.rejects(logIn({ login, contract, password: 'wrong' }), { code: 'wrong_credentials' });
      await assert.rejects(logIn({ login: i % 2 === 0 ? 'Eve' : 'eve', password: 'wrong' }), {
        code: 'wrong_credentials',
      });
    }
    const before = verified.length;
    for (const login of ['ada', 'ADA@example.com', 'EVE']) {
      await assert.rejects(logIn({ login }), (thrown: { code: string; retryAfterMs: number }) => {
        assert.equal(thrown.code, 'rate_limited');
        return thrown.retryAfterMs > 0 && thrown.retryAfterMs <= 15 * 60_000;
      });
    }
    assert.equal(verified.length, before, 'what is refused costs no hash');
    await logIn({ login: 'bob' });
  });

  it('of a disabled account is told only to who has the password', async (t) => {
    const { accounts, logIn } = await createTested(t).connect();
    await accounts.register(ada);
    await accounts.setStatus(1, 'disabled');
    await assert.rejects(logIn({ password: 'wrong' }), { code: 'wrong_credentials' });
    await assert.rejects(logIn(), { code: 'account_disabled' });
    await accounts.setStatus(1, 'active');
    await logIn();
  });
});

describe('a login', () => {
  it('that is logged out is refused at once, after a restart, and elsewhere within a second', async (t) => {
    const { connect, clock } = createTested(t);
    const here = await connect();
    const there = await connect();
    await here.accounts.register(ada);
    const { accessToken, refreshToken } = await here.logIn();
    const other = await here.logIn();
    const caller = await here.accounts.identify(accessToken, ip);
    await there.accounts.identify(accessToken, ip);
    await here.accounts.logOut(caller);
    await here.accounts.logOut(caller);
    await assert.rejects(here.accounts.identify(accessToken, ip), { code: 'token_invalid' });
    await assert.rejects(here.accounts.refresh(refreshToken), { code: 'token_invalid' });
    await there.accounts.identify(accessToken, ip);
    clock.time += 1_001;
    await assert.rejects(there.accounts.identify(accessToken, ip), { code: 'token_invalid' });
    const restarted = await connect();
    await assert.rejects(restarted.accounts.identify(accessToken, ip), { code: 'token_invalid' });
    assert.equal((await restarted.accounts.identify(other.accessToken, ip)).userId, 1);
  });

  it('that ends while it is looked up is not believed afterwards', async (t) => {
    const { connect, lookedUp, asked } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const { accessToken } = await logIn();
    const caller = { kind: 'user', ip, userId: 1, loginId: 1, contract: 'assistant', role: 'user' } as const;
    const { promise, resolve } = Promise.withResolvers<void>();
    lookedUp.told = promise;
    const looking = accounts.identify(accessToken, ip);
    await accounts.logOut(caller);
    resolve();
    await looking;
    await assert.rejects(accounts.identify(accessToken, ip), { code: 'token_invalid' });
    assert.equal(asked.length, 2);
  });

  it('is believed for a second without asking the store', async (t) => {
    const { connect, clock, asked } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const { accessToken } = await logIn();
    await accounts.identify(accessToken, ip);
    clock.time += 1_000;
    await accounts.identify(accessToken, ip);
    assert.equal(asked.length, 1);
    clock.time += 1;
    await accounts.identify(accessToken, ip);
    assert.equal(asked.length, 2);
  });

  it('ends with its user being disabled, and stays ended', async (t) => {
    const { accounts, logIn } = await createTested(t).connect();
    await accounts.register(ada);
    const { accessToken, refreshToken } = await logIn();
    await accounts.identify(accessToken, ip);
    await accounts.setStatus(1, 'disabled');
    await assert.rejects(accounts.identify(accessToken, ip), { code: 'token_invalid' });
    await assert.rejects(accounts.refresh(refreshToken), { code: 'token_invalid' });
    await accounts.setStatus(1, 'active');
    await assert.rejects(accounts.identify(accessToken, ip), { code: 'token_invalid' });
  });

  it('ends with a new password, which then logs in', async (t) => {
    const { accounts, logIn } = await createTested(t).connect();
    await accounts.register(ada);
    const { accessToken } = await logIn();
    await accounts.identify(accessToken, ip);
    await assert.rejects(accounts.setPassword(1, 'short'), { code: 'invalid_request', field: 'password' });
    await accounts.setPassword(1, 'another horse');
    await assert.rejects(accounts.identify(accessToken, ip), { code: 'token_invalid' });
    await assert.rejects(logIn(), { code: 'wrong_credentials' });
    await logIn({ password: 'another horse' });
  });

  it('is that of the user it was issued to, though the token be signed', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    await logIn();
    const runtime = { now: () => clock.time };
    const tokens = createAccessTokens({ secret: 'sixteen characters', lifetimeMs: hourMs, runtime });
    for (const [userId, loginId] of [
      [2, 1],
      [1, 2],
    ] as const) {
      const token = tokens.issue({ userId, loginId, contract: 'assistant' });
      await assert.rejects(accounts.identify(token, ip), { code: 'token_invalid' });
    }
  });

  it('gives tokens that expire', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const { accessToken } = await logIn();
    clock.time += hourMs;
    await assert.rejects(accounts.identify(accessToken, ip), { code: 'token_expired' });
  });
});

describe('a login that is renewed', () => {
  it('gets another access token of the same login, no longer than the login lasts', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const first = await logIn({ contract: 'helpdesk' });
    const caller = await accounts.identify(first.accessToken, ip);
    clock.time += 30 * dayMs - hourMs / 2;
    const renewed = await accounts.renew(caller);
    assert.equal(renewed.account.username, 'Ada');
    assert.equal(renewed.expiresInSeconds, 1800);
    assert.deepEqual(await accounts.identify(renewed.accessToken, ip), caller);
    clock.time += hourMs / 2;
    await assert.rejects(accounts.identify(renewed.accessToken, ip), { code: 'token_expired' });
    await assert.rejects(accounts.renew(caller), { code: 'token_expired' });
  });

  it('is refused once it has ended', async (t) => {
    const { accounts, logIn } = await createTested(t).connect();
    await accounts.register(ada);
    const caller = await accounts.identify((await logIn()).accessToken, ip);
    await accounts.logOut(caller);
    await assert.rejects(accounts.renew(caller), { code: 'token_invalid' });
  });
});

describe('a refresh token', () => {
  it('gives access tokens of the same login, as often as it is shown, and two at once', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const { accessToken, refreshToken } = await logIn({ contract: 'studio' });
    const { loginId } = await accounts.identify(accessToken, ip);
    clock.time += 29 * dayMs;
    const renewed = await Promise.all([accounts.refresh(refreshToken), accounts.refresh(refreshToken)]);
    renewed.push(await accounts.refresh(refreshToken));
    for (const { account, expiresInSeconds, accessToken: another } of renewed) {
      const caller = await accounts.identify(another, ip);
      assert.deepEqual([caller.loginId, caller.contract], [loginId, 'studio']);
      assert.deepEqual([account.username, expiresInSeconds], ['Ada', 3600]);
    }
  });

  it('is good for thirty days from the login, and so is what it gives', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn } = await connect();
    await accounts.register(ada);
    const { refreshToken } = await logIn();
    clock.time += 30 * dayMs - hourMs / 4;
    const { accessToken, expiresInSeconds } = await accounts.refresh(refreshToken);
    assert.equal(expiresInSeconds, 900);
    clock.time += hourMs / 4 - 1_000;
    await accounts.identify(accessToken, ip);
    clock.time += 1_000;
    await assert.rejects(accounts.identify(accessToken, ip), { code: 'token_expired' });
    await assert.rejects(accounts.refresh(refreshToken), { code: 'token_expired' });
  });

  it('dies with its login, however that ends, and takes no other with it', async (t) => {
    const { connect, clock } = createTested(t);
    const { accounts, logIn, storage } = await connect();
    await accounts.register(ada);
    await accounts.register({ ...ada, username: 'bob', email: 'bob@example.com' });
    const his = await logIn({ login: 'bob' });
    const ends: Record<string, (loginId: number) => Promise<unknown>> = {
      'logged out': (loginId) => storage.logins.revoke(loginId, clock.time),
      'of a disabled user': () => accounts.setStatus(1, 'disabled'),
      'of another password': () => accounts.setPassword(1, password),
      'of a deleted user': () => storage.users.remove(1, clock.time),
    };
    for (const [what, end] of Object.entries(ends)) {
      await accounts.setStatus(1, 'active');
      const { accessToken, refreshToken } = await logIn();
      await accounts.refresh(refreshToken);
      const { loginId } = await accounts.identify(accessToken, ip);
      await end(loginId);
      await assert.rejects(accounts.refresh(refreshToken), { code: 'token_invalid' }, what);
    }
    await accounts.refresh(his.refreshToken);
  });

  it('that is not known is refused, an access token too', async (t) => {
    const { accounts, logIn } = await createTested(t).connect();
    await accounts.register(ada);
    const { accessToken, refreshToken } = await logIn();
    for (const wrong of ['', '.', 'a.b', accessToken, `${refreshToken} `, refreshToken.slice(1)]) {
      await assert.rejects(accounts.refresh(wrong), { code: 'token_invalid' });
    }
    await assert.rejects(accounts.identify(refreshToken, ip), { code: 'token_invalid' });
    await accounts.refresh(refreshToken);
  });
});

describe('administrators', () => {
  it('are made, and the last active one cannot be disabled', async (t) => {
    const { accounts } = await createTested(t).connect();
    await accounts.create({ ...ada, role: 'admin' });
    await accounts.create({ ...ada, username: 'root', email: 'root@example.com', role: 'admin' });
    await accounts.setStatus(1, 'disabled');
    await assert.rejects(accounts.setStatus(2, 'disabled'), { code: 'forbidden' });
    assert.equal((await accounts.get(2))?.status, 'active');
    await assert.rejects(accounts.setStatus(99, 'disabled'), { code: 'not_found' });
    await assert.rejects(accounts.setPassword(99, password), { code: 'not_found' });
  });
});

it('no password and no token is on disk', async (t) => {
  const { connect, path } = createTested(t);
  const { accounts, logIn, storage } = await connect();
  await accounts.register(ada);
  const { accessToken, refreshToken } = await logIn();
  await storage.close();
  const bytes = readFileSync(path, 'latin1');
  assert.ok(bytes.includes('Ada Lovelace'));
  for (const secret of [password, accessToken, refreshToken]) {
    assert.equal(bytes.includes(secret), false);
  }
});
