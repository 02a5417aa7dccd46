import { ParleyError } from '../errors.ts';
import { giveUpRow } from '../money/books.ts';
import { createChangeAlarm, type ChangeAlarm } from './alarm.ts';
import { conclude, endOf } from './end-turn.ts';
import { quiet } from './gathering.ts';
import { handOver, reasonToHandOver } from './hand-over.ts';
import { leaveToNext, mayBeLeft } from './left-to-next.ts';
import { interrupted, madeNothing, makeAnswer, type Made } from './make-answer.ts';
import { leaseMs, type ActiveTurn, type TurnsState } from './state.ts';

/** How often one that waits for another node looks whether its time has come, if nobody says so. */
const waitMs = 500;

/** Makes the answer, stores it, tells of it. Never rejects. */
export async function run(state: TurnsState, turn: ActiveTurn): Promise<void> {
  turn.running = true;
  const made = await make(state, turn);
  turn.made.resolve(made);
  if (isGivenUp(turn)) return;
  const isTheirs = isTaken(turn);
  const isUnsaid = !isTheirs && mayBeLeft(turn, made);
  const reason = isUnsaid || isTheirs ? undefined : reasonToHandOver(state, turn, made);
  if (reason !== undefined) return handOver(state, turn, made, reason);
  const end = endOf(state, turn, made, turn.live.said());
  if (!isUnsaid || !(await leaveToNext(state, turn, end))) await conclude(state, turn, end);
}

/** Asked of a function, for it may have become so while the answer was made. */
function isGivenUp({ givenUp }: ActiveTurn): boolean {
  return givenUp;
}

function isTaken({ taken }: ActiveTurn): boolean {
  return taken;
}

/** Asks the model, once more for each time that another question joins before it has said anything. Never rejects. */
async function make(state: TurnsState, turn: ActiveTurn): Promise<Made> {
  let next: ChangeAlarm | undefined;
  try {
    for (;;) {
      turn.step = 'waiting';
      await quiet(state, turn);
      if (isPaused(turn)) continue;
      turn.step = 'starting';
      const begun = await start(state, turn);
      if (typeof begun === 'object') return begun;
      if (isPaused(turn)) continue;
      if (begun === 'waits') {
        turn.step = 'waiting';
        if (next !== undefined) await next.wait(waitMs, turn.controller.signal);
        next ??= createChangeAlarm(state.parts, turn.conversationId);
        continue;
      }
      const made = await call(state, turn);
      if (!isPaused(turn) || turn.controller.signal.aborted) return made;
      await settleBrokenOff(state, turn, made);
    }
  } catch (thrown) {
    return madeNothing(thrown);
  } finally {
    next?.close();
    turn.step = 'done';
    turn.pause?.reached.resolve();
  }
}

function isPaused({ pause }: ActiveTurn): boolean {
  return pause !== null;
}

/**
 * Begins the turn in the store where it has waited: `waits` where an earlier one of its conversation, of another node, has not ended. Where
 * somebody else has closed it meanwhile, or it cannot be begun: what is made of it then.
 */
async function start({ parts, node }: TurnsState, turn: ActiveTurn): Promise<Made | 'begun' | 'waits'> {
  const { rows, runtime } = parts;
  if (!turn.queued) return 'begun';
  try {
    if (!(await rows.start(turn.id, runtime.now() + leaseMs, turn.fence))) {
      const stored = await rows.find(turn.id);
      const isOurs = stored?.node === node && stored.fence === turn.fence;
      if (isOurs && stored.state === 'queued') return 'waits';
      turn.taken = true;
      return madeNothing(interrupted);
    }
  } catch (cause) {
    const text = 'The answer could not be begun. Try again later.';
    return madeNothing(new ParleyError('storage_failed', text, { cause }));
  }
  turn.queued = false;
  return 'begun';
}

async function call({ parts }: TurnsState, turn: ActiveTurn): Promise<Made> {
  const { live, controller, burst } = turn;
  turn.step = 'calling';
  // What a call says that is being broken off is not what the answer begins with.
  const say = (text: string) => {
    if (!isPaused(turn) && !turn.leaving) live.say(text);
  };
  if (burst === null) return makeAnswer(parts, turn, { say }, controller.signal);
  turn.call = new AbortController();
  const signal = AbortSignal.any([controller.signal, turn.call.signal]);
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
