import type { Conversations } from '../../storage/conversations.ts';
import { ParleyError } from '../errors.ts';
import type { UserCaller } from '../identity/caller.ts';

/** Throws `quota_exceeded` for a user who has as many conversations as one may have. */
export async function refuseOverQuota(
  conversations: Pick<Conversations, 'countOf'>,
  { userId }: UserCaller,
  most: number,
): Promise<void> {
  if ((await conversations.countOf(userId)) < most) return;
  throw new ParleyError(
    'quota_exceeded',
    `You have ${most} conversations, which is all that you may have. Delete some to begin new ones.`,
  );
}
