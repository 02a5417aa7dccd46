import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { migrate } from '../migrate.ts';
import { openStorage } from '../storage.ts';
import { temporaryFolder } from '../temporary-folder.fixture.ts';
import { migrations } from './list.ts';

const earlier = migrations.filter(({ name }) => name < '0009');

it('the migration of nodes leaves answers from the cache out of what was spent in a month', async (test) => {
  const path = join(temporaryFolder(test), 'm.db');
  migrate({ path, migrations: earlier, now: () => 1 });
  const connection = new DatabaseSync(path);
  for (const [owner, day, model, outcome, tokens] of [
    ['key:7', '2026-08-31', 'gpt-4o', 'cache_hit', 1],
    ['key:7', '2026-09-01', 'gpt-4o', 'cache_hit', 10],
    ['key:7', '2026-09-30', 'qwen-plus', 'cache_hit', 100],
    ['key:7', '2026-09-30', 'qwen-plus', 'success', 1_000],
    ['key:7', '2026-10-01', 'gpt-4o', 'failure', 10_000],
    ['key:8', '2026-09-01', 'gpt-4o', 'cache_hit', 100_000],
  ] as const) {
    connection.exec(`INSERT INTO usage_daily
      VALUES ('${day}', 'gateway', '${owner}', 0, 7, '${model}', '${outcome}', 'USD', 1, ${tokens}, ${tokens}, 0, 1)`);
  }
  connection.close();

  const storage = await openStorage({ path });
  test.after(() => storage.close());
  const spent = async (owner: string, month: string) =>
    (await storage.reservations.standing(owner, month, 1)).spent.tokens;
  const months = ['2026-08', '2026-09', '2026-10'];
  assert.deepEqual(await Promise.all(months.map((month) => spent('key:7', month))), [0, 2_000, 20_000]);
  assert.equal(await spent('key:8', '2026-09'), 0);
  const read = new DatabaseSync(path, { readOnly: true });
  test.after(() => read.close());
  const rows = read
    .prepare('SELECT begins, cache_hit_tokens AS tokens FROM owner_usage WHERE owner = ? AND model = ?')
    .all('key:7', 'qwen-plus');
  assert.deepEqual(
    rows.map(({ begins, tokens }) => [begins, tokens]),
    [
      ['2026-09-30', 200],
      ['2026-09', 200],
    ],
  );
});
