import type { Conversation, Conversations } from '../../storage/conversations.ts';
import { ParleyError } from '../errors.ts';
import type { UserCaller } from '../identity/caller.ts';

/** The caller's conversation with this id. Somebody else's is `not_found`, like one that does not exist. */
export async function ownConversation(
  rows: Pick<Conversations, 'find'>,
  { userId }: UserCaller,
  id: number,
): Promise<Conversation> {
  const conversation = await rows.find(id);
  if (conversation === undefined || conversation.userId !== userId) throw noSuchConversation();
  return conversation;
}

export function noSuchConversation(): ParleyError {
  return new ParleyError('not_found', 'There is no such conversation.');
}

export function noSuchMessage(): ParleyError {
  return new ParleyError('not_found', 'There is no such message in this conversation.');
}
