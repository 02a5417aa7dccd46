import type { AuditEntry, AuditFilter, AuditLog as AuditRows, NewAuditEntry } from '../storage/audit-log.ts';
import type { UserCaller } from './identity/caller.ts';
import type { Runtime } from './runtime.ts';

export type { AuditEntry, AuditFilter } from '../storage/audit-log.ts';

/** Who acts: a person, somebody at the command line of the server's machine, or Parley of its own accord. */
export type Actor = UserCaller | 'command line' | 'Parley';

/** What an act was done to. */
export interface AuditTarget {
  /** `user`, `conversation`, `api_key` … */
  type: string;
  id: number | string | null;
}

/** The record of administrative acts. */
export interface AuditLog {
  /** For an act that has no unit of its own, such as an export; see `auditEntry` for what may be said. */
  add(
    actor: Actor,
    action: string,
    target: AuditTarget,
    details?: Record<string, unknown> | null,
  ): Promise<void>;
  /** Newest first. `total` is counted up to 10,000; `more` says whether anything comes after the page. */
  list(
    filter: AuditFilter,
    page: { skip: number; limit: number },
  ): Promise<{ entries: AuditEntry[]; total: number; more: boolean }>;
}

export function createAuditLog(parts: { rows: AuditRows; runtime: Pick<Runtime, 'now'> }): AuditLog {
  const { rows, runtime } = parts;
  return {
    add: (actor, action, target, details = null) =>
      rows.add(auditEntry(actor, runtime.now(), action, target, details)),
    list: rows.list,
  };
}

/** The entry of an administrative act; `action` is noun and verb, such as `user.create`. Never put a password, token or key into `details`. */
export function auditEntry(
  actor: Actor,
  at: number,
  action: string,
  target: AuditTarget,
  details: Record<string, unknown> | null = null,
): NewAuditEntry {
  const what = {
    at,
    action,
    targetType: target.type,
    targetId: target.id === null ? null : String(target.id),
    details,
  };
  if (typeof actor === 'string') return { ...what, actorId: 0, actorName: actor, ip: '' };
  return { ...what, actorId: actor.userId, ip: actor.ip };
}
