import type { Core } from '../../core/core.ts';
import { ParleyError } from '../../core/errors.ts';
import type { UserCaller } from '../../core/identity/caller.ts';
import { inEnglish, type Issue } from '../../core/issue.ts';

type What = { conversationId: number } | { messageId: number };

/** What `work` resolves to. What core says is not there, because it is somebody else's, is `forbidden` here. Either is said in words of its own. */
export async function ownOrForbidden<T>(
  { conversations }: Pick<Core, 'conversations'>,
  caller: UserCaller,
  what: What,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    const isMissing = thrown instanceof ParleyError && thrown.code === 'not_found';
    if (!isMissing) throw thrown;
    const isAnothers = await conversations.belongsToAnother(caller, what);
    const noun = 'messageId' in what ? 'message' : 'conversation';
    const issue: Issue = { kind: isAnothers ? 'not_yours' : 'not_there', what: noun };
    const code = isAnothers ? 'forbidden' : 'not_found';
    throw new ParleyError(code, inEnglish(issue), { issue, cause: thrown });
  }
}
