import type { AuditEntry } from '../../core/audit.ts';
import type { Outcome } from '../../core/webhooks/deliver.ts';
import type { ListedDelivery, Webhook } from '../../core/webhooks/webhooks.ts';

export function presentAuditEntry(entry: AuditEntry) {
  const { id, at, actorId, actorName, ip, action, targetType, targetId, details } = entry;
  return {
    id,
    at: new Date(at).toISOString(),
    actor: { id: actorId, name: actorName },
    ip: ip === '' ? null : ip,
    action,
    target: { type: targetType, id: targetId },
    details,
  };
}

/** A webhook without its secret. */
export function presentWebhook(webhook: Webhook) {
  const { id, url, description, events, enabled, disabledReason, createdBy } = webhook;
  const { lastAt, lastStatus, lastError } = webhook;
  return {
    id,
    url,
    description,
    events,
    enabled,
    disabled_reason: disabledReason,
    failing_since: timeOf(webhook.failingSince),
    last_delivery:
      lastAt === null
        ? null
        : { at: timeOf(lastAt), delivered: lastError === null, status_code: lastStatus, error: lastError },
    created_by: createdBy,
    created_at: timeOf(webhook.createdAt),
    updated_at: timeOf(webhook.updatedAt),
  };
}

export function presentDelivery(delivery: ListedDelivery) {
  const { id, eventId, type, state, attempts, statusCode, error, nextAt, createdAt, endedAt } = delivery;
  return {
    id,
    event_id: eventId,
    type,
    state: state === 'waiting' ? 'pending' : state,
    attempts,
    status_code: statusCode,
    error,
    next_attempt_at: endedAt === null ? timeOf(nextAt) : null,
    created_at: timeOf(createdAt),
    delivered_at: state === 'delivered' ? timeOf(endedAt) : null,
  };
}

export function presentOutcome({ statusCode, error }: Outcome) {
  return { delivered: error === null, status_code: statusCode, error };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
