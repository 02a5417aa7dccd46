import { describe } from 'node:test';
import type { TestContext } from 'node:test';
import { callHistorySuite } from './call-history.suite.ts';
import { conversationsSuite } from './conversations.suite.ts';
import { deskSuite } from './desk.suite.ts';
import { deskSumsSuite } from './desk-sums.suite.ts';
import { guestsSuite } from './guests.suite.ts';
import { leasesSuite } from './leases.suite.ts';
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
  leasesSuite('postgres', prepare);
});
