import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { newCall } from './sample-rows.fixture.ts';
import { newTurn } from './sample-turns.fixture.ts';
import { backUp } from './sqlite-backup.ts';
import { restore, type RestoreStep } from './sqlite-restore.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const killed = fileURLToPath(new URL('./restore-killed.fixture.ts', import.meta.url));
const at = Date.UTC(2026, 8, 22, 10, 30);
const now = () => at;

async function record(path: string, ...requestIds: string[]): Promise<void> {
  const storage = await openStorage({ path });
  for (const requestId of requestIds) await storage.apiCalls.record(newCall({ requestId }));
  await storage.close();
}

async function recordedIn(path: string): Promise<string> {
  const storage = await openStorage({ path });
  const calls = await storage.apiCalls.list({ limit: 100 });
  await storage.close();
  return calls
    .map(({ requestId }) => requestId)
    .reverse()
    .join('');
}

/** A database whose backup has the calls a and b; that b has become B since is in the log beside it alone, as after a crash. */
async function createTested(t: TestContext) {
  const folder = temporaryFolder(t);
  const path = join(folder, 'data', 'parley.db');
  const file = join(folder, 'backup.db');
  await record(path, 'a', 'b');
  await backUp({ from: path, to: file, force: false, now });
  crash(path, () => `UPDATE api_calls SET request_id = 'B' WHERE request_id = 'b'`);
  const kept = () => readdirSync(join(folder, 'data')).filter((name) => name.includes('.replaced-'));
  return { folder, path, file, kept };
}

/** Changes the database as a process does that is then killed: what it wrote is in the log alone. */
function crash(path: string, sql: () => string): void {
  const connection = new DatabaseSync(path);
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0');
  connection.exec(sql());
  for (const log of ['', '-wal']) copyFileSync(`${path}${log}`, `${path}.left${log}`);
  connection.close();
  for (const log of ['', '-wal']) {
    copyFileSync(`${path}.left${log}`, `${path}${log}`);
    rmSync(`${path}.left${log}`);
  }
}

const steps: RestoreStep[] = [
  'copying',
  'checking',
  'settling',
  'preparing',
  'proving',
  'keeping',
  'clearing',
  'replacing',
  'verifying',
];

describe('a restore', () => {
  it('puts the backup in the place of the database, and keeps that whole', async (t) => {
    const { path, file, kept } = await createTested(t);
    const seen: RestoreStep[] = [];
    const restored = restore({ file, path, now, onStep: (step) => void seen.push(step) });
    assert.deepEqual(seen, steps);
    assert.deepEqual(
      [restored.tables['api_calls'], restored.keptAs],
      [2, `${path}.replaced-2026-09-22T103000`],
    );
    assert.deepEqual(kept(), ['parley.db.replaced-2026-09-22T103000']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(existsSync(`${path}-wal`) || existsSync(`${path}.restoring`), false);
    assert.equal(await recordedIn(path), 'ab');
    assert.equal(await recordedIn(restored.keptAs ?? ''), 'aB');
  });

  it('needs no database to be there, nor its folder', async (t) => {
    const { folder, file } = await createTested(t);
    const path = join(folder, 'new', 'data', 'parley.db');
    assert.equal(restore({ file, path, now }).keptAs, undefined);
    assert.equal(statSync(join(folder, 'new', 'data')).mode & 0o777, 0o700);
    assert.equal(await recordedIn(path), 'ab');
  });

  it('puts aside a log that a lost database left: it would be taken for the new one’s', async (t) => {
    const { path, file, kept } = await createTested(t);
    rmSync(path);
    restore({ file, path, now });
    assert.deepEqual(kept(), ['parley.db.replaced-2026-09-22T103000-wal']);
    assert.equal(await recordedIn(path), 'ab');
  });

  it('replaces a database that is damaged, and keeps it with its log', async (t) => {
    const { path, file, kept } = await createTested(t);
    writeFileSync(path, 'nothing that SQLite could read, and longer than its header would be'.repeat(9));
    restore({ file, path, now });
    assert.deepEqual(kept(), [
      'parley.db.replaced-2026-09-22T103000',
      'parley.db.replaced-2026-09-22T103000-wal',
    ]);
    assert.equal(await recordedIn(path), 'ab');
  });

  it('can be repeated within a second', async (t) => {
    const { path, file, kept } = await createTested(t);
    for (let time = 0; time < 3; time++) restore({ file, path, now });
    const name = 'parley.db.replaced-2026-09-22T103000';
    assert.deepEqual(kept(), [name, `${name}-2`, `${name}-3`]);
  });

  it('follows a link to the database', async (t) => {
    const { folder, path, file } = await createTested(t);
    const link = join(folder, 'link.db');
    symlinkSync(path, link);
    assert.match(restore({ file, path: link, now }).keptAs ?? '', /\/data\/parley\.db\.replaced-/);
    assert.equal(await recordedIn(path), 'ab');
  });

  it('is refused while somebody has the database open, whoever it is', async (t) => {
    const { path, file } = await createTested(t);
    const other = new DatabaseSync(path);
    other.prepare('SELECT count(*) FROM api_calls').get();
    assert.throws(() => restore({ file, path, now }), {
      code: 'unavailable',
      message: /in use by a server or a/,
    });
    other.close();
    assert.equal(await recordedIn(path), 'aB');
  });

  it('of the database over itself is refused', async (t) => {
    const { path } = await createTested(t);
    assert.throws(() => restore({ file: path, path, now }), { message: /is the database itself/ });
  });
});

describe('a restored database', () => {
  it('gives out no id that the one before it gave out, and no cursor that clients may remember', async (t) => {
    const { path, file } = await createTested(t);
    const before = await openStorage({ path });
    for (let turn = 0; turn < 3; turn++) await before.turns.begin(await newTurn(before));
    const lost = await before.feed.head();
    const id = await before.messages.nextId();
    await before.close();
    restore({ file, path, now });
    const after = await openStorage({ path });
    t.after(() => after.close());
    assert.ok((await after.messages.nextId()) >= id);
    const cursors = await after.feed.head();
    await after.turns.begin(await newTurn(after));
    assert.deepEqual([cursors, (await after.feed.head()) > lost + 1_000_000], [0, true]);
  });

  it('leaves room for ids where nobody knows which were given out', async (t) => {
    const { folder, file } = await createTested(t);
    const path = join(folder, 'elsewhere.db');
    restore({ file, path, now });
    const storage = await openStorage({ path });
    t.after(() => storage.close());
    await storage.turns.begin(await newTurn(storage));
    assert.ok((await storage.feed.head()) > 2_000_000);
  });
});

describe('a restore that is killed', () => {
  for (const step of steps) {
    it(`when it begins with ${step} leaves the old or the new database whole, and can begin anew`, async (t) => {
      const { folder, path, file } = await createTested(t);
      const { signal } = spawnSync(process.execPath, [killed, file, path, step], { encoding: 'utf8' });
      assert.equal(signal, 'SIGKILL');
      const data = join(folder, 'data');
      // As it is found by a server that starts then; the restore that follows finds it as it was left.
      const found = join(folder, 'found');
      spawnSync('cp', ['-a', data, found]);
      assert.equal(await recordedIn(join(found, 'parley.db')), step === 'verifying' ? 'ab' : 'aB');
      const { keptAs } = restore({ file, path, now });
      assert.equal(await recordedIn(path), 'ab');
      assert.equal(await recordedIn(keptAs ?? ''), step === 'verifying' ? 'ab' : 'aB');
      assert.equal(existsSync(`${path}.restoring`), false);
    });
  }
});
