import type { Conversation } from '../../storage/conversations.ts';
import type { Message } from '../../storage/messages.ts';
import { isOwn, ownConversation } from '../conversations/own.ts';
import { ParleyError } from '../errors.ts';
import type { Idempotency } from '../idempotency.ts';
import { ownerOf, type Participant } from '../identity/caller.ts';
import { ask } from './ask.ts';
import { changeOwner, type NewOwner, type WithChange } from './change-owner.ts';
import { createClosing } from './closing.ts';
import { runWhenFirst } from './end-turn.ts';
import { hold } from './gathering.ts';
import { createInOrder } from './in-order.ts';
import { refuseWhereLeft, resume } from './left-to-next.ts';
import { interrupted, stopped } from './make-answer.ts';
import { recover } from './recovery.ts';
import { run } from './run.ts';
import { leaseMs, type ActiveTurn, type TurnsParts, type TurnsState } from './state.ts';
import { createTurnLine } from './turn-line.ts';
import { madeAgain, type TurnEvent, type Turns } from './turn.ts';

export type { NewOwner } from './change-owner.ts';

/** Turns, and what the process does with them. */
export interface RunningTurns extends Turns {
  /** Settles what processes that are gone left behind. To be called before anybody is served. */
  recover(): Promise<void>;
  /** Lets the answers be made that were left behind unsaid. To be called when the models are known. */
  resume(): void;
  /** Stores what could not be stored when its time was, and keeps others from taking the turns for left behind. */
  tend(): Promise<void>;
  /** Takes on no more. */
  drain(): void;
  /** Resolves when no turn is active. */
  idle(): Promise<void>;
  /** Breaks off all turns; what they said is kept. */
  interruptAll(): void;
  /** Ends all turns of a conversation; resolves to their answers. */
  stopAll(conversationId: number): Promise<Message[]>;
  /** Ends the turn of a conversation whose question or answer the message is, if there is one; resolves when it has ended. */
  stopOf(conversationId: number, messageId: number): Promise<void>;
  /** What a turn has said so far, as far as it may be shown. */
  textOf(turnId: number): Promise<string>;
  /** Runs `work` while nothing is asked in the conversation, and nobody else changes who is in charge of it. */
  alone<T>(conversationId: number, work: () => Promise<T>): Promise<T>;
  /**
   * Puts somebody else in charge of the conversation as it was read, and ends the answers on their way. False where another change was
   * quicker. To be called within `alone`.
   */
  changeOwner(
    conversation: Conversation,
    owner: NewOwner,
    stored?: Pick<WithChange, 'claim' | 'audit'>,
  ): Promise<boolean>;
}

/** Turns over the store; `tend` is due every few seconds. */
export function createTurns(parts: TurnsParts): RunningTurns {
  const { rows, runtime } = parts;
  const node = runtime.token(12);
  const state: TurnsState = {
    parts,
    node,
    active: new Map(),
    line: createTurnLine(),
    placing: createInOrder(),
    order: createInOrder(),
    closing: createClosing({ ...parts, node }),
    run: (turn) => void run(state, turn),
    draining: false,
    left: new Set(),
    idle: new Set(),
  };
  const { active, closing } = state;

  return {
    ask: (caller, question) => ask(state, caller, question),
    async result(caller, turnId, signal) {
      return unlessAborted(endOf(state, caller, turnId), signal);
    },
    follow: (caller, turnId, start, signal) => follow(state, caller, turnId, start, signal),
    followAsStaff: (_caller, turnId, start, signal) => followActive(state, turnId, start, signal),
    activeIn: (conversationId) => activeIn(state, conversationId),
    goingOnIn: (conversationId) => goingOnIn(state, conversationId),
    lastActiveOf: (caller) =>
      [...active.values()].findLast((turn) => turn.stored && isOwnTurn(caller, turn))?.conversationId,
    hold: (conversationId) => hold(state, conversationId),
    stop: (caller, conversationId, idempotency) => stop(state, caller, conversationId, idempotency),
    stopAll: (conversationId) => stopAll(state, conversationId),
    stopOf: (conversationId, messageId) => stopOf(state, conversationId, messageId),
    textOf: async (turnId) => active.get(turnId)?.live.shown() ?? (await rows.textOf(turnId)),
    // This store has one server: whatever is active was another process's, and that is gone.
    recover: () => recover(state, null),
    resume: () => resume(state),
    async tend() {
      if (active.size > 0) await rows.renew(node, runtime.now() + leaseMs);
      await closing.retry();
    },
    drain: () => void (state.draining = true),
    idle: () => (active.size === 0 ? Promise.resolve() : new Promise((resolve) => state.idle.add(resolve))),
    alone: (conversationId, work) => state.order.run(conversationId, work),
    changeOwner: (conversation, owner, stored) => changeOwner(state, conversation, owner, stored),
    interruptAll() {
      for (const { controller } of active.values()) controller.abort(interrupted);
      // Those that wait for it have to end, too.
      resume(state);
    },
  };
}

