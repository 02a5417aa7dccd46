import type { Conversation, Conversations } from '../../storage/conversations.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';

/** The caller's conversation with this id. Somebody else's is `not_found`, like one that does not exist. */
export async function ownConversation(
  rows: Pick<Conversations, 'find'>,
  caller: Participant,
  id: number,
): Promise<Conversation> {
  const conversation = await rows.find(id);
  if (conversation === undefined || !isOwn(caller, conversation)) throw noSuchConversation();
  return conversation;
}

/** A guest has the one conversation whose key was shown, as long as it belongs to nobody. */
export function isOwn(caller: Participant, { id, userId }: Pick<Conversation, 'id' | 'userId'>): boolean {
  if (caller.kind === 'guest') return userId === null && id === caller.conversationId;
  return userId === caller.userId;
}

export function noSuchConversation(): ParleyError {
  return new ParleyError('not_found', 'There is no such conversation.');
}

export function noSuchMessage(): ParleyError {
  return new ParleyError('not_found', 'There is no such message in this conversation.');
}
