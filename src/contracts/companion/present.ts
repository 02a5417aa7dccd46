import type { GivenRating, Message } from '../../core/conversations/conversations.ts';
import type { LoggedIn } from '../../core/identity/accounts.ts';
import type { ChatFigures } from '../../core/statistics/chat-statistics.ts';

/** companion.md, "User Login". */
export function presentToken({ accessToken }: LoggedIn) {
  return { access_token: accessToken, token_type: 'bearer' };
}

/** companion.md, "Message". */
export function presentMessage(message: Message) {
  const { id, conversationId, role, content, createdAt, receipt, state, senderType } = message;
  return {
    id: String(id),
    sessionId: String(conversationId),
    role,
    content,
    timestamp: timeOf(createdAt),
    status: receipt,
    state,
    ...(senderType === 'human' && { sender_type: senderType }),
  };
}

/** companion.md, "Send Message". */
export function presentAnswer(answer: Message | null, messages: readonly Message[]) {
  return {
    response: answer?.content ?? '',
    messages: messages.filter(({ content }) => content !== '').map(presentMessage),
  };
}

export function presentRating({ conversationId, score, comment, createdAt }: GivenRating) {
  return { sessionId: String(conversationId), score, comment, timestamp: timeOf(createdAt) };
}

/** companion.md, "Get Chat Statistics". */
export function presentChatFigures(today: ChatFigures, total: ChatFigures) {
  const { ratings, satisfied } = total;
  return {
    todayChats: today.chats,
    totalChats: total.chats,
    avgResponseTime: total.avgResponseMs,
    satisfactionRate: ratings === 0 ? 0 : Math.round((satisfied / ratings) * 1000) / 10,
  };
}

/** companion.md, "Get Message Statistics". */
export function presentMessageFigures(today: ChatFigures, total: ChatFigures) {
  const { chats, messages } = total;
  return {
    todayMessages: today.messages,
    totalMessages: messages,
    avgMessagesPerChat: chats === 0 ? 0 : Math.round((messages / chats) * 100) / 100,
  };
}

export function timeOf(at: number): string {
  return new Date(at).toISOString();
}
