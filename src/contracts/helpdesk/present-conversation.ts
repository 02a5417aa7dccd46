import type { DeskConversation } from '../../core/desk/desk.ts';
import { presentMessage, sessionIdOf } from './present.ts';

/** A conversation as staff see it in lists (contracts/README, "helpdesk"). */
export function presentConversation(shown: DeskConversation) {
  const { lastMessage, lastSender, messageCount, rating } = shown;
  const names = new Map(lastSender === null ? [] : [[lastSender.id, lastSender.name]]);
  return {
    ...presentSubject(shown),
    last_message: lastMessage === null ? null : presentMessage(shown, lastMessage, names),
    message_count: messageCount,
    rating,
  };
}

/** The same without what was said in it. */
export function presentSubject(shown: DeskConversation) {
  const { id, key, customer, channel, status, agentType, assignee, priority, tags } = shown;
  const { createdAt, updatedAt } = shown;
  return {
    id,
    session_id: sessionIdOf(key),
    user_id: customer.guestId ?? String(customer.userId),
    channel,
    status,
    agent_type: agentType,
    assignee,
    priority,
    tags,
    created_at: new Date(createdAt).toISOString(),
    updated_at: new Date(updatedAt).toISOString(),
  };
}
