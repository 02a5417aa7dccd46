import type { Conversation, Conversations } from '../../storage/conversations.ts';
import type { Messages } from '../../storage/messages.ts';
import { ParleyError } from '../errors.ts';
import type { Participant, UserCaller } from '../identity/caller.ts';

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

/** What may belong to somebody. */
export type Whose = { conversationId: number } | { messageId: number };

/** A guest has the one conversation whose key was shown, as long as it belongs to nobody. */
export function isOwn(caller: Participant, { id, userId }: Pick<Conversation, 'id' | 'userId'>): boolean {
  if (caller.kind === 'guest') return userId === null && id === caller.conversationId;
  return userId === caller.userId;
}

export function noSuchConversation(): ParleyError {
  return new ParleyError('not_found', 'There is no such conversation.');
}

/** The refusal of a message that is not the caller's, or is not there: who asks must not learn which. */
export function messageIsNotThere(): ParleyError {
  return new ParleyError('not_found', 'There is no such message.');
}

export function noSuchMessage(): ParleyError {
  return new ParleyError('not_found', 'There is no such message in this conversation.');
}

/** See `Conversations.belongsToAnother`. */
export async function belongsToAnother(
  {
    conversations,
    messages,
  }: { conversations: Pick<Conversations, 'find'>; messages: Pick<Messages, 'find'> },
  { userId }: UserCaller,
  what: Whose,
): Promise<boolean> {
  const found =
    'messageId' in what ? await messages.find(what.messageId) : await conversations.find(what.conversationId);
  return found !== undefined && found.userId !== userId;
}

/** Whether what was looked for is not there, or not any more. */
export function isGone(thrown: unknown): boolean {
  return thrown instanceof ParleyError && thrown.code === 'not_found';
}

/** What was looked for; undefined where it is not there any more. */
export async function unlessGone<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (thrown) {
    if (isGone(thrown)) return undefined;
    throw thrown;
  }
}
