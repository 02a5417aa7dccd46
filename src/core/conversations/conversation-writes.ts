import type { Claim } from '../../storage/idempotency-keys.ts';
import { invalidField } from '../errors.ts';
import type { Idempotency } from '../idempotency.ts';
import { ownerOf, type Participant } from '../identity/caller.ts';
import type {
  Acknowledgement,
  ConversationsParts,
  ConversationWrites,
  GivenRating,
  NewRating,
} from './conversations.ts';
import { noSuchConversation, ownConversation } from './own.ts';
import { removeMessage } from './remove-message.ts';
import { titleFrom } from './title.ts';

/** Changes looked through at once after an acknowledgement. */
const changesPage = 1_000;

/** The part of `Conversations` that changes something. */
export function createConversationWrites(parts: ConversationsParts): ConversationWrites {
  const { conversations, runtime } = parts;
  const get = (caller: Participant, id: number) => ownConversation(conversations, caller, id);

  const once = <T>(
    caller: Participant,
    id: number,
    idempotency: Idempotency | undefined,
    write: (claim: Claim | undefined) => Promise<T>,
    again: (conversationId: number) => Promise<T>,
  ): Promise<T> =>
    parts.idempotency.once(ownerOf(caller), idempotency, { conversationId: id }, write, (earlier) =>
      again((earlier as { conversationId: number }).conversationId),
    );

  /** The store has the last word on whose the conversation is. */
  const changed = async (caller: Participant, id: number, change: Promise<boolean>): Promise<void> => {
    if (!(await change)) throw noSuchConversation();
    parts.wake(id, caller.userId);
  };

  return {
    async rename(caller, id, title, idempotency) {
      const renaming = { id, userId: caller.userId, title: titleFrom(title), at: runtime.now() };
      const write = async (claim: Claim | undefined) => {
        await changed(caller, id, conversations.rename(renaming, claim));
        return get(caller, id);
      };
      return once(caller, id, idempotency, write, () => get(caller, id));
    },
    remove(caller, id, idempotency) {
      const write = async (claim: Claim | undefined) => {
        await get(caller, id);
        await parts.stopTurns(id);
        const removal = { id, userId: caller.userId, at: runtime.now() };
        await changed(caller, id, conversations.remove(removal, claim));
      };
      return once(caller, id, idempotency, write, () => Promise.resolve());
    },
    removeMessage: (caller, messageId, idempotency) => removeMessage(parts, caller, messageId, idempotency),
    async rate(caller, id, rating, idempotency) {
      const { score, comment } = ratingFrom(rating);
      const write = async (claim: Claim | undefined) => {
        const { channel } = await get(caller, id);
        const at = runtime.now();
        const row = { conversationId: id, userId: caller.userId, channel, score, comment };
        await changed(caller, id, conversations.rate({ ...row, day: parts.dayOf(at), at }, claim));
        return { conversationId: id, score, comment, createdAt: at };
      };
      // Which conversation is the current one may have changed since.
      return once(caller, id, idempotency, write, (conversationId) => givenRating(parts, conversationId));
    },
    async acknowledge(caller, acknowledgement) {
      const { conversationId } = acknowledgement;
      if (conversationId !== undefined) await get(caller, conversationId);
      await acknowledge(parts, caller, acknowledgement);
    },
  };
}

async function givenRating({ conversations }: ConversationsParts, id: number): Promise<GivenRating> {
  const rating = await conversations.ratingOf(id);
  if (rating === undefined) throw noSuchConversation();
  return { ...rating, conversationId: id };
}

/** The store does not say which conversations were concerned: the changes that it recorded do. */
async function acknowledge(
  { messages, feed, runtime, wake }: ConversationsParts,
  caller: Participant,
  { conversationId, upTo, receipt }: Acknowledgement,
): Promise<void> {
  const isGuest = caller.kind === 'guest';
  const whose = isGuest
    ? { userId: null, conversationId: caller.conversationId }
    : { userId: caller.userId, conversationId };
  const before = await feed.head();
  const moved = await messages.acknowledge({ ...whose, upTo, receipt, at: runtime.now() });
  if (moved === 0) return;
  const scope = isGuest ? { conversationId: caller.conversationId } : { userId: caller.userId };
  const changes = await feed.after(scope, before, changesPage);
  for (const id of new Set(changes.map((change) => change.conversationId))) wake(id, caller.userId);
}

function ratingFrom({ score, comment }: NewRating) {
  if (!Number.isInteger(score) || score < 1 || score > 5) {
    throw invalidField('score', { kind: 'range', min: 1, max: 5, whole: true });
  }
  const text = (comment ?? '').trim().toWellFormed();
  if (!/^[^]{0,2000}$/u.test(text)) throw invalidField('comment', { kind: 'length', max: 2000 });
  return { score, comment: text === '' ? null : text };
}
