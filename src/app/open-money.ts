import type { Config } from '../config.ts';
import { createBudgets } from '../core/money/budgets.ts';
import { createLedger } from '../core/money/ledger.ts';
import type { Log } from '../core/log.ts';
import type { Runtime } from '../core/runtime.ts';
import type { DayOf } from '../core/statistics/calendar.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

/** What may be spent, and who has spent what. */
export function openMoney(parts: {
  config: Pick<Config, 'budgets'>;
  storage: Pick<Storage, 'budgets' | 'reservations'>;
  node: Pick<OpenedNode, 'bus'> & { nodes: Pick<OpenedNode['nodes'], 'id'> };
  dayOf: DayOf;
  runtime: Runtime;
  log: Log;
}) {
  const { config, storage, node, dayOf, runtime, log } = parts;
  const ledger = createLedger({ rows: storage.reservations, node: node.nodes.id, dayOf, runtime, log });
  const { cnyPerUsd, ...defaults } = config.budgets;
  const { bus } = node;
  const budgets = createBudgets({ rows: storage.budgets, ledger, defaults, cnyPerUsd, dayOf, bus, runtime });
  return { budgets, ledger };
}
