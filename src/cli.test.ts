import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createApiKeys } from './core/identity/api-keys.ts';
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
    const server = createApiKeys({ rows: storage.apiKeys, runtime });

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
      ],
      dataDir,
    );
    assert.equal(made.code, 0, made.err);
    assert.match(made.out, /^pk_[\w-]{43}\n$/);
    assert.equal(made.err, 'Key 1 for "web shop". It is shown this once only: keep it.\n');

    const key = await server.verify(made.out.trim());
    assert.deepEqual(
      [key.name, key.scopes, key.requestsPerMinute],
      ['web shop', ['completions', 'cache'], 30],
    );
    const days = ((key.expiresAt ?? 0) - key.createdAt) / 86_400_000;
    assert.ok(Math.abs(days - 30) < 0.01, `expires in ${days} days`);

    const listed = await parley(['keys', 'list'], dataDir);
    assert.match(listed.out, /^1 +web shop +pk_\S{7}… +completions,cache +30\/min +valid/m);
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

describe('a command line that is wrong', () => {
  const wrong: [args: string[], says: RegExp][] = [
    [[], /keys create, keys list, keys revoke ID, help/],
    [['users'], /no command "users".*keys create/],
    [['keys', 'remove'], /no command "keys remove".*keys revoke ID/],
    [['keys', 'create'], /--name is missing/],
    [['keys', 'create', '--nme', 'x'], /--nme.*--name NAME/],
    [['keys', 'create', '--name', 'x', 'y'], /must be: keys create/],
    [['keys', 'create', '--name', 'x', '--scopes', 'all'], /--scopes is "all".*completions, cache, admin/],
    [['keys', 'revoke'], /must be: keys revoke ID/],
    [['keys', 'revoke', 'web shop'], /the id is "web shop"/],
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
    DATABASE_URL: 'postgres://db/parley',
  });
  assert.deepEqual([code, out], [1, '']);
  assert.match(err, /^DATABASE_URL is "postgres:\/\/db\/parley": must be [^\n]+\n$/);
});

it('a database that ends with its process is refused: its keys would be lost', async () => {
  const { code, err } = await parley(['keys', 'list'], undefined, { DATABASE_URL: 'sqlite::memory:' });
  assert.deepEqual([code, err.startsWith('DATABASE_URL is "sqlite::memory:"')], [1, true]);
});

it('help explains every command and touches nothing', async () => {
  const { code, out, err } = await parley(['help'], '/dev/null/nowhere');
  assert.deepEqual([code, err], [0, '']);
  for (const word of ['keys create', 'keys list', 'keys revoke ID', '--scopes', '--rate', '--expires']) {
    assert.ok(out.includes(word), word);
  }
});
