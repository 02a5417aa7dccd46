import type { ActiveTurn as StoredTurn, TurnEnd } from '../../storage/turns.ts';
import type { Conversation } from '../../storage/conversations.ts';
import { createActiveTurn } from './begin-turn.ts';
import { leave, runWhenFirst } from './end-turn.ts';
import type { Made } from './make-answer.ts';
import type { TurnOrigin } from './recovery.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { madeAgain } from './turn.ts';

/** How often an answer is begun at most, each time by another process: one that kills the server must not do so for ever. */
const mostAttempts = 3;

/** Whether a process may make the answer to this question, at this fence, that another has left unsaid. */
export function mayBegin({ background }: { background?: boolean | undefined }, fence: number): boolean {
  return background === true && fence <= mostAttempts;
}

/** Whether the turn ends for no other reason than that the process does, and the next one can make the answer as if nothing had been. */
export function mayBeLeft(turn: ActiveTurn, { state }: Made): boolean {
  return state === 'interrupted' && turn.live.said() === '' && mayBegin(turn.question, turn.fence + 1);
}

/** Puts the turn back into its line for the next process, with its call in the books. False where it is to be brought to its end instead. */
export async function leaveToNext(
  state: TurnsState,
  turn: ActiveTurn,
  { call }: Pick<TurnEnd, 'call'>,
): Promise<boolean> {
  const { id, fence, channel, conversationId } = turn;
  const { userId } = turn.caller;
  turn.closing = true;
  try {
    const left = { id, userId, channel, fence, node: '', leaseUntil: 0, call };
    if (!(await state.parts.rows.requeue(left))) return false;
  } catch (err) {
    state.parts.log.warn({ err, turnId: id }, 'an answer could not be left to the next process');
    return false;
  }
  state.left.add(conversationId);
  turn.live.lose(madeAgain());
  leave(state, turn);
  return true;
}

/** Refuses what would have to reach a turn that is left to the next process. */
export function refuseWhereLeft({ left }: TurnsState, conversationId: number): void {
  if (left.has(conversationId)) throw madeAgain();
}

/** Puts a turn of a process that is gone into its line here; `resume` lets it run. */
export function rejoin(
  { parts, active, line }: TurnsState,
  { id, questionId, fence, beganAt, channel, origin }: StoredTurn,
  conversation: Conversation,
): void {
  const { runtime } = parts;
  const { caller, question } = origin as TurnOrigin;
  const turn = createActiveTurn(parts, {
    id,
    conversationId: conversation.id,
    questionId,
    caller,
    question,
    channel,
    systemPrompt: question.systemPrompt ?? conversation.systemPrompt,
    fence,
    burst: null,
    began: runtime.elapsed() - Math.max(0, runtime.now() - beganAt),
    queued: true,
    stored: true,
  });
  active.set(id, turn);
  line.join(turn);
}

/** Lets the turns run that others have left. */
export function resume(state: TurnsState): void {
  for (const turn of state.active.values()) runWhenFirst(state, turn);
}
