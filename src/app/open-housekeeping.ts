import type { Config } from '../config.ts';
import { createHousekeeping, type Housekeeping } from '../core/housekeeping.ts';
import type { Log } from '../core/log.ts';
import { createRetention } from '../core/retention.ts';
import type { Runtime } from '../core/runtime.ts';
import { createDayOf } from '../core/statistics/calendar.ts';
import type { Storage } from '../storage/storage.ts';
import type { openCore } from './open-core.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenHousekeepingParts {
  opened: Awaited<ReturnType<typeof openCore>>;
  config: Pick<Config, 'retention' | 'timeZone'>;
  storage: Storage;
  node: Pick<OpenedNode, 'nodes'>;
  runtime: Runtime;
  log: Log;
}

/** The regular tasks of a node; stopping them ends what removes old rows, too. */
export function openHousekeeping(parts: OpenHousekeepingParts): Housekeeping {
  const { opened, config, storage, node, runtime, log } = parts;
  const retention = createRetention({
    rows: storage,
    keep: config.retention,
    node: node.nodes.id,
    dayOf: createDayOf(config.timeZone),
    runtime,
    log,
  });
  const tasks = {
    'cache use': opened.cache.flush,
    'key use': opened.apiKeys.flush,
    reservations: opened.ledger.tend,
    turns: opened.turns.tend,
    'conversations without an agent': opened.handoff.releaseStranded,
    feed: opened.tidyFeed,
    webhooks: opened.dispatcher.tend,
    'search indexes': opened.search.tend,
    'idempotency keys': opened.idempotency.removeExpired,
    retention: retention.tend,
  };
  const housekeeping = createHousekeeping({ tasks, everyMs: 10_000, log });
  return {
    ...housekeeping,
    stop() {
      housekeeping.stop();
      retention.stop();
    },
  };
}
