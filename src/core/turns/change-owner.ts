import type { NewAuditEntry } from '../../storage/audit-log.ts';
import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { OwnerChange } from '../../storage/ownership.ts';
import type { TurnEnd } from '../../storage/turns.ts';
import { conclude, leave, tellEnd } from './end-turn.ts';
import { giveUpElsewhere, giveUpHere, type Ending } from './give-up.ts';
import { closeFor } from './seize.ts';
import type { ActiveTurn, TurnsState } from './state.ts';

/** Who is in charge from now on, and why. */
export type NewOwner = Pick<
  OwnerChange,
  'status' | 'agentType' | 'assigneeId' | 'cause' | 'actorId' | 'reason'
>;

/** What is stored in the same unit as the change. */
export interface WithChange {
  claim?: Claim | undefined;
  audit?: NewAuditEntry | undefined;
  /** A turn that ends by itself with the change. */
  own?: Ending | undefined;
  /** Ends of turns that nobody makes any more. */
  others?: readonly TurnEnd[] | undefined;
}

/**
 * Puts somebody else in charge of the conversation as it was read, and ends the answers on their way, on whatever node, with the text that was
 * shown. False, and nothing changed but that these answers are cancelled, where another change was quicker. To be called in the
 * conversation's `order`.
 */
export async function changeOwner(
  state: TurnsState,
  conversation: Conversation,
  owner: NewOwner,
  { claim, audit, own, others = [] }: WithChange = {},
): Promise<boolean> {
  const { parts } = state;
  const { id: conversationId, ownerFence: fence, userId, status, assigneeId } = conversation;
  const [here, elsewhere] = await giveUp(state, conversationId, own?.turn, others);
  const endings = own === undefined ? here : [own, ...here];
  const ends = [...others, ...endings.map(({ end }) => end), ...elsewhere];
  const at = parts.runtime.now();
  const stays = owner.status === 'open' && owner.assigneeId === assigneeId;
  const formerAssigneeId = status === 'open' && !stays ? assigneeId : null;
  const facts = { conversationId, fence, formerAssigneeId, at, day: parts.dayOf(at) };
  const change = { ...owner, ...facts, ends, alone: parts.shared };
  let isStored = false;
  try {
    isStored = await parts.ownership.change(change, claim, audit);
  } finally {
    if (!isStored) await concludeAll(state, here, elsewhere);
  }
  if (!isStored) return false;
  for (const { turn } of endings) await tellEnd(state, turn);
  parts.feed.wake(conversationId, userId);
  for (const { turn } of endings) leave(state, turn);
  if (formerAssigneeId !== null) parts.onFree(formerAssigneeId);
  if (owner.status === 'pending') parts.onWaiting(conversationId);
  return true;
}

/** Silences the conversation's turns, but for `own` and those that end in `others`. */
function giveUp(
  state: TurnsState,
  conversationId: number,
  own: ActiveTurn | undefined,
  others: readonly TurnEnd[],
): Promise<[here: Ending[], elsewhere: TurnEnd[]]> {
  const here = state.line.in(conversationId).filter((turn) => turn !== own);
  const known = new Set(others.map(({ id }) => id));
  return Promise.all([giveUpHere(state, here), giveUpElsewhere(state, conversationId, known)]);
}

/** Ends what was given up for a change that did not come. */
async function concludeAll(
  state: TurnsState,
  here: readonly Ending[],
  elsewhere: readonly TurnEnd[],
): Promise<void> {
  for (const { turn, end } of here) await conclude(state, turn, end);
  for (const end of elsewhere) {
    try {
      await closeFor(state, end);
      state.parts.feed.wake(end.conversationId, end.userId);
    } catch (err) {
      state.parts.log.error({ err, turnId: end.id }, 'an answer could not be brought to its end');
    }
  }
}
