import { createHousekeeping, type Housekeeping } from '../core/housekeeping.ts';
import type { IdempotentWrites } from '../core/idempotency.ts';
import type { Log } from '../core/log.ts';
import { createMaintenance, type Maintenance } from '../core/maintenance.ts';
import type { Runtime } from '../core/runtime.ts';
import { everywhere } from '../core/realtime/everywhere.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

export interface OpenedMaintenance {
  maintenance: Maintenance;
  /** Looks every second whether another process has moved the switch; other nodes tell of it at once. */
  watch: Pick<Housekeeping, 'start' | 'stop'>;
}

/** The maintenance switch as it was left. */
export async function openMaintenance(parts: {
  storage: Pick<Storage, 'settings'>;
  node: Pick<OpenedNode, 'bus'>;
  idempotency: IdempotentWrites;
  runtime: Runtime;
  log: Log;
}): Promise<OpenedMaintenance> {
  const { storage, node, idempotency, runtime, log } = parts;
  const onSet = everywhere(node.bus, 'maintenance', () => void watch.run());
  const maintenance = createMaintenance({ settings: storage.settings, idempotency, runtime, onSet });
  const watch = createHousekeeping({ tasks: { maintenance: maintenance.refresh }, everyMs: 1000, log });
  await maintenance.refresh();
  return { maintenance, watch };
}
