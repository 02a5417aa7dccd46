import { createHousekeeping, type Housekeeping } from '../core/housekeeping.ts';
import type { IdempotentWrites } from '../core/idempotency.ts';
import type { Log } from '../core/log.ts';
import { createMaintenance, type Maintenance } from '../core/maintenance.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Storage } from '../storage/storage.ts';

export interface OpenedMaintenance {
  maintenance: Maintenance;
  /** Looks every second whether another process has moved the switch. */
  watch: Pick<Housekeeping, 'start' | 'stop'>;
}

/** The maintenance switch as it was left. */
export async function openMaintenance(parts: {
  storage: Pick<Storage, 'settings'>;
  idempotency: IdempotentWrites;
  runtime: Runtime;
  log: Log;
}): Promise<OpenedMaintenance> {
  const { storage, idempotency, runtime, log } = parts;
  const maintenance = createMaintenance({ settings: storage.settings, idempotency, runtime });
  await maintenance.refresh();
  const tasks = { maintenance: maintenance.refresh };
  return { maintenance, watch: createHousekeeping({ tasks, everyMs: 1000, log }) };
}
