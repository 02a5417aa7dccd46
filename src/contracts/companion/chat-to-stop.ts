import type { Core } from '../../core/core.ts';
import type { UserCaller } from '../../core/identity/caller.ts';

/**
 * Where a stop stops: in the newest companion chat, or, where nothing is on its way there, in the conversation that was
 * asked last through another contract. Undefined where the user has nothing that could be stopped.
 */
export async function chatToStop(
  { conversations, turns }: Pick<Core, 'conversations' | 'turns'>,
  caller: UserCaller,
): Promise<number | undefined> {
  const chat = await conversations.newest(caller, 'companion');
  if (chat !== undefined && (await turns.activeIn(chat.id)).length > 0) return chat.id;
  return (await turns.lastActiveOf(caller)) ?? chat?.id;
}
