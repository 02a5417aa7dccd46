import { estimateTokens } from '../completions/estimate.ts';
import { ParleyError } from '../errors.ts';
import type { Asking } from './begin-turn.ts';
import type { ActiveTurn, TurnsState } from './state.ts';

/** Questions that are answered together. Times are of the monotonic clock. */
export interface Burst {
  firstAt: number;
  lastAt: number;
  /** Until then the customer is believed to write on. */
  heldUntil: number;
  questions: number;
  /** How often the model was broken off for another question. */
  restarts: number;
}

/** Holds a turn while a question joins it. */
export interface Pause {
  /** Resolves when nothing is asked or said. */
  reached: PromiseWithResolvers<void>;
  over: PromiseWithResolvers<void>;
}

/** A burst goes on for so many times `burstMs` at most. */
const mostPauses = 10;
/** Who is typing holds the answer up so long at most. */
const mostHoldMs = 3_000;
const mostQuestions = 20;
const mostRestarts = 3;

/** Why a call is broken off that asks for too little. */
const outdated = new ParleyError('cancelled', 'Another question came before the answer began.');

export function beginBurst(now: number): Burst {
  return { firstAt: now, lastAt: now, heldUntil: 0, questions: 1, restarts: 0 };
}

/** The turn of a conversation that one more question can still join. */
export function joinableTurn({ line }: TurnsState, conversationId: number): Gathering | undefined {
  const turn = line.in(conversationId).at(-1);
  if (!turn?.burst || !turn.stored || turn.step === 'done' || turn.givenUp || turn.leaving) return undefined;
  if (turn.controller.signal.aborted || turn.live.said() !== '') return undefined;
  const { burst } = turn;
  const isFull =
    burst.questions >= mostQuestions || (turn.step === 'calling' && burst.restarts >= mostRestarts);
  return isFull ? undefined : { turn, burst };
}

export interface Gathering {
  turn: ActiveTurn;
  burst: Burst;
}

/** Adds a question to a turn that has said nothing; false where it is too late for that. */
export function join(
  state: TurnsState,
  { turn }: Gathering,
  asking: Pick<Asking, 'question' | 'asked' | 'claim'>,
): Promise<boolean> {
  return state.joining.run(turn.id, async () => {
    const gathering = joinableTurn(state, turn.conversationId);
    return gathering?.turn === turn && joinAlone(state, gathering, asking);
  });
}

async function joinAlone(
  { parts }: TurnsState,
  { turn, burst }: Gathering,
  { question, asked, claim }: Pick<Asking, 'question' | 'asked' | 'claim'>,
): Promise<boolean> {
  const { rows, messages, runtime, dayOf, completions } = parts;
  const pause: Pause = { reached: Promise.withResolvers(), over: Promise.withResolvers() };
  turn.pause = pause;
  if (turn.step === 'waiting') pause.reached.resolve();
  try {
    turn.call?.abort(outdated);
    await pause.reached.promise;
    if (isDone(turn)) return false;
    const at = runtime.now();
    if (asked.questionId === 0) asked.questionId = await messages.nextId();
    asked.turnId = turn.id;
    const { id: turnId, fence, conversationId, channel } = turn;
    const joining = {
      turnId,
      fence,
      conversationId,
      userId: turn.caller.userId,
      channel,
      questionId: asked.questionId,
      question: question.text,
      questionTokens: estimateTokens(question.text),
      at,
      day: dayOf(at),
      countedModel: question.model ?? completions.defaultModel(),
    };
    if (!(await rows.join(joining, claim))) return false;
    turn.questionId = asked.questionId;
    turn.queued = true;
    burst.questions++;
    burst.lastAt = runtime.elapsed();
    burst.heldUntil = 0;
    return true;
  } finally {
    turn.pause = null;
    pause.over.resolve();
  }
}

/** Asked of a function, for it may have become so while somebody waited. */
function isDone({ step }: ActiveTurn): boolean {
  return step === 'done';
}

/** Resolves when the customer seems to have said everything, and nothing is about to join; rejects with the reason of an abort. */
export async function quiet({ parts }: TurnsState, turn: ActiveTurn): Promise<void> {
  const { signal } = turn.controller;
  for (;;) {
    while (turn.pause !== null) {
      turn.pause.reached.resolve();
      await turn.pause.over.promise;
    }
    signal.throwIfAborted();
    const left = turn.burst === null ? 0 : dueAt(parts, turn.burst) - parts.runtime.elapsed();
    if (left <= 0) return;
    await parts.runtime.sleep(left, signal);
  }
}

/** See `Turns.hold`. */
export function hold({ parts, line }: TurnsState, conversationId: number): void {
  const burst = line.in(conversationId).at(-1)?.burst;
  if (!burst) return;
  burst.heldUntil = Math.min(parts.runtime.elapsed(), pauseEnd(parts, burst)) + mostHoldMs;
}

function dueAt(parts: TurnsState['parts'], burst: Burst): number {
  return Math.max(burst.heldUntil, pauseEnd(parts, burst));
}

function pauseEnd({ settings }: TurnsState['parts'], { firstAt, lastAt }: Burst): number {
  const { burstMs } = settings();
  return Math.min(lastAt + burstMs, firstAt + mostPauses * burstMs);
}
