import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { createApiCalls } from './api-calls.ts';
import { createSqliteQueries } from './dialect.ts';
import { openRecording } from './recording.fixture.ts';
import { newCall } from './sample-rows.fixture.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';

const owner = 'user:1';
const models = ['qwen-plus', 'gpt-4o', 'claude'];
const months = 30;
const dayOf = (month: number, day: number) => new Date(Date.UTC(2024, month, day)).toISOString().slice(0, 10);
const lastDay = dayOf(months - 1, 15);

/** Twenty calls on each of ten days of thirty months; what each page reads of them. */
async function createTested(t: TestContext) {
  const path = join(temporaryFolder(t), 'parley.db');
  const storage = await openStorage({ path });
  const days = Array.from({ length: months * 10 }, (_, at) => dayOf(Math.floor(at / 10), 6 + (at % 10)));
  const calls = days.flatMap((day) => Array.from({ length: 20 }, (_, at) => ({ day, at })));
  const record = ({ day, at }: { day: string; at: number }) =>
    storage.apiCalls.record(
      newCall({
        owner,
        userId: 1,
        apiKeyId: null,
        day,
        model: models[at % models.length]!,
        contract: at % 2 === 0 ? 'studio' : 'gateway',
        outcome: at % 5 === 0 ? 'failure' : 'success',
      }),
    );
  await Promise.all(calls.map(record));
  await storage.close();
  const { database, recording, queries } = await openRecording(t, path);
  const { page } = createApiCalls(recording, createSqliteQueries());
  const readBy = async (filter: object, skip: number) => {
    queries.length = 0;
    const { calls: shown } = await page({ owner, ...filter }, { skip, limit: 10 });
    const reads = await Promise.all(
      queries.map(async ({ sql, parameters }) => {
        const steps = await database.read<{ detail: string }>({
          sql: `EXPLAIN QUERY PLAN ${sql}`,
          parameters,
        });
        const rows = await database.read({ sql, parameters });
        return { plan: steps.map(({ detail }) => detail).join('; '), rows: rows.length };
      }),
    );
    return { shown, reads };
  };
  return { readBy };
}

const model = 'gpt-4o';
const filters: Record<string, { model?: string; fromDay?: string; toDay?: string }> = {
  everything: {},
  'a model': { model },
  'a range': { fromDay: dayOf(0, 7), toDay: dayOf(months - 1, 14) },
  'from a day on': { fromDay: dayOf(3, 7) },
  'up to a day': { toDay: dayOf(months - 2, 9), model },
  'a model in a range': { fromDay: dayOf(0, 7), toDay: dayOf(months - 1, 14), model },
  'one day': { fromDay: lastDay, toDay: lastDay, model },
};
const sumsOfAll =
  'SEARCH owner_usage USING PRIMARY KEY (owner=? AND span=? AND model=? AND begins>? AND begins<?)';
const firstListedDay = 'SEARCH settings USING PRIMARY KEY (key=?)';
const callsOf = (where: string, wanted: { model?: string }) =>
  wanted.model === undefined
    ? `SEARCH api_calls USING INDEX api_calls_owner (owner=? AND ${where})`
    : `SEARCH api_calls USING INDEX api_calls_owner_model (owner=? AND model=? AND ${where})`;

describe('a page of somebody’s calls', () => {
  it('is read straight from indices, and its sums from months and the days of two, whatever is wanted', async (t) => {
    const { readBy } = await createTested(t);
    for (const [what, filter] of Object.entries(filters)) {
      for (const skip of [0, 10, 35]) {
        const { shown, reads } = await readBy(filter, skip);
        const wanted = { shown: what === 'one day' ? Math.max(0, 7 - skip) : 10, what, skip };
        assert.deepEqual({ shown: shown.length, what, skip }, wanted);
        const allowed = [firstListedDay, sumsOfAll, callsOf('day=?', filter), callsOf('day<?', filter)];
        for (const { plan } of reads) assert.ok(allowed.includes(plan), `${what}: ${plan}`);
        const rows = reads.reduce((sum, read) => sum + read.rows, 0);
        assert.ok(rows <= months + 3 * 10 + 10, `${what}: ${rows} rows`);
      }
    }
  });

  it('far from the first passes over calls of its own day only', async (t) => {
    const { readBy } = await createTested(t);
    const { shown, reads } = await readBy({}, 4_327);
    assert.deepEqual(new Set(shown.map(({ day }) => day)), new Set([dayOf(8, 9)]));
    assert.deepEqual(
      reads.map(({ plan }) => plan),
      [sumsOfAll, firstListedDay, sumsOfAll, callsOf('day=?', {})],
    );
  });

  it('past the end reads no calls', async (t) => {
    const { readBy } = await createTested(t);
    const { shown, reads } = await readBy({}, 6_000);
    assert.deepEqual([shown, reads.map(({ plan }) => plan)], [[], [sumsOfAll, firstListedDay]]);
  });
});
