import type { NewAuditEntry } from '../../storage/audit-log.ts';
import type { Conversation } from '../../storage/conversations.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import type { OwnerChange } from '../../storage/ownership.ts';
import type { TurnEnd } from '../../storage/turns.ts';
import { ParleyError } from '../errors.ts';
import { givenUp, madeNothing, type Made } from './make-answer.ts';
import { conclude, endOf, leave } from './end-turn.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { givenUpCode } from './turn.ts';

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
}

/** A turn, and how it ends. */
export interface Ending {
  turn: ActiveTurn;
  end: TurnEnd;
}

/**
 * Puts somebody else in charge of the conversation as it was read, and ends the answers on their way with the text that was shown. False,
 * and nothing changed but that these answers are cancelled, where another change was quicker. To be called in the conversation's `order`.
 */
export async function changeOwner(
  state: TurnsState,
  conversation: Conversation,
  owner: NewOwner,
  { claim, audit, own }: WithChange = {},
): Promise<boolean> {
  const { parts } = state;
  const { id: conversationId, ownerFence: fence, userId, status, assigneeId } = conversation;
  const given = await giveUp(state, conversationId, own?.turn);
  const endings = own === undefined ? given : [own, ...given];
  const at = parts.runtime.now();
  const stays = owner.status === 'open' && owner.assigneeId === assigneeId;
  const formerAssigneeId = status === 'open' && !stays ? assigneeId : null;
  const day = parts.dayOf(at);
  const change = { ...owner, conversationId, fence, formerAssigneeId, at, day, ends: endings.map(endIn) };
  let isStored = false;
  try {
    isStored = await parts.ownership.change(change, claim, audit);
  } finally {
    for (const { turn, end } of isStored ? [] : given) await conclude(state, turn, end);
  }
  if (!isStored) return false;
  for (const { turn } of endings) await tell(state, turn);
  parts.feed.wake(conversationId, userId);
  for (const { turn } of endings) leave(state, turn);
  if (formerAssigneeId !== null) parts.onFree(formerAssigneeId);
  if (owner.status === 'pending') parts.onWaiting(conversationId);
  return true;
}

const endIn = ({ end }: Ending) => end;

/** Silences the conversation's turns; resolves when it is known what they have cost, and those that were ending have ended. */
async function giveUp(
  state: TurnsState,
  conversationId: number,
  own: ActiveTurn | undefined,
): Promise<Ending[]> {
  const turns = state.line.in(conversationId).filter((turn) => turn !== own);
  const given = turns.filter(({ closing }) => !closing);
  for (const turn of given) {
    turn.givenUp = true;
    turn.live.seal();
    turn.controller.abort(givenUp);
  }
  const ending = turns.filter(({ closing }) => closing);
  await Promise.allSettled(ending.map(({ live }) => live.ended));
  return Promise.all(given.map((turn) => endingOf(state, turn)));
}

async function endingOf(state: TurnsState, turn: ActiveTurn): Promise<Ending> {
  const nothing = madeNothing(givenUp);
  const { call }: Made = turn.running ? await turn.made.promise : nothing;
  const end = endOf(state, turn, { ...nothing, call }, turn.live.shown());
  return { turn, end: { ...end, errorCode: givenUpCode } };
}

/** Tells those who follow the turn, or wait for it, how it has ended. */
async function tell({ parts }: TurnsState, { id, live }: ActiveTurn): Promise<void> {
  try {
    const answer = await parts.messages.find(id);
    if (answer === undefined) throw new ParleyError('not_found', 'The conversation was removed.');
    live.end(answer);
  } catch (thrown) {
    live.lose(thrown);
  }
}
