import type { Message } from '../../storage/messages.ts';
import { isOwn } from '../conversations/own.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { createChangeAlarm } from './alarm.ts';
import { followElsewhere } from './follow-elsewhere.ts';
import { pollMs } from './other-nodes.ts';
import type { ActiveTurn, TurnsState } from './state.ts';
import { isMadeAgain, madeAgain, type TurnEvent } from './turn.ts';

/** Who follows, and from where on. */
interface Hearing {
  turnId: number;
  start: number;
  signal: AbortSignal;
}

/** See `Turns.follow`. */
export async function* follow(
  state: TurnsState,
  caller: Participant,
  hearing: Hearing,
): AsyncGenerator<TurnEvent[]> {
  const { turnId, start } = hearing;
  const turn = ownTurn(state, caller, turnId);
  if (turn !== undefined) {
    refuseBeyond(start, turn.live.shown());
    yield* hear(state, turn.conversationId, hearing);
    return;
  }
  const { answer, logged } = await knownText(state, caller, turnId, start);
  if (isActive(answer)) {
    refuseBeyond(start, logged);
    yield* hear(state, answer.conversationId, hearing);
    return;
  }
  refuseBeyond(start, answer.content);
  const rest = answer.content.slice(start);
  const delta: TurnEvent[] = rest === '' ? [] : [{ type: 'delta', start, text: rest }];
  yield [...delta, { type: 'end', answer }];
}

/** See `Turns.followAsStaff`. */
export async function* followAsStaff(state: TurnsState, hearing: Hearing): AsyncGenerator<TurnEvent[]> {
  const { turnId, start } = hearing;
  const { shared, rows } = state.parts;
  const turn = state.active.get(turnId);
  const found = turn ?? (shared ? await rows.find(turnId) : undefined);
  if (found === undefined) throw new ParleyError('not_found', 'There is no such answer on its way.');
  if (start > 0) refuseBeyond(start, turn?.live.shown() ?? (await rows.textOf(turnId)));
  yield* hear(state, found.conversationId, hearing);
}

/** A turn that is being made here or elsewhere, or first here and then there. */
async function* hear(
  state: TurnsState,
  conversationId: number,
  { turnId, start, signal }: Hearing,
): AsyncGenerator<TurnEvent[]> {
  for (let told = start; ;) {
    const turn = state.active.get(turnId);
    const groups =
      turn?.live.follow(told, signal) ??
      followElsewhere(state, { turnId, conversationId, start: told, signal });
    try {
      for await (const group of groups) {
        for (const event of group) if (event.type === 'delta') told = event.start + event.text.length;
        yield group;
        if (group.at(-1)?.type === 'end') return;
      }
    } catch (thrown) {
      if (!state.parts.shared || !isMadeAgain(thrown)) throw thrown;
    }
  }
}

/** See `Turns.result`. */
export async function result(
  state: TurnsState,
  caller: Participant,
  turnId: number,
  signal: AbortSignal,
): Promise<Message> {
  for (;;) {
    try {
      const turn = ownTurn(state, caller, turnId);
      if (turn !== undefined) return await unlessAborted(turn.live.ended, signal);
      const answer = await unlessAborted(knownAnswer(state, caller, turnId), signal);
      if (!isActive(answer)) return answer;
      await waitElsewhere(state, answer, signal);
    } catch (thrown) {
      if (!state.parts.shared || !isMadeAgain(thrown)) throw thrown;
    }
  }
}

/** Resolves when the answer has ended, or is made here. */
async function waitElsewhere(
  { parts, active }: TurnsState,
  { id, conversationId }: Message,
  signal: AbortSignal,
): Promise<void> {
  const alarm = createChangeAlarm(parts, conversationId);
  try {
    while (!active.has(id) && (await parts.rows.find(id)) !== undefined) {
      await unlessAborted(alarm.wait(pollMs(parts), signal), signal);
    }
  } finally {
    alarm.close();
  }
}

export function ownTurn({ active }: TurnsState, caller: Participant, turnId: number): ActiveTurn | undefined {
  const turn = active.get(turnId);
  return turn !== undefined && isOwnTurn(caller, turn) ? turn : undefined;
}

export function isOwnTurn(
  caller: Participant,
  { conversationId: id, caller: { userId } }: ActiveTurn,
): boolean {
  return isOwn(caller, { id, userId });
}

function isActive({ state }: Message): boolean {
  return state === 'queued' || state === 'running';
}

/** The answer of a turn that this process does not run; on its way only where another node may make it. */
async function knownAnswer({ parts, left }: TurnsState, caller: Participant, id: number): Promise<Message> {
  const answer = await parts.messages.find(id);
  const isTheirs =
    answer !== undefined && isOwn(caller, { id: answer.conversationId, userId: answer.userId });
  if (!isTheirs || answer.role !== 'assistant') {
    throw new ParleyError('not_found', 'There is no such answer.');
  }
  if (isActive(answer) && !parts.shared) {
    if (left.has(answer.conversationId)) throw madeAgain();
    const text = 'How the answer ended could not be stored yet. Try again in a moment.';
    throw new ParleyError('storage_unavailable', text, { retryable: true });
  }
  return answer;
}

/** The answer and, where it is on its way and somebody has heard some of it, what of it is in the log. */
async function knownText(state: TurnsState, caller: Participant, turnId: number, start: number) {
  const answer = await knownAnswer(state, caller, turnId);
  const logged = start > 0 && isActive(answer) ? await state.parts.rows.textOf(turnId) : '';
  if (start <= logged.length || !isActive(answer)) return { answer, logged };
  // It may have ended meanwhile, and its log with it.
  return { answer: await knownAnswer(state, caller, turnId), logged };
}

function refuseBeyond(start: number, text: string): void {
  if (start <= text.length) return;
  throw new ParleyError(
    'invalid_request',
    'The answer is not as long as that: nobody can have seen this part of it.',
    {
      field: 'last_event_id',
    },
  );
}

/** What `promise` resolves to; an abort ends the waiting with the signal's reason where that is one of ours. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () =>
    reject(
      signal.reason instanceof ParleyError
        ? signal.reason
        : new ParleyError('cancelled', 'The request was cancelled.'),
    );
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
