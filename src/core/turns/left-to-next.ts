import type { ActiveTurn as StoredTurn, TurnEnd } from '../../storage/turns.ts';
import type { Conversation } from '../../storage/conversations.ts';
import { createActiveTurn } from './begin-turn.ts';
import type { TurnOrigin } from './cut-off.ts';
import { loseTurn, runWhenFirst } from './end-turn.ts';
import { interrupted, type Made } from './make-answer.ts';
import { hasPeers, tellNodes } from './other-nodes.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { madeAgain } from './turn.ts';

/** How often an answer is begun at most, each time by another process: one that kills the server must not do so for ever. */
const mostAttempts = 3;

/** Whether a process may make the answer to this question, at this fence, that another has left unsaid; `left` where it was handed on, not cut off. */
export function mayBegin(
  { background }: { background?: boolean | undefined },
  fence: number,
  left = false,
): boolean {
  return (background === true || left) && fence <= mostAttempts;
}

/** Whether the turn ends for no other reason than that the process does, and the next one can make the answer as if nothing had been. */
export function mayBeLeft(turn: ActiveTurn, { state }: Made): boolean {
  const { leaving, question, fence } = turn;
  return (
    (leaving || state === 'interrupted') && turn.live.said() === '' && mayBegin(question, fence + 1, leaving)
  );
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
  if (state.parts.shared) tellNodes(state, { type: 'left' });
  else state.left.add(conversationId);
  loseTurn(state, turn);
  return true;
}

/** Leaves to other nodes, if there are any, what has not said anything. */
export function handOn(state: TurnsState): void {
  if (!state.parts.shared || !hasPeers(state)) return;
  for (const turn of state.active.values()) {
    const { stored, givenUp, closing, question, fence, live, controller } = turn;
    const isUnsaid = live.said() === '' && !controller.signal.aborted;
    if (!stored || givenUp || closing || !isUnsaid || !mayBegin(question, fence + 1, true)) continue;
    turn.leaving = true;
    controller.abort(interrupted);
    // One that has nothing to say need not wait for those before it.
    if (!turn.running) state.run(turn);
  }
}

/** Refuses what would have to reach a turn that is left to the next process. */
export function refuseWhereLeft({ left }: TurnsState, conversationId: number): void {
  if (left.has(conversationId)) throw madeAgain();
}

/** Puts a turn of a process that is gone into its line here; `resume` lets it run. */
export async function rejoin(
  { parts, active, line }: TurnsState,
  { id, questionId, fence, beganAt, channel, origin }: StoredTurn,
  conversation: Conversation,
): Promise<void> {
  const { runtime, rows } = parts;
  const { caller, question } = origin as TurnOrigin;
  const places = (await rows.activeIn(conversation.id)).map((turn) => turn.id);
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
  const place = places.indexOf(id);
  active.set(id, turn);
  // Later ones of the conversation may wait here already.
  line.insert(turn, (other) => place !== -1 && places.indexOf(other.id) > place);
}

/** Lets the turns run that others have left. */
export function resume(state: TurnsState): void {
  state.resumed = true;
  for (const turn of state.active.values()) runWhenFirst(state, turn);
}
