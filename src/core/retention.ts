import type { ApiCalls } from '../storage/api-calls.ts';
import type { AuditLog } from '../storage/audit-log.ts';
import type { Leases } from '../storage/leases.ts';
import type { Turns } from '../storage/turns.ts';
import { auditEntry } from './audit.ts';
import type { Log } from './log.ts';
import type { Runtime } from './runtime.ts';
import type { DayOf } from './statistics/calendar.ts';

/** How long rows are kept, in days; null: for ever. */
export interface KeptDays {
  /** Single calls to models; what they add up to is kept. */
  apiCallsDays: number | null;
  auditDays: number | null;
}

/** Removes what is older than it is to be kept, once a day and on one node, little by little. */
export interface Retention {
  /** Does what is due today, if no other node does; to be called now and then. Resolves when it is done, or is to go on at the next call. */
  tend(): Promise<void>;
  /** From now on nothing more is removed: the rest can wait for the next start. */
  stop(): void;
}

export interface RetentionParts {
  rows: {
    apiCalls: Pick<ApiCalls, 'removeBefore'>;
    auditLog: Pick<AuditLog, 'removeBefore'>;
    turns: Pick<Turns, 'removeLostLog'>;
    leases: Leases;
  };
  keep: KeptDays;
  /** Names this process in the lease. */
  node: string;
  dayOf: DayOf;
  runtime: Pick<Runtime, 'now' | 'elapsed' | 'sleep'>;
  log: Log;
}

/** Rows that one unit removes at most: a unit takes about 10 ms, in which nobody else writes. */
const rowsAtOnce = 200;
/** After each unit the store is left alone for so many times as long as the unit took, and at least so long. */
const pauseFactor = 4;
const shortestPauseMs = 50;
const lease = 'retention';
const leaseMs = 60_000;
const dayMs = 86_400_000;
const quarterMs = 900_000;

export function createRetention(parts: RetentionParts): Retention {
  const { rows, node, dayOf, runtime } = parts;
  const stopping = new AbortController();
  let doneOn = '';
  let tending: Promise<void> | undefined;

  const hold = (now: number) => rows.leases.hold(lease, node, now, now + leaseMs);
  const tend = async () => {
    const now = runtime.now();
    const today = dayOf(now);
    if (doneOn === today || stopping.signal.aborted || !(await hold(now))) return;
    try {
      const work = worksOf(parts, now);
      if (await removeAll(parts, work, hold, stopping.signal)) doneOn = today;
    } finally {
      // One that cannot be given back ends by itself.
      await rows.leases.release(lease, node).catch(() => {});
    }
  };

  return {
    tend() {
      tending ??= tend().finally(() => (tending = undefined));
      return tending;
    },
    stop: () => stopping.abort(),
  };
}

/** What there is to remove, each with the step that removes some and resolves to how many. */
type Works = Record<string, () => Promise<number>>;

function worksOf({ rows, keep, dayOf, runtime }: RetentionParts, now: number): Works {
  const { apiCallsDays, auditDays } = keep;
  const works: Works = { 'lost logs of turns': () => rows.turns.removeLostLog(rowsAtOnce) };
  if (apiCallsDays !== null) {
    const firstKept = dayOf(now - apiCallsDays * dayMs);
    works['calls'] = () => rows.apiCalls.removeBefore(firstKept, rowsAtOnce, runtime.now());
  }
  if (auditDays !== null) {
    const before = now - auditDays * dayMs;
    const details = { before: new Date(before).toISOString() };
    const since = startOfToday(now, dayOf);
    works['audit entries'] = () => {
      const entry = auditEntry('Parley', now, 'audit_log.expire', { type: 'audit_log', id: null }, details);
      return rows.auditLog.removeBefore({ before, limit: rowsAtOnce, entry, since });
    };
  }
  return works;
}

/** Whether all was removed: not where it was stopped, or another node has taken the lease. */
async function removeAll(
  { runtime, log }: RetentionParts,
  works: Works,
  hold: (now: number) => Promise<boolean>,
  stopping: AbortSignal,
): Promise<boolean> {
  let heldAt = runtime.now();
  for (const [what, step] of Object.entries(works)) {
    let total = 0;
    for (;;) {
      if (stopping.aborted) return false;
      if (runtime.now() - heldAt > leaseMs / 2) {
        heldAt = runtime.now();
        if (!(await hold(heldAt))) return false;
      }
      const began = runtime.elapsed();
      const removed = await step();
      if (removed === 0) break;
      total += removed;
      const pauseMs = Math.max(shortestPauseMs, pauseFactor * (runtime.elapsed() - began));
      await runtime.sleep(pauseMs, stopping).catch(() => {});
    }
    if (total > 0) log.info({ what, rows: total }, 'old rows were removed');
  }
  return true;
}

/** When the day began; every zone's midnight is at a quarter of an hour. */
function startOfToday(now: number, dayOf: DayOf): number {
  const today = dayOf(now);
  let start = Math.floor(now / quarterMs) * quarterMs;
  while (dayOf(start - 1) === today) start -= quarterMs;
  return start;
}
