import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createApiCalls } from './api-calls.ts';
import { createAuditLog } from './audit-log.ts';
import type { Database, Statement } from './database.ts';
import { createPostgresQueries, createSqliteQueries, type Queries } from './dialect.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { openPostgresStorage } from './postgres-storage.ts';
import { emptySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { openStorage } from './storage.ts';
import { temporaryFolder } from './temporary-folder.fixture.ts';
import { createTurnLog } from './turn-log.ts';

async function openSqlite(t: TestContext): Promise<Database> {
  const path = join(temporaryFolder(t), 'parley.db');
  await (await openStorage({ path })).close();
  const database = await openSqliteDatabase({ path });
  t.after(() => database.close());
  return database;
}

async function openPostgres(t: TestContext): Promise<Database> {
  const url = await emptySchema(t);
  await (await openPostgresStorage({ url })).close();
  const database = await openPostgresDatabase({ url });
  t.after(() => database.close());
  return database;
}

const sqlOnly = (sql: string): Statement => ({ sql, parameters: [] });

/** Text of a turn that is not there; no door leaves such a thing. */
async function removesLostLogs(database: Database, queries: Queries): Promise<void> {
  const rows = Array.from({ length: 7 }, (_, start) => `(99, ${start}, '"x"')`);
  await database.write([sqlOnly(`INSERT INTO turn_log (turn_id, start, delta) VALUES ${rows.join(', ')}`)]);
  const log = createTurnLog(database, queries);
  assert.deepEqual(
    [await log.removeLost(5), await log.removeLost(5), await log.removeLost(5), await log.textOf(99)],
    [5, 2, 0, ''],
  );
}

describe('text of a turn that is not there', () => {
  it('is removed from SQLite', async (t) => removesLostLogs(await openSqlite(t), createSqliteQueries()));
  it('is removed from PostgreSQL', { skip: withoutPostgres }, async (t) =>
    removesLostLogs(await openPostgres(t), createPostgresQueries()),
  );
});

describe('what removes old rows', () => {
  it('finds them by indexes, in order, and scans only what is small', async (t) => {
    const database = await openSqlite(t);
    const seen: Pick<Statement, 'sql' | 'parameters'>[] = [];
    const recording: Database = {
      ...database,
      read(query) {
        seen.push(query);
        return database.read(query);
      },
      write(unit) {
        const statements = typeof unit === 'function' ? unit() : unit;
        seen.push(...statements);
        return database.write(statements);
      },
    };
    const queries = createSqliteQueries();
    const auditLog = createAuditLog(recording, queries);
    const entry = { at: 5, actorId: 0, ip: '', action: 'a', targetType: 'a', targetId: null, details: {} };
    for (let at = 0; at < 2; at++) await auditLog.add({ ...entry, at });
    seen.length = 0;
    for (let time = 0; time < 2; time++) {
      await auditLog.removeBefore({ before: 5, limit: 1, entry: { ...entry, at: 9, action: 'b' }, since: 1 });
    }
    await createApiCalls(recording, queries).removeBefore('2026-01-01', 500, 1);
    await createTurnLog(recording, queries).removeLost(500);
    const plans = await Promise.all(
      seen.map(async ({ sql, parameters }) => {
        const steps = await database.read({ sql: `EXPLAIN QUERY PLAN ${sql}`, parameters });
        return steps.map(({ detail }) => String(detail));
      }),
    );
    const steps = new Set(plans.flat());
    assert.ok(
      steps.has('SEARCH api_calls USING COVERING INDEX api_calls_day (day<?)'),
      [...steps].join('\n'),
    );
    assert.ok(steps.has('SEARCH audit_log USING COVERING INDEX audit_log_at (at<?)'));
    assert.ok(steps.has('SEARCH audit_log USING INDEX audit_log_action (action=? AND at>?)'));
    const poor = [...steps].filter((step) => /TEMP B-TREE|^SCAN (?!json_each|turn_log)/.test(step));
    assert.deepEqual(poor, []);
  });
});
