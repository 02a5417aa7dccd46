import type { Participant } from '../identity/caller.ts';
import { isOwnTurn } from './follow.ts';
import type { ActiveTurn, TurnsState } from './state.ts';

/** See `Turns.activeIn`. One that is not stored yet may still be refused: then nobody must have heard of it. */
export async function activeIn({ parts, line }: TurnsState, conversationId: number): Promise<number[]> {
  if (parts.shared) return (await parts.rows.activeIn(conversationId)).map(({ id }) => id);
  return line.in(conversationId).flatMap(({ id, stored }) => (stored ? id : []));
}

/** See `Turns.goingOnIn`. */
export async function goingOnIn(state: TurnsState, conversationId: number): Promise<number[]> {
  const ids = await activeIn(state, conversationId);
  return ids.filter((id) => {
    const turn = state.active.get(id);
    return turn === undefined ? state.parts.shared : goesOn(turn);
  });
}

function goesOn({ stored, closing, givenUp, taken }: ActiveTurn): boolean {
  return stored && !closing && !givenUp && !taken;
}

/** See `Turns.lastActiveOf`. */
export async function lastActiveOf(
  { parts, active }: TurnsState,
  caller: Participant,
): Promise<number | undefined> {
  if (parts.shared && caller.userId !== null) return parts.rows.lastActiveOf(caller.userId);
  return [...active.values()].findLast((turn) => turn.stored && isOwnTurn(caller, turn))?.conversationId;
}
