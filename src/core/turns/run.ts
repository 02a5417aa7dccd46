import { ParleyError } from '../errors.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { interrupted, makeAnswer, type Made } from './make-answer.ts';
import { leaseMs, type ActiveTurn, type TurnsState } from './state.ts';
import type { TurnEnd } from '../../storage/turns.ts';

/** Runs the turn if it is stored and the first of its conversation. */
export function runWhenFirst(state: TurnsState, turn: ActiveTurn | undefined): void {
  if (turn?.stored !== true || state.line.in(turn.conversationId)[0] !== turn) return;
  void run(state, turn);
}

/** Forgets the turn, and lets the next in its conversation run. */
export function leave(state: TurnsState, turn: ActiveTurn): void {
  state.active.delete(turn.id);
  runWhenFirst(state, state.line.leave(turn));
  if (state.active.size > 0) return;
  for (const resolve of state.idle) resolve();
  state.idle.clear();
}

/** Makes the answer, stores it, tells of it. Never rejects. */
async function run(state: TurnsState, turn: ActiveTurn): Promise<void> {
  const { parts, closing } = state;
  const { live } = turn;
  try {
    const made = await makeOwn(state, turn);
    live.seal();
    live.end(await closing.close(endOf(state, turn, made)));
  } catch (err) {
    live.seal();
    live.lose(err);
    const gone = err instanceof ParleyError && err.code === 'not_found';
    if (!gone) parts.log.error({ err, turnId: turn.id }, 'an answer could not be brought to its end');
  }
  // Before the turn is forgotten: who waits for that finds the watchers being told.
  parts.feed.wake(turn.conversationId, turn.caller.userId);
  leave(state, turn);
}

/** Asks the model, unless the turn has waited and somebody else has closed it meanwhile. */
async function makeOwn({ parts }: TurnsState, turn: ActiveTurn): Promise<Made> {
  const none = { reason: null, call: null };
  try {
    if (turn.queued && !(await parts.rows.start(turn.id, parts.runtime.now() + leaseMs))) {
      return { ...none, state: 'interrupted', error: interrupted };
    }
  } catch (cause) {
    const text = 'The answer could not be begun. Try again later.';
    return { ...none, state: 'failed', error: new ParleyError('storage_failed', text, { cause }) };
  }
  return makeAnswer(parts, turn, turn.live, turn.controller.signal);
}

function endOf({ parts }: TurnsState, turn: ActiveTurn, made: Made): TurnEnd {
  const { completions, runtime, dayOf } = parts;
  const at = runtime.now();
  const content = turn.live.said().toWellFormed();
  const usage = made.call?.end.usage;
  const row = made.call && completions.meter.row(made.call.origin, made.call.end);
  return {
    id: turn.id,
    conversationId: turn.conversationId,
    questionId: turn.questionId,
    userId: turn.caller.userId,
    channel: turn.channel,
    fence: 1,
    state: made.state,
    content,
    tokens: usage?.completionTokens ?? estimateTokens(content),
    exchangeTokens: (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0),
    estimated: usage?.estimated ?? true,
    model: made.call?.end.model.id ?? null,
    finishReason: made.reason,
    errorCode: made.error?.code ?? null,
    errorText: made.error?.message ?? null,
    at,
    day: dayOf(at),
    responseMs: Math.round(runtime.elapsed() - turn.began),
    call: row && { ...row, conversationId: turn.conversationId, messageId: turn.id },
  };
}
