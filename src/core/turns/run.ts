import type { TurnEnd } from '../../storage/turns.ts';
import { estimateTokens } from '../completions/estimate.ts';
import { ParleyError } from '../errors.ts';
import { citedIn } from '../knowledge/grounding.ts';
import { quiet } from './gathering.ts';
import { handOver, reasonToHandOver } from './hand-over.ts';
import { interrupted, madeNothing, makeAnswer, type Made } from './make-answer.ts';
import { leaseMs, type ActiveTurn, type TurnsState } from './state.ts';

/** Runs the turn if it is stored and the first of its conversation. */
export function runWhenFirst(state: TurnsState, turn: ActiveTurn | undefined): void {
  if (turn?.stored !== true || turn.givenUp || state.line.in(turn.conversationId)[0] !== turn) return;
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
  turn.running = true;
  const made = await make(state, turn);
  turn.made.resolve(made);
  if (isGivenUp(turn)) return;
  const reason = reasonToHandOver(state, turn, made);
  if (reason === undefined) await conclude(state, turn, endOf(state, turn, made, turn.live.said()));
  else await handOver(state, turn, made, reason);
}

/** Asked of a function, for it may have become so while the answer was made. */
function isGivenUp({ givenUp }: ActiveTurn): boolean {
  return givenUp;
}

/** Stores the end of a turn that nobody else ends, tells of it, and forgets the turn. Never rejects. */
export async function conclude(state: TurnsState, turn: ActiveTurn, end: TurnEnd): Promise<void> {
  const { parts, closing } = state;
  const { live } = turn;
  turn.closing = true;
  live.seal();
  try {
    live.end(await closing.close(end));
  } catch (err) {
    live.lose(err);
    const gone = err instanceof ParleyError && err.code === 'not_found';
    if (!gone) parts.log.error({ err, turnId: turn.id }, 'an answer could not be brought to its end');
  }
  // Before the turn is forgotten: who waits for that finds the watchers being told.
  parts.feed.wake(turn.conversationId, turn.caller.userId);
  leave(state, turn);
}

/** Asks the model, once more for each time that another question joins before it has said anything. Never rejects. */
async function make(state: TurnsState, turn: ActiveTurn): Promise<Made> {
  try {
    for (;;) {
      turn.step = 'waiting';
      await quiet(state, turn);
      if (isPaused(turn)) continue;
      turn.step = 'starting';
      const unable = await start(state, turn);
      if (unable !== null) return unable;
      if (isPaused(turn)) continue;
      const made = await call(state, turn);
      if (!isPaused(turn) || turn.controller.signal.aborted) return made;
      await settleBrokenOff(state, turn, made);
    }
  } catch (thrown) {
    return madeNothing(thrown);
  } finally {
    turn.step = 'done';
    turn.pause?.reached.resolve();
  }
}

function isPaused({ pause }: ActiveTurn): boolean {
  return pause !== null;
}

/** Where the turn has waited and somebody else has closed it meanwhile, or it cannot be begun: what is made of it then. */
async function start({ parts }: TurnsState, turn: ActiveTurn): Promise<Made | null> {
  if (!turn.queued) return null;
  try {
    if (!(await parts.rows.start(turn.id, parts.runtime.now() + leaseMs))) return madeNothing(interrupted);
  } catch (cause) {
    const text = 'The answer could not be begun. Try again later.';
    return madeNothing(new ParleyError('storage_failed', text, { cause }));
  }
  turn.queued = false;
  return null;
}

async function call({ parts }: TurnsState, turn: ActiveTurn): Promise<Made> {
  const { live, controller, burst } = turn;
  turn.step = 'calling';
  if (burst === null) return makeAnswer(parts, turn, live, controller.signal);
  turn.call = new AbortController();
  const signal = AbortSignal.any([controller.signal, turn.call.signal]);
  // What a call says that is being broken off is not what the answer begins with.
  const say = (text: string) => {
    if (!isPaused(turn)) live.say(text);
  };
  try {
    return await makeAnswer(parts, turn, { say }, signal);
  } finally {
    turn.call = null;
  }
}

/** Puts a call into the books that said nothing to anybody. */
async function settleBrokenOff({ parts }: TurnsState, turn: ActiveTurn, made: Made): Promise<void> {
  if (turn.burst !== null) turn.burst.restarts++;
  if (made.call === null) return;
  const row = parts.completions.meter.row(made.call.origin, made.call.end);
  try {
    await parts.calls.record({ ...row, conversationId: turn.conversationId, messageId: turn.id });
  } catch (err) {
    parts.log.error({ err, call: row }, 'a call to a model could not be recorded');
  }
}

/** The end of a turn, whose answer is `text`. To be asked for once: the call is counted with it. */
export function endOf({ parts }: TurnsState, turn: ActiveTurn, made: Made, text: string): TurnEnd {
  const { completions, runtime, dayOf } = parts;
  const at = runtime.now();
  const content = text.toWellFormed();
  const usage = made.call?.end.usage;
  const row = made.call && completions.meter.row(made.call.origin, made.call.end);
  return {
    id: turn.id,
    conversationId: turn.conversationId,
    questionId: turn.questionId,
    userId: turn.caller.userId,
    channel: turn.channel,
    fence: turn.fence,
    state: made.state,
    content,
    tokens: usage?.completionTokens ?? estimateTokens(content),
    exchangeTokens: (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0),
    estimated: usage?.estimated ?? true,
    model: made.call?.end.model.id ?? null,
    finishReason: made.reason,
    errorCode: made.error?.code ?? null,
    errorText: made.error?.message ?? null,
    citations: citedIn(content, made.sources),
    at,
    day: dayOf(at),
    responseMs: Math.round(runtime.elapsed() - turn.began),
    call: row && { ...row, conversationId: turn.conversationId, messageId: turn.id },
  };
}
