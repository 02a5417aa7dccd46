import type { Idempotency } from '../idempotency.ts';
import { ownerOf, type UserCaller } from '../identity/caller.ts';
import type { ConversationsParts } from './conversations.ts';
import { messageIsNotThere } from './own.ts';

/** See `ConversationWrites.removeMessage`. */
export function removeMessage(
  parts: ConversationsParts,
  caller: UserCaller,
  messageId: number,
  idempotency: Idempotency | undefined,
): Promise<void> {
  const { messages, runtime, stopTurnsOf, wake } = parts;
  const { userId } = caller;
  return parts.idempotency.once(
    ownerOf(caller),
    idempotency,
    { messageId },
    async (claim) => {
      const found = await messages.find(messageId);
      if (found === undefined || found.userId !== userId) throw messageIsNotThere();
      const { conversationId } = found;
      await stopTurnsOf(conversationId, messageId);
      const removal = { id: messageId, conversationId, userId, at: runtime.now() };
      if (!(await messages.remove(removal, claim))) throw messageIsNotThere();
      wake(conversationId, userId);
    },
    () => Promise.resolve(),
  );
}
