import type { DeskAgent } from '../../core/desk/agents.ts';
import type { CannedReply } from '../../core/desk/canned-replies.ts';
import type { DeskSettings } from '../../core/desk/desk-settings.ts';
import type { Customer, Dashboard, Note } from '../../core/desk/desk.ts';

const isoTime = (at: number) => new Date(at).toISOString();

/** helpdesk.md, "获取客户列表". */
export function presentCustomer(customer: Customer) {
  const { id, userId, guestId, name, email, conversationCount, firstSeenAt, lastSeenAt } = customer;
  return {
    id,
    user_id: guestId ?? String(userId),
    type: userId === null ? 'guest' : 'user',
    name,
    email,
    conversation_count: conversationCount,
    first_seen_at: isoTime(firstSeenAt),
    last_seen_at: isoTime(lastSeenAt),
  };
}

/** helpdesk.md, "获取统计数据". */
export function presentDashboard({ today, thisWeek }: Dashboard) {
  return {
    today: {
      total_conversations: today.conversations,
      active_conversations: today.active,
      ai_handled: today.aiHandled,
      human_handled: today.humanHandled,
      avg_response_time: today.averageResponseSeconds,
    },
    this_week: {
      total_conversations: thisWeek.conversations,
      customer_satisfaction: thisWeek.satisfaction,
      resolution_rate: thisWeek.resolutionRate,
    },
  };
}

export function presentNote({ id, author, content, createdAt }: Note) {
  return { id, author, content, created_at: isoTime(createdAt) };
}

export function presentReply(reply: CannedReply) {
  const { id, shortcut, title, content, createdBy, createdAt, updatedAt } = reply;
  return {
    id,
    shortcut,
    title,
    content,
    created_by: createdBy,
    created_at: isoTime(createdAt),
    updated_at: isoTime(updatedAt),
  };
}

export function presentSettings({
  assignment,
  capacity,
  handoff,
  burstMs,
  systemPrompt,
  model,
}: DeskSettings) {
  const { onRequest, onUnknown, onFailure } = handoff;
  return {
    assignment,
    capacity,
    burst_ms: burstMs,
    system_prompt: systemPrompt,
    model,
    handoff: { on_request: onRequest, on_unknown: onUnknown, on_failure: onFailure },
  };
}

export function presentAgent(agent: DeskAgent) {
  const { id, name, email, role, availability, capacity, ownCapacity, openConversations } = agent;
  return {
    id,
    name,
    email,
    role,
    availability,
    capacity,
    own_capacity: ownCapacity,
    open_conversations: openConversations,
  };
}
