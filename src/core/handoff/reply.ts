import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { Message } from '../../storage/messages.ts';
import { titleFor } from '../conversations/title.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { noSuchMessage } from '../conversations/own.ts';
import { invalidField } from '../errors.ts';
import type { Idempotency } from '../idempotency.ts';
import { ownerOf, type StaffCaller } from '../identity/caller.ts';
import { changesTooQuickly } from '../turns/refusals.ts';
import { changeAlone, conversationEntry, mostAttempts, taken, type HandoffParts } from './change.ts';
import { openedFor } from './who-may.ts';

const mostCharacters = 16_000;

/** See `Handoff.reply`. */
export async function reply(
  parts: HandoffParts,
  caller: StaffCaller,
  id: number,
  text: string,
  idempotency: Idempotency | undefined,
): Promise<{ message: Message; repeated: boolean }> {
  const content = textFrom(text);
  return parts.turns.alone(id, async () => {
    const conversation = await openedFor(parts, caller, id);
    const made = { messageId: 0 };
    return parts.idempotency.once<{ message: Message; repeated: boolean }>(
      ownerOf(caller),
      idempotency,
      made,
      async (claim) => {
        await say(parts, caller, conversation, content, made, claim);
        return { message: await found(parts, made), repeated: false };
      },
      async (earlier) => ({ message: await found(parts, earlier as typeof made), repeated: true }),
    );
  });
}

/** Who is not in charge takes the conversation first, and says nothing where somebody else was quicker. */
async function say(
  parts: HandoffParts,
  caller: StaffCaller,
  first: Conversation,
  content: string,
  made: { messageId: number },
  claim: Claim | undefined,
): Promise<void> {
  const { posts, messages, runtime, dayOf, feed, defaultModel } = parts;
  const { id: conversationId } = first;
  let now = first;
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const wish = {
      caller,
      id: conversationId,
      next: (as: Conversation) => taken(parts, caller, as),
      audit: () => conversationEntry(parts, caller, conversationId, 'take'),
    };
    const { userId, channel, title, model } = await changeAlone(parts, wish, now);
    made.messageId = await messages.nextId();
    const at = runtime.now();
    const post = {
      id: made.messageId,
      conversationId,
      userId,
      channel,
      content,
      at,
      agentId: caller.userId,
      title: titleFor({ title }, content),
      tokens: estimateTokens(content),
      day: dayOf(at),
      countedModel: model ?? defaultModel(),
    };
    if (await posts.post(post, claim)) return feed.wake(conversationId, userId);
    now = await openedFor(parts, caller, conversationId);
  }
  throw changesTooQuickly();
}

/** Characters, not code units. */
function textFrom(text: string): string {
  if (!/\S/u.test(text)) throw invalidField('content', { kind: 'empty' });
  if (!new RegExp(`^[^]{1,${mostCharacters}}$`, 'u').test(text)) {
    throw invalidField('content', { kind: 'length', max: mostCharacters });
  }
  return text.toWellFormed();
}

async function found({ messages }: HandoffParts, { messageId }: { messageId: number }): Promise<Message> {
  const message = await messages.find(messageId);
  if (message === undefined) throw noSuchMessage();
  return message;
}
