import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { lockDatabase } from '../storage/database-lock.ts';
import { migrate } from '../storage/migrate.ts';
import { migrations } from '../storage/migrations/list.ts';
import { openStorage } from '../storage/storage.ts';
import { runCommandLine } from './command-line.ts';

/** A data folder with 200 notes in its database, and the command line on it. */
async function createTested(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'parley-backups-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const path = join(data, 'parley.db');
  const file = join(folder, 'backup.db');
  await fill(path, 200);
  const parley = async (args: string[], env: Record<string, string> = {}) => {
    const said = { out: '', err: '' };
    const code = await runCommandLine(
      args,
      { PARLEY_DATA_DIR: data, ...env },
      { out: (text) => void (said.out += text), err: (text) => void (said.err += text) },
    );
    return { code, ...said };
  };
  /** The exit code 1 and one line, nothing made and nothing changed. */
  const refuses = async (args: string[], says: RegExp, env: Record<string, string> = {}) => {
    const before = namesIn(folder);
    const { code, out, err } = await parley(args, env);
    assert.deepEqual([code, out], [1, ''], err);
    const last = err.trimEnd().split('\n').at(-1) ?? '';
    assert.match(last, says);
    assert.doesNotMatch(err, /^ +at /m);
    const after = namesIn(folder);
    const lasting = (names: string[]) => names.filter((name) => !/\.lock$|-shm$|-wal$/.test(name));
    assert.deepEqual(lasting(after), lasting(before));
  };
  return { folder, data, path, file, parley, refuses };
}

function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort();
}

async function fill(path: string, notes: number): Promise<void> {
  const storage = await openStorage({ path });
  for (let note = 0; note < notes; note++) {
    await storage.settings.set(
      `note ${String(note).padStart(4, '0')}`,
      'something to remember '.repeat(20),
      1,
    );
  }
  await storage.close();
}

async function notesIn(path: string): Promise<number> {
  const connection = new DatabaseSync(path);
  const row = connection.prepare('SELECT count(*) AS total FROM settings').get();
  connection.close();
  return Number(row?.['total']);
}

/** Changes one byte in the file. */
function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

describe('backup', () => {
  it('makes one checked file for its owner only, and says what is not in it', async (t) => {
    const { folder, file, parley } = await createTested(t);
    const { code, out, err } = await parley(['backup', file]);
    assert.equal(code, 0, err);
    assert.match(
      out,
      /^Backup \S+\/backup\.db is made and checked: \d+ rows in \d+ tables, \d+\.\d MiB, schema 00/,
    );
    assert.match(err, /Not in a backup: the secret .*"knowledge", and the configuration/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(folder).sort(), ['backup.db', 'data']);
    assert.equal(await notesIn(file), 200);
    const verified = await parley(['backup', '--verify', file]);
    assert.deepEqual([verified.code, verified.err], [0, '']);
    assert.match(verified.out, /^Backup \S+\/backup\.db is whole: /);
    assert.deepEqual(readdirSync(folder).sort(), ['backup.db', 'data'], 'looking leaves nothing behind');
  });

  it('is of another database where --from says so', async (t) => {
    const { folder, file, parley } = await createTested(t);
    await fill(join(folder, 'other.db'), 3);
    assert.equal((await parley(['backup', file, '--from', `sqlite:${join(folder, 'other.db')}`])).code, 0);
    assert.equal(await notesIn(file), 3);
  });

  it('replaces a file only by force', async (t) => {
    const { path, file, parley, refuses } = await createTested(t);
    await parley(['backup', file]);
    await fill(path, 205);
    await refuses(['backup', file], /backup\.db exists already: .*--force/);
    assert.equal(await notesIn(file), 200);
    assert.equal((await parley(['backup', file, '--force'])).code, 0);
    assert.equal(await notesIn(file), 205);
    assert.equal((await parley(['backup', file, '--verify'])).code, 0);
  });

  it('never replaces the database itself', async (t) => {
    const { path, refuses } = await createTested(t);
    await refuses(['backup', path, '--force'], /would replace the database .* itself/);
  });

  it('of a backup that serves as a database is a backup of its own', async (t) => {
    const { folder, file, parley } = await createTested(t);
    await parley(['backup', file]);
    await fill(file, 201);
    const second = join(folder, 'second.db');
    assert.equal((await parley(['backup', second, '--from', `sqlite:${file}`])).code, 0);
    assert.equal((await parley(['backup', '--verify', second])).code, 0);
    assert.equal(await notesIn(second), 201);
  });

  it('is refused in one line where there is nothing to copy, or nowhere to put it', async (t) => {
    const { folder, file, refuses } = await createTested(t);
    await refuses(
      ['backup', file, '--from', 'sqlite:/dev/null/no.db'],
      /There is no database \/dev\/null\/no\.db/,
    );
    await refuses(['backup', join(folder, 'none', 'backup.db')], /cannot be made: ENOENT/);
    await refuses(['backup', folder, '--force'], /cannot be made: /);
    writeFileSync(join(folder, 'text'), 'no database'.repeat(500));
    await refuses(
      ['backup', file, '--from', `sqlite:${join(folder, 'text')}`],
      /cannot be made: .*not a database/,
    );
    new DatabaseSync(join(folder, 'foreign.db')).exec('CREATE TABLE a (b)');
    await refuses(
      ['backup', file, '--from', `sqlite:${join(folder, 'foreign.db')}`],
      /is no database of Parley/,
    );
    await refuses(
      ['backup', file],
      /^DATABASE_URL is "postgres:\/\/db\/parley": must be sqlite:<file> here; Postgre/,
      {
        DATABASE_URL: 'postgres://db/parley',
        PARLEY_SECRET: 'sixteen characters',
      },
    );
  });

  it('of a damaged database is refused', async (t) => {
    const { data, path, file, refuses } = await createTested(t);
    const bytes = readFileSync(path);
    bytes.fill(0xff, bytes.length - 3000, bytes.length - 1000);
    bytes.fill(0xff, 4096 * 20, 4096 * 21);
    writeFileSync(join(data, 'parley.db'), bytes);
    await refuses(['backup', file], /the copy of \S+ (is damaged|cannot be read)|cannot be made/);
  });
});

