import type { Conversation } from '../../storage/conversations.ts';
import type { Message } from '../../storage/messages.ts';
import { activeIn, goingOnIn, lastActiveOf } from './active.ts';
import { ask } from './ask.ts';
import { changeOwner, type NewOwner, type WithChange } from './change-owner.ts';
import { createClosing } from './closing.ts';
import { follow, followAsStaff, result } from './follow.ts';
import { hold } from './gathering.ts';
import { createInOrder } from './in-order.ts';
import { handOn, resume } from './left-to-next.ts';
import { createTimer } from './look.ts';
import { interrupted } from './make-answer.ts';
import { tellNodes } from './other-nodes.ts';
import { recover } from './recovery.ts';
import { run } from './run.ts';
import { serveOthers } from './serve-others.ts';
import type { TurnsParts, TurnsState } from './state.ts';
import { stop, stopAll, stopOf } from './stop.ts';
import { createTurnLine } from './turn-line.ts';
import type { Turns } from './turn.ts';

export type { NewOwner } from './change-owner.ts';

/** Turns, and what the process does with them. */
export interface RunningTurns extends Turns {
  /** Settles what processes that are gone left behind. To be called before anybody is served. */
  recover(): Promise<void>;
  /** Lets the answers be made that were left behind unsaid. To be called when the models are known. */
  resume(): void;
  /** Stores what could not be stored when its time was. */
  tend(): Promise<void>;
  /**
   * Where other nodes may use the store: keeps them from taking the turns for left behind, notices which they have taken all the same, and takes
   * over those of nodes that are gone. Never at the same time twice.
   */
  look(): Promise<void>;
  /** Looks every second from now on, where there may be other nodes, until `end` is called. */
  start(): void;
  end(): void;
  /** Takes on no more. What has not said anything is left to other nodes, if there are any. */
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
  const state = createState(parts);
  const { active, closing } = state;
  const timer = createTimer(state);
  if (parts.shared) serveOthers(state);

  return {
    ask: (caller, question) => ask(state, caller, question),
    result: (caller, turnId, signal) => result(state, caller, turnId, signal),
    follow: (caller, turnId, start, signal) => follow(state, caller, { turnId, start, signal }),
    followAsStaff: (_caller, turnId, start, signal) => followAsStaff(state, { turnId, start, signal }),
    activeIn: (conversationId) => activeIn(state, conversationId),
    goingOnIn: (conversationId) => goingOnIn(state, conversationId),
    lastActiveOf: (caller) => lastActiveOf(state, caller),
    hold: (conversationId) => hold(state, conversationId),
    stop: (caller, conversationId, idempotency) => stop(state, caller, conversationId, idempotency),
    stopAll: (conversationId) => stopAll(state, conversationId),
    stopOf: (conversationId, messageId) => stopOf(state, conversationId, messageId),
    textOf: async (turnId) => active.get(turnId)?.live.shown() ?? (await parts.rows.textOf(turnId)),
    // Of a store with one server, whatever is active was another process's, and that is gone.
    recover: () => recover(state, parts.shared ? parts.runtime.now() : null),
    resume: () => resume(state),
    tend: () => closing.retry(),
    look: timer.look,
    start: timer.start,
    end: timer.end,
    drain() {
      state.draining = true;
      if (parts.shared) tellNodes(state, { type: 'leaving', node: state.node });
      handOn(state);
    },
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

function createState(parts: TurnsParts): TurnsState {
  const node = parts.nodes.id;
  const state: TurnsState = {
    parts,
    node,
    active: new Map(),
    line: createTurnLine(),
    placing: createInOrder(),
    order: createInOrder(),
    joining: createInOrder(),
    closing: createClosing({ ...parts, node }),
    relays: new Map(),
    settling: new Set(),
    leases: { renewedAt: 0, failedAt: 0, lookedAt: 0 },
    peers: new Map(),
    resumed: false,
    run: (turn) => void run(state, turn),
    draining: false,
    left: new Set(),
    idle: new Set(),
  };
  return state;
}
