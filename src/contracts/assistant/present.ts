import type { ListedConversation, Message, Rating } from '../../core/conversations/conversations.ts';
import { shownTitle } from '../../core/conversations/title.ts';
import { shownParts } from '../../core/conversations/shown-parts.ts';
import type { Account, LoggedIn } from '../../core/identity/accounts.ts';
import type { ChatFigures, DayFigures } from '../../core/statistics/chat-statistics.ts';

/** assistant.md, "Login". */
export function presentToken({ accessToken }: LoggedIn) {
  return { access_token: accessToken, token_type: 'bearer' };
}

/** assistant.md, "Register". */
export function presentAccount({ id, username, email, role, status }: Account) {
  return { id, username, email, role, status };
}

/** assistant.md, "Get Session Messages". */
export function presentMessage(message: Message) {
  const { id, role, content, createdAt, tokens, state, senderType, model } = message;
  const parts = shownParts(message);
  return {
    id,
    role,
    content,
    created_at: timeOf(createdAt),
    tokens,
    status: state === 'running' ? 'streaming' : state,
    ...(senderType === 'human' && { sender_type: senderType }),
    ...(model !== null && { model }),
    ...(parts !== undefined && { parts }),
  };
}

/** assistant.md, "Send Message". */
export function presentAnswer(answer: Message) {
  return {
    session_id: answer.conversationId,
    message: presentMessage(answer),
    total_tokens: answer.exchangeTokens ?? answer.tokens,
  };
}

/** assistant.md, "List Sessions". */
export function presentSession(conversation: ListedConversation) {
  const { id, status, agentType, messageCount, lastMessageAt, createdAt, updatedAt } = conversation;
  return {
    id,
    title: shownTitle(conversation),
    status: sessionStatusOf(status),
    agent_type: agentType,
    message_count: messageCount,
    last_message_time: timeOf(lastMessageAt),
    created_at: timeOf(createdAt),
    updated_at: timeOf(updatedAt),
  };
}

export function sessionStatusOf(status: string): string {
  return status === 'open' ? 'active' : status;
}

export function presentRating(sessionId: number, { score, comment, createdAt }: Rating) {
  return { session_id: sessionId, score, comment: comment ?? '', created_at: timeOf(createdAt) };
}

/** assistant.md, "Get Daily Statistics". */
export function presentDay({ day, chats, messages, avgResponseMs, tokens, errors }: DayFigures) {
  return {
    date: day,
    chat_count: chats,
    message_count: messages,
    avg_response_time: avgResponseMs,
    token_usage: tokens,
    error_count: errors,
  };
}

/** assistant.md, "Get Total Statistics". */
export function presentTotal({ chats, messages, avgResponseMs, tokens, errors }: ChatFigures) {
  return {
    total_chats: chats,
    total_messages: messages,
    avg_response_time: avgResponseMs,
    total_tokens: tokens,
    total_errors: errors,
  };
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