describe('a backup that is not as it was made', () => {
  it('is found out wherever a byte changed, and is not restored', async (t) => {
    const { folder, file, path, parley, refuses } = await createTested(t);
    await parley(['backup', file]);
    const { size } = statSync(file);
    const places = [0, 20, 30, 100, 4095, 4096 * 3 + 17, Math.floor(size / 2), size - 4096, size - 1];
    const text = readFileSync(file).indexOf('something to remember');
    const digest = /[\da-f-]{36}:([\da-f]{64})/.exec(readFileSync(file, 'latin1'))?.index ?? assert.fail();
    const damaged = join(folder, 'damaged.db');
    for (const at of [...places, text, digest + 4, digest + 60]) {
      copyFileSync(file, damaged);
      flip(damaged, at);
      await refuses(['backup', '--verify', damaged], /damaged|no database|cannot be read|no backup/);
      await refuses(['restore', damaged], /damaged|no database|cannot be read|no backup/);
    }
    await fill(path, 201);
    assert.equal(await notesIn(path), 201);
  });

  it('is found out where it is shorter or longer', async (t) => {
    const { file, parley, refuses } = await createTested(t);
    await parley(['backup', file]);
    const { size } = statSync(file);
    writeFileSync(file, Buffer.concat([readFileSync(file), Buffer.alloc(4096)]));
    await refuses(['restore', file], /damaged|cannot be read/);
    for (const left of [size, size - 1, size - 4096, 4096 * 2, 1000, 0]) {
      truncateSync(file, left);
      if (left === size) assert.equal((await parley(['backup', '--verify', file])).code, 0);
      else await refuses(['restore', file], /damaged|cannot be read|no database|no backup/);
    }
  });

  it('is found out where somebody wrote to it', async (t) => {
    const { file, parley, refuses } = await createTested(t);
    await parley(['backup', file]);
    const connection = new DatabaseSync(file);
    connection.exec(`DELETE FROM settings WHERE key = 'note 0007'`);
    connection.close();
    await refuses(['backup', '--verify', file], /is damaged, or was changed after it was made/);
  });

  it('is refused where it is no backup at all', async (t) => {
    const { folder, path, refuses } = await createTested(t);
    writeFileSync(join(folder, 'text'), 'no database, and longer than the header of one would be'.repeat(99));
    await refuses(['restore', join(folder, 'text')], /text is no database$/);
    await refuses(['restore', join(folder, 'none.db')], /There is no file \S+none\.db/);
    await refuses(['backup', '--verify', join(folder, 'none.db')], /There is no file \S+none\.db/);
    await refuses(['restore', folder], /is no file$|cannot be restored/);
    copyFileSync(path, join(folder, 'copy.db'));
    await refuses(
      ['restore', join(folder, 'copy.db')],
      /is a database, but no backup: make one of it with "npm run/,
    );
  });

  it('is refused where a newer version made it', async (t) => {
    const { path, file, folder, parley, refuses } = await createTested(t);
    const newer = join(folder, 'newer.db');
    await parley(['backup', file]);
    copyFileSync(file, newer);
    const connection = new DatabaseSync(newer);
    connection.exec(`INSERT INTO migrations (name, applied_at) VALUES ('9999-later', 1)`);
    connection.close();
    await refuses(['restore', newer], /written by a newer version of Parley: it has 9999-later/);
    await refuses(['backup', '--verify', newer], /written by a newer version/);
    await refuses(
      ['backup', join(folder, 'b.db'), '--from', `sqlite:${newer}`],
      /written by a newer version/,
    );
    assert.equal(await notesIn(path), 200);
  });
});

