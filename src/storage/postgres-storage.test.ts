import { describe } from 'node:test';
import type { TestContext } from 'node:test';
import { articlesSuite } from './articles.suite.ts';
import { auditLogSuite } from './audit-log.suite.ts';
import { deskListsSuite } from './desk-lists.suite.ts';
import { feedSuite } from './feed.suite.ts';
import { userChangesSuite } from './user-changes.suite.ts';
import { webhookDeliveriesSuite } from './webhook-deliveries.suite.ts';
import { callHistorySuite } from './call-history.suite.ts';
import { conversationsSuite } from './conversations.suite.ts';
import { deskSuite } from './desk.suite.ts';
import { deskSumsSuite } from './desk-sums.suite.ts';
import { guestsSuite } from './guests.suite.ts';
import { leasesSuite } from './leases.suite.ts';
import { turnNodesSuite } from './turn-nodes.suite.ts';
import { messageRemovalSuite } from './message-removal.suite.ts';
import { ownershipSuite } from './ownership.suite.ts';
import { partsSuite } from './parts.suite.ts';
import { postsSuite } from './posts.suite.ts';
import { openPostgresStorage } from './postgres-storage.ts';
import { temporarySchema, withoutPostgres } from './real-postgres.fixture.ts';
import { storageSuite } from './storage.suite.ts';

const prepare = (test: TestContext) => {
  const url = temporarySchema(test);
  return { open: async () => openPostgresStorage({ url: await url }) };
};

describe('on PostgreSQL', { skip: withoutPostgres }, () => {
  storageSuite('postgres', prepare);
  callHistorySuite('postgres', prepare);
  conversationsSuite('postgres', prepare);
  guestsSuite('postgres', prepare);
  postsSuite('postgres', prepare);
  partsSuite('postgres', prepare);
  messageRemovalSuite('postgres', prepare);
  ownershipSuite('postgres', prepare);
  deskSumsSuite('postgres', prepare);
  deskSuite('postgres', prepare);
  webhookDeliveriesSuite('postgres', prepare);
  userChangesSuite('postgres', prepare);
  feedSuite('postgres', prepare);
  deskListsSuite('postgres', prepare);
  auditLogSuite('postgres', prepare);
  articlesSuite('postgres', prepare);
  leasesSuite('postgres', prepare);
  turnNodesSuite('postgres', prepare);
});
