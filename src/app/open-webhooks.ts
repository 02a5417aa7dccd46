import type { Config } from '../config.ts';
import type { AuditLog } from '../core/audit.ts';
import type { Desk } from '../core/desk/desk.ts';
import type { IdempotentWrites } from '../core/idempotency.ts';
import type { Log } from '../core/log.ts';
import type { Feed } from '../core/realtime/feed.ts';
import type { Runtime } from '../core/runtime.ts';
import { createLease } from '../core/nodes/lease.ts';
import { createDispatcher, type Dispatcher, type DispatcherParts } from '../core/webhooks/dispatcher.ts';
import { aDayOfRetries, type RetrySchedule } from '../core/webhooks/retry-schedule.ts';
import { createWebhooks, type Webhooks } from '../core/webhooks/webhooks.ts';
import type { Storage } from '../storage/storage.ts';
import { createDeliver, type DeliverParts } from '../webhooks/deliver.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenWebhooksParts {
  config: Pick<Config, 'webhooks'>;
  storage: Storage;
  node: Pick<OpenedNode, 'bus' | 'nodes'>;
  feed: Feed;
  /** See `Desk`. */
  present: Desk['present'];
  /** A contract's words for what is told. */
  presentEvent: DispatcherParts['present'];
  auditLog: AuditLog;
  idempotency: IdempotentWrites;
  runtime: Runtime;
  log: Log;
  /** The system's, unless a test has its own. */
  lookup?: DeliverParts['lookup'];
  /** About a day, unless a test has its own. */
  schedule?: RetrySchedule;
}

/** Deliveries to one receiver that may wait; what happens beyond them stays in the feed meanwhile. */
const mostOpen = 10_000;

/** Webhooks over the store and the feed. */
export function openWebhooks(parts: OpenWebhooksParts): { webhooks: Webhooks; dispatcher: Dispatcher } {
  const { config, storage, node, feed, auditLog, idempotency, runtime, log, lookup } = parts;
  const { connectionsPerReceiver, disableAfterMs, retentionMs, ...limits } = config.webhooks;
  const { webhooks, webhookDeliveries: deliveries, conversations, notes, users } = storage;
  const deliver = createDeliver({ ...limits, agent: 'Parley', ...(lookup && { lookup }) });
  const shared = { webhooks, deliveries, deliver, feed, present: parts.presentEvent, runtime };
  const dispatcher = createDispatcher({
    ...shared,
    sources: {
      async conversation(id) {
        const found = await conversations.find(id);
        return found && parts.present(found);
      },
      note: notes.find,
      namesOf: users.namesOf,
      ratingComment: async (id) => (await conversations.ratingOf(id))?.comment ?? null,
    },
    schedule: parts.schedule ?? aDayOfRetries,
    concurrency: connectionsPerReceiver,
    disableAfterMs,
    retentionMs,
    mostOpen,
    bus: node.bus,
    leaseFor: leaseFor(parts),
    log,
  });
  return { dispatcher, webhooks: createWebhooks({ ...shared, dispatcher, auditLog, idempotency }) };
}

/** Null where there is no other node. */
function leaseFor({ storage, node, runtime, log }: OpenWebhooksParts): DispatcherParts['leaseFor'] {
  if (node.bus.state() === 'alone') return null;
  const lease = { rows: storage.leases, name: 'webhooks', node: node.nodes.id, runtime, log };
  return (work) => createLease({ ...lease, ...work });
}
