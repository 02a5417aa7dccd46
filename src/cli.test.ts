import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createAccessTokens } from './core/identity/access-tokens.ts';
import { createAccounts } from './core/identity/accounts.ts';
import { createApiKeys } from './core/identity/api-keys.ts';
import { createPasswords } from './core/identity/passwords.ts';
import { createIdempotency } from './core/idempotency.ts';
import { createMemoryLimits } from './core/limits/memory-limits.ts';
import { createRuntime } from './core/runtime.ts';
import { openStorage } from './storage/storage.ts';

const program = fileURLToPath(new URL('./cli.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'parley-cli-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number;
  out: string;
  err: string;
}

function parley(
  args: string[],
  dataDir = join(folder, 'data'),
  more: Record<string, string> = {},
): Promise<Ended> {
  const env = { PATH: process.env['PATH'], PARLEY_DATA_DIR: dataDir, ...more };
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { env, cwd: folder }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('keys, while a server has the same data folder open', () => {
  it('are made, believed, listed, revoked, and then refused', async () => {
    const dataDir = join(folder, 'shared');
    const storage = await openStorage({ path: join(dataDir, 'parley.db') });
    after(() => storage.close());
    let ahead = 0;
    const runtime = { ...createRuntime(), now: () => Date.now() + ahead };
    const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
    const server = createApiKeys({ rows: storage.apiKeys, idempotency, runtime });

    const made = await parley(
      [
        'keys',
        'create',
        '--name',
        'web shop',
        '--scopes',
        'completions,cache',
        '--rate',
        '30',
        '--expires',
        '30d',
        '--budget',
        '2.5USD',
      ],
      dataDir,
    );
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /^pk_[\w-]{43}\n$/);
    assert.equal(made.err, 'Key 1 for "web shop". It is shown this once only: keep it.\n');

    const key = await server.verify(made.out.trim());
    assert.deepEqual(
      [key.name, key.scopes, key.requestsPerMinute, key.budget],
      ['web shop', ['completions', 'cache'], 30, { amountNano: 2_500_000_000, currency: 'USD' }],
    );
    const days = ((key.expiresAt ?? 0) - key.createdAt) / 86_400_000;
    assert.ok(Math.abs(days - 30) < 0.01, `expires in ${days} days`);

    const listed = await parley(['keys', 'list'], dataDir);
    assert.match(listed.out, /^1 +web shop +pk_\S{7}… +completions,cache +30\/min +2\.5USD\/month +valid/m);
    assert.ok(!listed.out.includes(made.out.trim()), 'the key is never shown again');

    assert.equal((await parley(['keys', 'revoke', '1'], dataDir)).code, 0);
    ahead = 1_001;
    await assert.rejects(server.verify(made.out.trim()), { code: 'unauthorized' });
    assert.match((await parley(['keys', 'list'], dataDir)).out, / revoked /);
  });
});

describe('keys revoke', () => {
  it('says so, and ends with 1, where there is nothing to revoke', async () => {
    const { code, out, err } = await parley(['keys', 'revoke', '99']);
    assert.deepEqual([code, out, err], [1, '', 'There is no key 99, or it was revoked before.\n']);
  });
});

describe('administrators, while a server has the same data folder open', () => {
  it('are made, log in, get a new password, are disabled and enabled, and the last one stays', async () => {
    const dataDir = join(folder, 'admins');
    const storage = await openStorage({ path: join(dataDir, 'parley.db') });
    after(() => storage.close());
    let ahead = 0;
    const runtime = { ...createRuntime(), now: () => Date.now() + ahead };
    const server = createAccounts({
      ...storage,
      passwords: createPasswords(),
      accessTokens: createAccessTokens({ secret: 'sixteen characters', lifetimeMs: 3_600_000, runtime }),
      limits: createMemoryLimits(),
      idempotency: createIdempotency({ keys: storage.idempotencyKeys, runtime }),
      runtime,
    });
    const admin = (...args: string[]) => parley(['admin', ...args], dataDir);
    const logIn = (login: string, password: string) =>
      server.logIn({ login, password, contract: 'assistant', ip: '127.0.0.1' });
    const root = ['--email', 'root@example.com'];

    const made = await admin('create', ...root);
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /^[\w-]{16}\n$/);
    assert.match(made.err, /^Administrator 1, root@example.com, is made\.\nThe password is shown this once/);
    const { account, accessToken } = await logIn('ROOT@example.com', made.out.trim());
    assert.equal(account.role, 'admin');

    const reset = await admin('reset', ...root);
    assert.deepEqual([reset.code, reset.out.length], [0, 17]);
    ahead = 1_001;
    await assert.rejects(server.identify(accessToken, ''), { code: 'token_invalid' });
    await assert.rejects(logIn('root@example.com', made.out.trim()), { code: 'wrong_credentials' });
    await logIn('root@example.com', reset.out.trim());

    const last = await admin('disable', ...root);
    assert.deepEqual([last.code, last.out], [1, '']);
    assert.equal(last.err, 'The last active administrator cannot be disabled.\n');

    const second = await admin(
      'create',
      '--email',
      'b@example.com',
      '--username',
      'bob',
      '--password',
      'x'.repeat(8),
    );
    assert.deepEqual([second.code, second.out], [0, ''], 'a chosen password is not repeated');
    await logIn('bob', 'x'.repeat(8));
    assert.equal((await admin('disable', ...root)).code, 0);
    await assert.rejects(logIn('root@example.com', reset.out.trim()), { code: 'account_disabled' });
    assert.match(
      (await admin('list')).out,
      /^1 +root@example.com +root@example.com +disabled .*\n2 +b@example.com +bob +active /m,
    );
    assert.equal((await admin('enable', ...root)).code, 0);
    await logIn('root@example.com', reset.out.trim());
    const { entries } = await storage.auditLog.list({ actorId: 0 }, { skip: 0, limit: 10 });
    assert.deepEqual(
      entries.map(({ action, targetId, actorName, details }) => [action, targetId, actorName, details]),
      [
        ['user.update', '1', 'command line', { status: 'active' }],
        ['user.update', '1', 'command line', { status: 'disabled' }],
        ['user.create', '2', 'command line', { email: 'b@example.com', role: 'admin' }],
        ['user.update', '1', 'command line', { password: 'changed' }],
        ['user.create', '1', 'command line', { email: 'root@example.com', role: 'admin' }],
      ],
    );
  });

  it('are refused in one line where something is wrong', async () => {
    const dataDir = join(folder, 'refused');
    const admin = (...args: string[]) => parley(['admin', ...args], dataDir);
    assert.equal(
      (await admin('list')).err,
      'There are no administrators: the first start of the server makes one.\n',
    );
    await admin('create', '--email', 'a@example.com');
    const wrong: [string[], string][] = [
      [['create', '--email', 'A@example.com'], 'email: another account has this e-mail address\n'],
      [['create', '--email', 'b@example.com', '--username', 'x'], 'username: must be 3 to 64 characters\n'],
      [
        ['create', '--email', 'b@example.com', '--password', 'secret'],
        'password: must be 8 to 256 characters\n',
      ],
      [['reset', '--email', 'b@example.com'], 'There is no account with the address b@example.com.\n'],
      [['disable', '--email', 'b@example.com'], 'There is no account with the address b@example.com.\n'],
    ];
    for (const [args, says] of wrong) {
      assert.deepEqual(await admin(...args), { code: 1, out: '', err: says });
    }
  });
});

