import type { NewAuditEntry } from '../storage/audit-log.ts';
import type { UserCaller } from './identity/caller.ts';

/** The entry of an administrative act; `action` is noun and verb, such as `user.create`. Never put a password, token or key into `details`. */
export function auditEntry(
  caller: UserCaller,
  at: number,
  action: string,
  target: { type: string; id: number | string | null },
  details: Record<string, unknown> | null = null,
): NewAuditEntry {
  return {
    at,
    actorId: caller.userId,
    ip: caller.ip,
    action,
    targetType: target.type,
    targetId: target.id === null ? null : String(target.id),
    details,
  };
}
