import type { Conversation, Message } from '../../core/conversations/conversations.ts';
import type { ApiKey } from '../../core/identity/api-keys.ts';
import type { MaintenanceState } from '../../core/maintenance.ts';

/** A key as lists show it: how it begins, never the key. */
export function presentApiKey(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    requests_per_minute: key.requestsPerMinute,
    expires_at: timeOf(key.expiresAt),
    created_at: new Date(key.createdAt).toISOString(),
    revoked_at: timeOf(key.revokedAt),
    last_used_at: timeOf(key.lastUsedAt),
  };
}

export function presentMaintenance({ enabled, message, since }: MaintenanceState) {
  return { enabled, message, since: timeOf(since) };
}

/** helpdesk.md, "获取消息历史". */
export function presentMessage({ key }: Conversation, message: Message) {
  const { id, senderType, content, createdAt, state } = message;
  return {
    id: `msg_${id}`,
    session_id: `sess_${key}`,
    sender_type: senderType,
    content,
    message_type: 'text',
    created_at: new Date(createdAt).toISOString(),
    status: state,
  };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
