import { ParleyError } from '../errors.ts';
import { giveUpRow } from '../money/books.ts';
import { conclude, endOf } from './end-turn.ts';
import { quiet } from './gathering.ts';
import { handOver, reasonToHandOver } from './hand-over.ts';
import { leaveToNext, mayBeLeft } from './left-to-next.ts';
import { interrupted, madeNothing, makeAnswer, type Made } from './make-answer.ts';
import { leaseMs, type ActiveTurn, type TurnsState } from './state.ts';

/** Makes the answer, stores it, tells of it. Never rejects. */
export async function run(state: TurnsState, turn: ActiveTurn): Promise<void> {
  turn.running = true;
  const made = await make(state, turn);
  turn.made.resolve(made);
  if (isGivenUp(turn)) return;
  const isUnsaid = mayBeLeft(turn, made);
  const reason = isUnsaid ? undefined : reasonToHandOver(state, turn, made);
  if (reason !== undefined) return handOver(state, turn, made, reason);
  const end = endOf(state, turn, made, turn.live.said());
  if (!isUnsaid || !(await leaveToNext(state, turn, end))) await conclude(state, turn, end);
}

/** Asked of a function, for it may have become so while the answer was made. */
function isGivenUp({ givenUp }: ActiveTurn): boolean {
  return givenUp;
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
    const isOurs = await parts.rows.start(turn.id, parts.runtime.now() + leaseMs, turn.fence);
    if (!isOurs) return madeNothing(interrupted);
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
    giveUpRow(row);
    parts.log.error({ err, call: row }, 'a call to a model could not be recorded');
  }
}