function ownTurn({ active }: TurnsState, caller: Participant, turnId: number): ActiveTurn | undefined {
  const turn = active.get(turnId);
  return turn !== undefined && isOwnTurn(caller, turn) ? turn : undefined;
}

function isOwnTurn(caller: Participant, { conversationId: id, caller: { userId } }: ActiveTurn): boolean {
  return isOwn(caller, { id, userId });
}

/** The answer of a turn that this process does not run. */
async function endedAnswer({ parts, left }: TurnsState, caller: Participant, id: number): Promise<Message> {
  const answer = await parts.messages.find(id);
  const isTheirs =
    answer !== undefined && isOwn(caller, { id: answer.conversationId, userId: answer.userId });
  if (!isTheirs || answer.role !== 'assistant') {
    throw new ParleyError('not_found', 'There is no such answer.');
  }
  if (answer.state === 'queued' || answer.state === 'running') {
    if (left.has(answer.conversationId)) throw madeAgain();
    const text = 'How the answer ended could not be stored yet. Try again in a moment.';
    throw new ParleyError('storage_failed', text, { retryable: true });
  }
  return answer;
}

async function* follow(
  state: TurnsState,
  caller: Participant,
  turnId: number,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent[]> {
  const turn = ownTurn(state, caller, turnId);
  if (turn !== undefined) {
    refuseBeyond(start, turn.live.shown());
    yield* turn.live.follow(start, signal);
    return;
  }
  const answer = await endedAnswer(state, caller, turnId);
  refuseBeyond(start, answer.content);
  const rest = answer.content.slice(start);
  const delta: TurnEvent[] = rest === '' ? [] : [{ type: 'delta', start, text: rest }];
  yield [...delta, { type: 'end', answer }];
}

async function* followActive(
  { active }: TurnsState,
  turnId: number,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<TurnEvent[]> {
  const turn = active.get(turnId);
  if (turn === undefined) throw new ParleyError('not_found', 'There is no such answer on its way.');
  refuseBeyond(start, turn.live.shown());
  yield* turn.live.follow(start, signal);
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

/** One that is not stored yet may still be refused: then nobody must have heard of it. */
function activeIn({ line }: TurnsState, conversationId: number): number[] {
  return line.in(conversationId).flatMap(({ id, stored }) => (stored ? id : []));
}

function goingOnIn({ line }: TurnsState, conversationId: number): number[] {
  const goesOn = ({ stored, closing, givenUp }: ActiveTurn) => stored && !closing && !givenUp;
  return line
    .in(conversationId)
    .filter(goesOn)
    .map(({ id }) => id);
}

/** The answer of a turn, once it has ended. */
function endOf(state: TurnsState, caller: Participant, turnId: number): Promise<Message> {
  return ownTurn(state, caller, turnId)?.live.ended ?? endedAnswer(state, caller, turnId);
}

async function stop(
  state: TurnsState,
  caller: Participant,
  conversationId: number,
  key: Idempotency | undefined,
): Promise<Message[]> {
  const { conversations, idempotency } = state.parts;
  await ownConversation(conversations, caller, conversationId);
  refuseWhereLeft(state, conversationId);
  const ids = activeIn(state, conversationId);
  return idempotency.once(
    ownerOf(caller),
    key,
    ids,
    async (claim) => {
      if (claim !== undefined) await idempotency.store(claim);
      return stopAll(state, conversationId);
    },
    (stoppedBefore) => {
      const turns = stoppedBefore as number[];
      // Where the server was killed before it had stopped them, they may be on their way again.
      for (const id of turns) ownTurn(state, caller, id)?.controller.abort(stopped);
      return Promise.all(turns.map((id) => endOf(state, caller, id)));
    },
  );
}

async function stopAll(state: TurnsState, conversationId: number): Promise<Message[]> {
  const turns = [...state.line.in(conversationId)];
  for (const { controller } of turns) controller.abort(stopped);
  // One that is to be made again may wait until the models are known; to end, it need not.
  runWhenFirst(state, turns[0]);
  await Promise.allSettled(turns.map(({ live }) => live.ended));
  return Promise.all(turns.filter(({ stored }) => stored).map(({ live }) => live.ended));
}

async function stopOf(state: TurnsState, conversationId: number, messageId: number): Promise<void> {
  refuseWhereLeft(state, conversationId);
  const turns = state.line
    .in(conversationId)
    .filter(({ id, questionId }) => id === messageId || questionId === messageId);
  for (const turn of turns) {
    turn.controller.abort(stopped);
    // One that has nothing to say need not wait for those before it.
    if (turn.stored && !turn.running && !turn.givenUp) state.run(turn);
  }
  await Promise.all(turns.map(({ live }) => live.ended));
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
