import type { Conversation, Message, WholeMessage } from '../../core/conversations/conversations.ts';
import type { Core } from '../../core/core.ts';
import { presentMessage } from './present.ts';

/** Messages of a conversation, with the names of those who have answered. */
export async function presentMessages(
  { accounts }: Pick<Core, 'accounts'>,
  conversation: Pick<Conversation, 'key'>,
  messages: readonly Message[],
) {
  const names = await accounts.namesOf(messages.flatMap(({ senderId }) => senderId ?? []));
  return messages.map((message) => presentMessage(conversation, message, names));
}

/** A message with the images and videos that came with it, as `data:` URLs. */
export async function presentWholeMessage(
  core: Pick<Core, 'accounts'>,
  { conversation, message }: { conversation: Pick<Conversation, 'key'>; message: WholeMessage },
) {
  const { parts, ...plain } = message;
  const [shown] = await presentMessages(core, conversation, [{ ...plain, parts: null }]);
  return { ...shown, ...(parts !== null && { parts }) };
}

/** helpdesk.md, "获取消息历史": a page, which is shorter than its limit where answers have ended without a word. */
export async function presentHistory(
  core: Pick<Core, 'accounts'>,
  {
    conversation,
    messages,
  }: { conversation: Pick<Conversation, 'key' | 'messageCount'>; messages: Message[] },
  { limit, offset }: { limit: number; offset: number },
) {
  const { messageCount: total } = conversation;
  const shown = await presentMessages(core, conversation, messages);
  return { messages: shown, total, has_more: offset + limit < total };
}
