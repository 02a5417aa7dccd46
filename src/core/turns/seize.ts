import type { ActiveTurn as StoredTurn, TurnEnd } from '../../storage/turns.ts';
import { isGone } from '../conversations/own.ts';
import type { ParleyError } from '../errors.ts';
import { cutOffEnd } from './cut-off.ts';
import { tellNodes } from './other-nodes.ts';
import { leaseMs, type TurnsState } from './state.ts';
import { isMadeAgain } from './turn.ts';

/** Takes a turn from the node that has it, so that nothing which that one writes counts any more; undefined where it has ended or moved meanwhile. */
export async function seize(
  state: TurnsState,
  { id, fence }: StoredTurn,
  lapsedBefore?: number,
): Promise<StoredTurn | undefined> {
  const { parts, node } = state;
  const leaseUntil = parts.runtime.now() + leaseMs;
  const seized = await parts.rows.seize({ id, fence, node, leaseUntil, lapsedBefore });
  if (seized !== undefined) tellNodes(state, { type: 'taken', id, fence: seized.fence });
  return seized;
}

/** The end of a turn by force, which is yet to be stored; undefined where it has ended or moved meanwhile. */
export async function seizedEnd(
  state: TurnsState,
  turn: StoredTurn,
  reason: ParleyError,
): Promise<TurnEnd | undefined> {
  const seized = await seize(state, turn);
  return seized && cutOffEnd(state.parts, seized, reason);
}

/** Ends a turn by force: with the text that was logged. */
export async function endByForce(state: TurnsState, turn: StoredTurn, reason: ParleyError): Promise<void> {
  const { settling, parts } = state;
  settling.add(turn.id);
  try {
    const end = await seizedEnd(state, turn, reason);
    if (end === undefined) return;
    await closeFor(state, end);
    parts.feed.wake(turn.conversationId, turn.userId);
  } finally {
    settling.delete(turn.id);
  }
}

/** Stores the end of a turn that is not made here; where somebody else has closed it, or is making it, that counts. */
export async function closeFor({ closing }: TurnsState, end: TurnEnd): Promise<void> {
  try {
    await closing.close(end);
  } catch (thrown) {
    // Removed, or taken over by another node, meanwhile.
    if (!isGone(thrown) && !isMadeAgain(thrown)) throw thrown;
  }
}
