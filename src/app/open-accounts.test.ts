import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createMemoryLimits } from '../core/limits/memory-limits.ts';
import { createPasswords } from '../core/identity/passwords.ts';
import { createRuntime } from '../core/runtime.ts';
import { openStorage } from '../storage/storage.ts';
import { temporaryFolder } from '../storage/temporary-folder.fixture.ts';
import { openAccounts, type OpenAccountsParts } from './open-accounts.ts';

type Settings = Partial<OpenAccountsParts['config']>;

/** Accounts as the app has them, over one data folder. */
async function createTested(t: TestContext) {
  const dataDir = join(temporaryFolder(t), 'data');
  const storage = await openStorage({ path: join(dataDir, 'parley.db') });
  t.after(() => storage.close());
  const open = (settings: Settings = {}) =>
    openAccounts({
      config: {
        secret: null,
        databaseUrl: `sqlite:${join(dataDir, 'parley.db')}`,
        dataDir,
        accessTokenTtlMs: 3_600_000,
        ...settings,
      },
      storage,
      passwords: createPasswords(),
      node: { loginLimits: createMemoryLimits() },
      runtime: createRuntime(),
    });
  const tokenOf = async (accounts: ReturnType<typeof open>) => {
    const login = { login: 'ada', password: 'correct horse', contract: 'assistant', ip: '' };
    return (await accounts.logIn(login)).accessToken;
  };
  await open({ secret: 'of nobody’s interest' }).register({
    username: 'ada',
    email: 'ada@example.com',
    password: 'correct horse',
  });
  return { open, tokenOf, secretFile: join(dataDir, 'secret') };
}

describe('the secret that signs tokens', () => {
  it('is made once and kept in the data folder for its owner only', async (t) => {
    const { open, tokenOf, secretFile } = await createTested(t);
    const token = await tokenOf(open());
    const secret = readFileSync(secretFile, 'utf8');
    assert.match(secret, /^[\w-]{43}\n$/);
    assert.equal(statSync(secretFile).mode & 0o777, 0o600);
    assert.equal((await open().identify(token, '')).userId, 1);
    assert.equal(readFileSync(secretFile, 'utf8'), secret);
    const same = open({ secret: secret.trim() });
    assert.equal((await same.identify(token, '')).userId, 1, 'it may move to PARLEY_SECRET');
  });

  it('is the configured one where there is one, and then none is kept', async (t) => {
    const { open, tokenOf, secretFile } = await createTested(t);
    const token = await tokenOf(open({ secret: 'a configured secret' }));
    assert.equal((await open({ secret: 'a configured secret' }).identify(token, '')).userId, 1);
    await assert.rejects(open({ secret: 'another secret, longer' }).identify(token, ''), {
      code: 'token_invalid',
    });
    assert.equal(existsSync(secretFile), false);
  });

  it('is not kept where the database is in memory', async (t) => {
    const { open, tokenOf, secretFile } = await createTested(t);
    const accounts = open({ databaseUrl: 'sqlite::memory:' });
    assert.equal((await accounts.identify(await tokenOf(accounts), '')).userId, 1);
    assert.equal(existsSync(secretFile), false);
  });
});

it('tokens live as long as configured', async (t) => {
  const { open } = await createTested(t);
  const login = { login: 'ada', password: 'correct horse', contract: 'assistant', ip: '' };
  const { expiresInSeconds } = await open({ accessTokenTtlMs: 90_000 }).logIn(login);
  assert.equal(expiresInSeconds, 90);
});