describe('restore', () => {
  it('puts the backup back, keeps what was there, and says where', async (t) => {
    const { path, file, parley } = await createTested(t);
    await parley(['backup', file]);
    await fill(path, 230);
    const { code, out, err } = await parley(['restore', file]);
    assert.equal(code, 0, err);
    const [, kept = ''] = /^The database that was there is kept as (\S+):/m.exec(out) ?? [];
    assert.match(out, /^Database \S+\/parley\.db is restored and checked: \d+ rows/);
    assert.match(err, /Not in a backup: the secret/);
    assert.deepEqual([await notesIn(path), await notesIn(kept)], [200, 230]);
    assert.equal((await parley(['backup', '--verify', file])).code, 0, 'the backup stays as it is');
    assert.equal((await parley(['keys', 'list'])).code, 0);
  });

  it('goes elsewhere where --to says so', async (t) => {
    const { folder, path, file, parley } = await createTested(t);
    await parley(['backup', file]);
    await fill(path, 230);
    const other = join(folder, 'new', 'other.db');
    const { code, out } = await parley(['restore', file, '--to', `sqlite:${other}`]);
    assert.deepEqual([code, out.includes('is kept as')], [0, false]);
    assert.deepEqual([await notesIn(other), await notesIn(path)], [200, 230]);
  });

  it('brings back a backup of an older version, which the next start brings up to date', async (t) => {
    const { path, file, folder, parley } = await createTested(t);
    const older = join(folder, 'older.db');
    migrate({ path: older, migrations: migrations.slice(0, 9), now: Date.now });
    assert.equal((await parley(['backup', file, '--from', `sqlite:${older}`])).code, 0);
    const { code, out } = await parley(['restore', file]);
    assert.equal(code, 0);
    assert.match(out, /schema 0009-studio/);
    const storage = await openStorage({ path });
    t.after(() => storage.close());
    assert.equal(await storage.leases.hold('a', 'b', 1, 2), true);
  });

  it('is refused while a server uses the database, and while a command does', async (t) => {
    const { path, file, parley, refuses } = await createTested(t);
    await parley(['backup', file]);
    for (const use of ['serve', 'visit'] as const) {
      const lock = lockDatabase(path, use);
      await refuses(['restore', file], /in use by a server or a command: stop it first/);
      lock.release();
    }
  });

  it('leaves nothing behind where there is no way to write', async (t) => {
    const { folder, file, parley, refuses } = await createTested(t);
    await parley(['backup', file]);
    await refuses(
      ['restore', file, '--to', 'sqlite:/dev/null/data/parley.db'],
      /cannot be locked: .*(ENOTDIR|EEXIST|ENOENT)/,
    );
    mkdirSync(join(folder, 'closed'));
    mkdirSync(join(folder, 'closed', 'parley.db'));
    chmodSync(join(folder, 'closed'), 0o700);
    await refuses(
      ['restore', file, '--to', `sqlite:${join(folder, 'closed', 'parley.db')}`],
      /cannot be put aside/,
    );
    assert.equal(existsSync(join(folder, 'closed', 'parley.db.restoring')), false);
  });
});

describe('a command about backups that is wrong', () => {
  const wrong: [args: string[], says: RegExp][] = [
    [['backup'], /must be: backup FILE/],
    [['backup', ''], /FILE is empty/],
    [['backup', 'a', 'b'], /must be: backup FILE/],
    [['backup', 'a', '--to', 'b'], /--to.*must be backup FILE/],
    [['backup', 'a', '--verify', '--force'], /--verify only looks at a backup/],
    [
      ['backup', 'a', '--from', 'parley.db'],
      /--from is "parley\.db": must be sqlite: and the path of a file/,
    ],
    [['backup', 'a', '--from', 'sqlite:'], /--from is "sqlite:"/],
    [['backup', 'a', '--from', 'postgres://me:secret@db/x'], /--from is "postgres:\/\/\*\*\*@db\/x"/],
    [['restore'], /must be: restore FILE/],
    [['restore', 'a', '--to', 'sqlite::memory:'], /--to is "sqlite::memory:"/],
    [['restore', 'a', '--force'], /--force.*must be restore FILE/],
  ];
  for (const [args, says] of wrong) {
    it(`gets one line and the exit code 2: ${args.join(' ')}`, async () => {
      let err = '';
      const terminal = {
        out: () => assert.fail('nothing is done'),
        err: (text: string) => void (err += text),
      };
      assert.equal(await runCommandLine(args, {}, terminal), 2);
      assert.match(err, says);
      assert.match(err, /^[^\n]+\n$/);
    });
  }
});
