import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { compileAudit, createAuditLog } from './audit-log.ts';
import { auditLogSuite } from './audit-log.suite.ts';
import { createSqliteQueries } from './dialect.ts';
import { openStorage } from './storage.ts';
import { inAFile, temporaryFolder } from './temporary-folder.fixture.ts';
import { openRecording } from './recording.fixture.ts';

auditLogSuite('sqlite', inAFile);

describe('the audit log', () => {
  it('never scans or sorts the table', async (t) => {
    const path = join(temporaryFolder(t), 'parley.db');
    await (await openStorage({ path })).close();
    const { database, recording, queries } = await openRecording(t, path);
    const auditLog = createAuditLog(recording, createSqliteQueries());
    const times = { from: 1, to: 2 };
    for (const filter of [
      {},
      { actorId: 1 },
      { action: 'a' },
      { actorId: 1, action: 'a' },
      { targetType: 'a' },
      { targetType: 'a', targetId: '1' },
    ]) {
      await auditLog.list(filter, { skip: 0, limit: 10 });
      await auditLog.list({ ...filter, ...times }, { skip: 0, limit: 10 });
    }
    for (const { sql, parameters } of queries) {
      const plan = await database.read<{ detail: string }>({ sql: `explain query plan ${sql}`, parameters });
      const text = plan.map(({ detail }) => detail).join('; ');
      assert.doesNotMatch(text, /SCAN audit_log(?! USING)|B-TREE/u, `${sql}\n${text}`);
    }
  });
});

describe('a unit with an audit entry', () => {
  it('has no statement where there is no entry', () => {
    assert.deepEqual(compileAudit(createSqliteQueries())(undefined), []);
  });
});
