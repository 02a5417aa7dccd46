import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { lockDatabase, type DatabaseUse } from './database-lock.ts';
import { openStorageAt } from './open-storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const holder = fileURLToPath(new URL('./lock-holder.fixture.ts', import.meta.url));
const pathIn = (t: TestContext) => join(temporaryFolder(t), 'data', 'parley.db');

/** Another process with the lock; ends when the returned function is called. */
async function heldElsewhere(t: TestContext, path: string, use: DatabaseUse): Promise<() => Promise<void>> {
  const child = spawn(process.execPath, [holder, path, use], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const end = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  t.after(end);
  assert.equal(String((await once(child.stdout, 'data'))[0]), 'held');
  return end;
}

describe('a database', () => {
  const together: [one: DatabaseUse, other: DatabaseUse, refused: RegExp | null][] = [
    ['serve', 'serve', /in use by another server/],
    ['serve', 'visit', null],
    ['visit', 'serve', null],
    ['visit', 'visit', null],
    ['serve', 'replace', /in use by a server or a command: stop it first/],
    ['visit', 'replace', /in use by a server or a command: stop it first/],
    ['replace', 'serve', /being restored/],
    ['replace', 'visit', /being replaced by a backup: try again/],
    ['replace', 'replace', /in use by a server or a command/],
  ];
  for (const [one, other, refused] of together) {
    it(`that one process is to ${one}, another may ${refused ? 'not ' : ''}${other}`, async (t) => {
      const path = pathIn(t);
      await heldElsewhere(t, path, one);
      if (refused === null) return lockDatabase(path, other).release();
      assert.throws(() => lockDatabase(path, other), {
        name: 'StorageError',
        code: 'unavailable',
        message: refused,
      });
    });
  }

  it('is free again when the process that used it was killed', async (t) => {
    const path = pathIn(t);
    const kill = await heldElsewhere(t, path, 'serve');
    await kill();
    lockDatabase(path, 'replace').release();
  });

  it('is in use for this process too, until it is released; that may be repeated', (t) => {
    const path = pathIn(t);
    const lock = lockDatabase(path, 'serve');
    assert.throws(() => lockDatabase(path, 'serve'), { code: 'unavailable' });
    lock.release();
    lock.release();
    lockDatabase(path, 'serve').release();
  });

  it('is marked beside itself, by a file for its owner only', (t) => {
    const path = pathIn(t);
    lockDatabase(path, 'visit').release();
    assert.equal(statSync(`${path}.lock`).mode & 0o777, 0o600);
  });

  it('that cannot be marked is refused', () => {
    assert.throws(() => lockDatabase('/dev/null/parley.db', 'serve'), {
      code: 'unavailable',
      message: /\/dev\/null\/parley\.db cannot be locked: /,
    });
  });
});

describe('a store on SQLite', () => {
  it('has one server at a time, which others may visit, until it is closed', async (t) => {
    const url = `sqlite:${pathIn(t)}`;
    const server = await openStorageAt({ url, use: 'serve' });
    t.after(() => server.close());
    await assert.rejects(openStorageAt({ url, use: 'serve' }), {
      code: 'unavailable',
      message: /another server/,
    });
    await (await openStorageAt({ url, use: 'visit' })).close();
    await server.close();
    await server.close();
    await (await openStorageAt({ url, use: 'serve' })).close();
  });

  it('that cannot be opened is not in use afterwards', async (t) => {
    const path = pathIn(t);
    const url = `sqlite:${path}`;
    const wrong = { url, use: 'serve' as const, now: () => assert.fail('no clock') };
    await assert.rejects(openStorageAt(wrong));
    lockDatabase(path, 'replace').release();
  });
});