describe('a command line that is wrong', () => {
  const wrong: [args: string[], says: RegExp][] = [
    [[], /keys create, keys list, keys revoke ID, admin create, .*, help/],
    [['users'], /no command "users".*keys create/],
    [['keys', 'remove'], /no command "keys remove".*keys revoke ID/],
    [['keys', 'create'], /--name is missing/],
    [['keys', 'create', '--nme', 'x'], /--nme.*--name NAME/],
    [['keys', 'create', '--name', 'x', 'y'], /must be: keys create/],
    [['keys', 'create', '--name', 'x', '--scopes', 'all'], /--scopes is "all".*completions, cache, admin/],
    [['keys', 'revoke'], /must be: keys revoke ID/],
    [['keys', 'revoke', 'web shop'], /the id is "web shop"/],
    [['admin'], /no command "admin".*admin create/],
    [['admin', 'remove'], /no command "admin remove".*admin disable/],
    [['admin', 'create'], /--email is missing/],
    [['admin', 'create', '--email', 'nobody'], /--email is "nobody": must be an e-mail address/],
    [
      ['admin', 'enable', '--email', 'a@example.com', '--password', 'x'],
      /must be admin enable --email EMAIL/,
    ],
    [['admin', 'list', 'all'], /must be: admin list/],
  ];
  for (const [args, says] of wrong) {
    it(`gets one line and the exit code 2: ${args.join(' ') || '(nothing)'}`, async () => {
      const { code, out, err } = await parley(args);
      assert.deepEqual([code, out], [2, '']);
      assert.match(err, says);
      assert.match(err, /^[^\n]+\n$/);
    });
  }
});

it('a wrong configuration is one line and the exit code 1', async () => {
  const { code, out, err } = await parley(['keys', 'list'], undefined, {
    DATABASE_URL: 'mysql://db/parley',
  });
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /^DATABASE_URL is "mysql:\/\/db\/parley": must be [^\n]+\n$/);
});

it('a database that ends with its process is refused: its keys would be lost', async () => {
  const { code, err } = await parley(['keys', 'list'], undefined, { DATABASE_URL: 'sqlite::memory:' });
  assert.deepEqual([code, err.startsWith('DATABASE_URL is "sqlite::memory:"')], [1, true]);
});

it('help explains every command and touches nothing', async () => {
  const { code, out, err } = await parley(['help'], '/dev/null/nowhere');
  assert.deepEqual([code, err], [0, '']);
  for (const word of [
    'keys create',
    'keys list',
    'keys revoke ID',
    '--scopes',
    '--rate',
    '--expires',
    'admin create',
    'admin reset',
    'admin disable',
    'admin enable',
    'admin list',
    'backup FILE',
    'backup --verify FILE',
    'restore FILE',
  ]) {
    assert.ok(out.includes(word), word);
  }
});
