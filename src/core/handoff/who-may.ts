import type { Conversation, Conversations } from '../../storage/conversations.ts';
import { isOwn, noSuchConversation } from '../conversations/own.ts';
import { isStaff, type Participant } from '../identity/caller.ts';

/** A conversation that the caller may hand on: a customer's own, and every one for staff. Throws `not_found`. */
export async function openedFor(
  { conversations }: { conversations: Pick<Conversations, 'find'> },
  caller: Participant,
  id: number,
): Promise<Conversation> {
  const conversation = await conversations.find(id);
  const mayHaveIt = conversation !== undefined && (isStaff(caller) || isOwn(caller, conversation));
  if (!mayHaveIt) throw noSuchConversation();
  return conversation;
}
