import type { Config } from '../config.ts';
import { keptIn } from '../core/money/books.ts';
import { createBudgets } from '../core/money/budgets.ts';
import { createMemoryLedger } from '../core/money/memory-ledger.ts';
import type { Runtime } from '../core/runtime.ts';
import type { DayOf } from '../core/statistics/calendar.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

/** What may be spent, and the store as everybody else is to have it: what it takes of calls, the ledger knows. */
export function openMoney(parts: {
  config: Pick<Config, 'budgets'>;
  storage: Storage;
  node: Pick<OpenedNode, 'bus'>;
  dayOf: DayOf;
  runtime: Runtime;
}) {
  const { config, storage, node, dayOf, runtime } = parts;
  const ledger = createMemoryLedger({ apiCalls: storage.apiCalls, dayOf, runtime });
  const { cnyPerUsd, ...defaults } = config.budgets;
  const { bus } = node;
  const budgets = createBudgets({ rows: storage.budgets, ledger, defaults, cnyPerUsd, dayOf, bus, runtime });
  return { storage: keptIn(storage, ledger), budgets };
}
