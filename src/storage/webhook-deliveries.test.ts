import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it } from 'node:test';
import { createSqliteQueries } from './dialect.ts';
import { openStorage } from './storage.ts';
import { inAFile, temporaryFolder } from './temporary-folder.fixture.ts';
import { createWebhookDeliveries } from './webhook-deliveries.ts';
import { webhookDeliveriesSuite } from './webhook-deliveries.suite.ts';
import { openRecording } from './recording.fixture.ts';

webhookDeliveriesSuite('sqlite', inAFile);

it('deliveries are found without a scan or sorting', async (t) => {
  const path = join(temporaryFolder(t), 'parley.db');
  await (await openStorage({ path })).close();
  const { database, recording, queries } = await openRecording(t, path);
  const deliveries = createWebhookDeliveries(recording, createSqliteQueries());
  await deliveries.due(1, 1000, 10);
  await deliveries.nextDue(1, 1000);
  await deliveries.open(1, 10);
  await deliveries.list(1, { skip: 0, limit: 10 });
  await deliveries.find(1, 1);
  assert.equal(queries.length, 6);
  for (const { sql, parameters } of queries) {
    const plan = await database.read<{ detail: string }>({ sql: `explain query plan ${sql}`, parameters });
    const text = plan.map(({ detail }) => detail).join('; ');
    assert.doesNotMatch(text, /SCAN webhook_deliveries(?! USING)|B-TREE/u, `${sql}\n${text}`);
  }
});
