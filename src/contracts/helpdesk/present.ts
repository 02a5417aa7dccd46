import type { Conversation, Message } from '../../core/conversations/conversations.ts';
import { shownParts } from '../../core/conversations/shown-parts.ts';
import type { DeskConversation } from '../../core/desk/desk.ts';
import type { Account, RenewedLogin } from '../../core/identity/accounts.ts';
import type { ApiKey } from '../../core/identity/api-keys.ts';
import type { MaintenanceState } from '../../core/maintenance.ts';
import { writeBudget } from '../../core/money/budget.ts';

/** A key as lists show it: how it begins, never the key. */
export function presentApiKey(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    scopes: key.scopes,
    requests_per_minute: key.requestsPerMinute,
    expires_at: timeOf(key.expiresAt),
    budget: key.budget && writeBudget(key.budget),
    created_at: new Date(key.createdAt).toISOString(),
    revoked_at: timeOf(key.revokedAt),
    last_used_at: timeOf(key.lastUsedAt),
  };
}

export function presentMaintenance({ enabled, message, since }: MaintenanceState) {
  return { enabled, message, since: timeOf(since) };
}

/** helpdesk.md, "用户登录". */
export function presentAccess({ account, accessToken, expiresInSeconds }: RenewedLogin) {
  const { id, email, fullName, role } = account;
  return {
    access_token: accessToken,
    token_type: 'bearer',
    expires_in: expiresInSeconds,
    user: { id, email, full_name: fullName, role },
  };
}

export function presentUser(account: Account) {
  const { id, email, fullName, role, username, status, createdAt, lastLoginAt, budget } = account;
  return {
    id,
    email,
    full_name: fullName,
    role,
    username,
    status,
    created_at: new Date(createdAt).toISOString(),
    last_login_at: timeOf(lastLoginAt),
    budget: budget && writeBudget(budget),
  };
}

/** helpdesk.md, "创建会话"; with what has become of it. */
export function presentSession(shown: DeskConversation, metadata: Conversation['metadata']) {
  const { key, customer, status, agentType, assignee, messageCount, rating, createdAt, updatedAt } = shown;
  return {
    session_id: sessionIdOf(key),
    user_id: customer.guestId ?? String(customer.userId),
    agent_type: agentType,
    status: sessionStatusOf(status),
    assignee,
    message_count: messageCount,
    rating,
    metadata,
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  };
}

/** helpdesk.md, "获取消息历史"; `names` are those of the persons who answer. */
export function presentMessage(
  { key }: Pick<Conversation, 'key'>,
  message: Message,
  names: ReadonlyMap<number, string>,
) {
  const { id, senderType, senderId, content, citations, createdAt, state } = message;
  const parts = shownParts(message);
  return {
    id: `msg_${id}`,
    session_id: sessionIdOf(key),
    sender_type: senderType,
    sender: senderId === null ? null : { id: senderId, name: names.get(senderId) ?? '' },
    content,
    ...(parts !== undefined && { parts }),
    message_type: 'text',
    citations: (citations ?? []).map(presentCitation),
    created_at: new Date(createdAt).toISOString(),
    status: state,
  };
}

/** How sessions spell a conversation's status. */
export function sessionStatusOf(status: string): string {
  return status === 'open' ? 'active' : status;
}

/** How this contract spells a conversation's key. */
export function sessionIdOf(key: string): string {
  return `${sessionPrefix}${key}`;
}

export const sessionPrefix = 'sess_';

export function presentCitation({
  number,
  articleId,
  title,
  section,
}: NonNullable<Message['citations']>[number]) {
  return { number, article_id: articleId, title, section };
}

function timeOf(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
