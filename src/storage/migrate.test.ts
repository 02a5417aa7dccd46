import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { migrate } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const now = () => 5000;

function tablesOf(path: string): string[] {
  const connection = new DatabaseSync(path);
  const rows = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  connection.close();
  return rows.map((row) => String(row['name']));
}

describe('migrations', () => {
  it('have unique, ordered names', () => {
    const names = migrations.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)].toSorted());
    for (const name of names) assert.match(name, /^\d{4}-[a-z-]+$/);
  });

  it('run once, in order, and later ones are added', (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    const steps = [
      { name: '0001-a', sqlite: ['CREATE TABLE a (id INTEGER)'], postgres: [] },
      { name: '0002-b', sqlite: ['ALTER TABLE a RENAME TO b'], postgres: [] },
    ];
    assert.deepEqual(migrate({ path, migrations: steps.slice(0, 1), now }), ['0001-a']);
    assert.deepEqual(migrate({ path, migrations: steps, now }), ['0002-b']);
    assert.deepEqual(migrate({ path, migrations: steps, now }), []);
    assert.deepEqual(tablesOf(path), ['b', 'migrations']);
  });

  it('leave nothing behind when one of them fails', (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    const steps = [
      { name: '0001-a', sqlite: ['CREATE TABLE a (id INTEGER)'], postgres: [] },
      {
        name: '0002-b',
        sqlite: ['CREATE TABLE b (id INTEGER)', 'CREATE TABLE a (id INTEGER)'],
        postgres: [],
      },
    ];
    assert.throws(() => migrate({ path, migrations: steps, now }), { name: 'StorageError' });
    assert.deepEqual(tablesOf(path), []);
  });

  it('refuse a database of a newer version and leave it alone', async (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    const newer = { name: '9999-future', sqlite: ['CREATE TABLE future (id INTEGER)'], postgres: [] };
    migrate({ path, migrations: [...migrations, newer], now });
    const before = tablesOf(path);
    await assert.rejects(openStorage({ path }), {
      name: 'StorageError',
      code: 'unavailable',
      message: /newer version of Parley: it has 9999-future, and this version knows only up to \d{4}-[a-z-]+/,
    });
    assert.deepEqual(tablesOf(path), before);
  });

  it('name the file that is no database, and leave it alone', async (test) => {
    const path = join(temporaryFolder(test), 'm.db');
    const text = 'This is a letter to my aunt. '.repeat(100);
    writeFileSync(path, text);
    await assert.rejects(openStorage({ path }), {
      name: 'StorageError',
      code: 'unavailable',
      message: `The database ${path} cannot be used: file is not a database`,
    });
    assert.equal(readFileSync(path, 'utf8'), text);
  });

  it('are applied by exactly one of several processes that start at once', async (test) => {
    const folder = temporaryFolder(test);
    const script = join(import.meta.dirname, 'migrate.fixture.ts');
    for (let round = 0; round < 3; round++) {
      const path = join(folder, `${round}.db`);
      // In some rounds the file is not new, so that the processes begin by reading.
      if (round > 0) migrate({ path, migrations: [], now });
      const processes = Array.from({ length: 4 }, () =>
        promisify(execFile)(process.execPath, [script, path], { encoding: 'utf8' }),
      );
      const applied = (await Promise.all(processes)).map(({ stdout }) => JSON.parse(stdout) as string[]);
      assert.deepEqual(
        applied.flat(),
        migrations.map(({ name }) => name),
      );
    }
  });
});
