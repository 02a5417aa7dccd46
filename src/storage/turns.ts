import type { NewApiCall } from './api-call.ts';
import type { Database } from './database.ts';
import type { Queries } from './dialect.ts';
import type { BeginningGuard } from './conversation-begin.ts';
import type { NewCustomer } from './customers.ts';
import type { Claim } from './idempotency-keys.ts';
import type { Ids } from './ids.ts';
import { compileLostCall } from './lost-call.ts';
import { mediaIdsFor } from './media.ts';
import type { Citation, NewPart } from './messages.ts';
import { accepted } from './storage-error.ts';
import { compileBegin } from './turn-begin.ts';
import { compileEnd } from './turn-end.ts';
import { compileJoin } from './turn-join.ts';
import { createTurnLeases } from './turn-leases.ts';
import type { TurnLeases } from './turn-leases.ts';
import { compileRequeue } from './turn-requeue.ts';
import { createTurnLog } from './turn-log.ts';

export type { HeldTurn, Seizure } from './turn-leases.ts';

export type TurnState = 'queued' | 'running';

/** A question and the answer that is to come. `id`s come from `Messages.nextId`, a new conversation's from `Conversations.nextId`. */
export interface NewTurn {
  /** The conversation that the question begins, or the id of the user's conversation that it continues. */
  conversation:
    | ({ kind: 'new'; id: number; key: string; title: string; customer: NewCustomer } & BeginningGuard)
    /** `title` names it where nobody has named it yet. Refused where more turns than `mostWaiting` are active in it. */
    | { kind: 'existing'; id: number; title?: string | undefined; mostWaiting?: number | undefined };
  /** Of the conversation; null where it belongs to nobody. */
  userId: number | null;
  /** The contract through which it is asked. */
  channel: string;
  /** Kept with the conversation from now on; undefined leaves what there is. */
  systemPrompt: string | undefined;
  questionId: number;
  /** Its plain text. */
  question: string;
  /** What it consists of, where that is more than one text. */
  parts?: readonly NewPart[] | undefined;
  questionTokens: number;
  /** The turn's id, and its answer's. */
  id: number;
  /** `running` is `queued` all the same where the conversation has an earlier turn. */
  state: TurnState;
  /** The process that makes the answer. */
  node: string;
  /** Milliseconds since the epoch: until then nobody else may take the turn over. */
  leaseUntil: number;
  at: number;
  /** The day it counts for, `YYYY-MM-DD`. */
  day: string;
  /** The model that the day's sums count it for. */
  countedModel: string;
  /** Facts for who must close the turn in its maker's place; JSON. */
  origin: unknown;
}

/** A question that joins a turn which has not said anything. */
export interface JoiningQuestion {
  turnId: number;
  fence: number;
  conversationId: number;
  userId: number | null;
  channel: string;
  /** From `Messages.nextId`. */
  questionId: number;
  question: string;
  questionTokens: number;
  at: number;
  day: string;
  /** The model that the day's sums count it for. */
  countedModel: string;
}

/** How a turn ended. */
export interface TurnEnd {
  id: number;
  conversationId: number;
  questionId: number;
  userId: number | null;
  channel: string;
  /** The turn is closed only if it is still at this number. */
  fence: number;
  state: 'completed' | 'failed' | 'cancelled' | 'interrupted';
  /** The whole text, whatever of it is in the log. */
  content: string;
  tokens: number;
  exchangeTokens: number;
  estimated: boolean;
  model: string | null;
  finishReason: string | null;
  errorCode: string | null;
  errorText: string | null;
  citations: Citation[] | null;
  /** Whether somebody else will answer the question: where nothing was said, it does not fail. */
  questionStays?: boolean;
  at: number;
  day: string;
  /** The model that the day's sums count it for. */
  countedModel: string;
  /** From the question to the end of the answer, in milliseconds; counted for `completed` turns. */
  responseMs: number;
  /** The row for the books; null where no model was called. */
  call: NewApiCall | null;
}

/** A turn that was cut off and is to be made from the beginning. */
export interface Requeuing {
  id: number;
  userId: number | null;
  /** As in `TurnEnd`. */
  channel: string;
  fence: number;
  /** The process that makes the answer; empty where any may that takes it over. */
  node: string;
  /** Milliseconds since the epoch: from then on others may take it over; 0 for at once. */
  leaseUntil: number;
  /** The row for the books; null where no model was called. */
  call: NewApiCall | null;
}

/** A turn that has not ended. */
export interface ActiveTurn {
  id: number;
  conversationId: number;
  questionId: number;
  userId: number | null;
  state: TurnState;
  node: string;
  fence: number;
  leaseUntil: number;
  beganAt: number;
  origin: unknown;
  /** The conversation's. */
  channel: string;
}

/** Turns: questions, their answers on the way, and the log of what has been said so far. */
export interface Turns extends TurnLeases {
  /**
   * Resolves to the state in which the turn is stored. One unit: the conversation where it is new, the question (`sent`, receipt `read`: an AI reads at once), the answer's empty
   * row (`queued`/`running`, receipt `sent`), the turn with fence 1, an event `asked` (the question's message id, data `{turnId}`), the
   * counters, the day's sums (chats, messages), and the claim. Rejects with `conflict`: `isTakenClaim` where the key is
   * taken, `isRefusedUnit` where the user has no such conversation, the AI is not in charge of it (`open`, `ai`), or a guard of the
   * conversation does not hold.
   */
  begin(turn: NewTurn, claim?: Claim): Promise<TurnState>;
  /**
   * One unit: the question, in front of the turn's answer, which moves one place on; the turn is `queued` again and answers this question; an event
   * `asked` with the turn's id, the counters, the day's sums, the claim. False, and nothing stored, where the turn has ended, is at
   * another fence, or has said something, where its answer is not the conversation's last message, or the AI is not in charge.
   */
  join(question: JoiningQuestion, claim?: Claim): Promise<boolean>;
  /**
   * One unit: the turn and its answer are `queued` again, and the call that was cut off is recorded, its tokens in the day's sums too. False, and nothing stored, where the turn
   * has ended, is at another fence, or has said something.
   */
  requeue(requeuing: Requeuing): Promise<boolean>;
  /**
   * Adds text to the turn's log, which has `start` code units so far. What several turns add at the same time shares one
   * statement unit; calls for one turn must come in the order of the text. False, and nothing stored, where the turn has ended or is
   * not at `fence` (1 unless it was taken over) any more.
   */
  append(id: number, start: number, delta: string, fence?: number): Promise<boolean>;
  /** The logged text of a turn from `start` on (default: 0); empty where there is none. */
  textOf(id: number, start?: number): Promise<string>;
  /** Removes logged text of turns that are not there any more, `limit` pieces at most; resolves to how many. There should be none. */
  removeLostLog(limit: number): Promise<number>;
  /**
   * One unit: the turn and its log are removed, the answer filled, the conversation touched, an event `answered` (the
   * answer's message id), the day's sums (messages for the answer; answers and response time where completed; errors
   * where failed or interrupted; tokens), the call's row and its roll-up. Where nothing was said (`content` is empty) and the state is not
   * `completed`, the question becomes `failed`, unless it stays. False, and nothing stored, where the turn has ended or is at another fence.
   */
  end(end: TurnEnd): Promise<boolean>;
  /** One unit: the call of an answer that was removed before it ended, with its roll-up, and its tokens in the day's sums. */
  bookRemoved(answer: Pick<TurnEnd, 'userId' | 'channel'>, call: NewApiCall): Promise<void>;
}

/** Turns kept in `database`. */
export function createTurns(database: Database, queries: Queries, ids: Ids): Turns {
  const beginning = compileBegin(queries);
  const joining = compileJoin(queries);
  const ending = compileEnd(queries);
  const requeuing = compileRequeue(queries);
  const booking = compileLostCall(queries);
  const log = createTurnLog(database, queries);

  return {
    ...createTurnLeases(database, queries),
    async begin(turn, claim) {
      const asked = mediaIdsFor(ids, turn.parts);
      // Waited for only where there is something: units run in the order of the calls.
      const mediaIds = asked === undefined ? [] : await asked;
      const results = await database.write(beginning(turn, claim, mediaIds));
      // No other statement of the unit returns rows.
      return results.flatMap(({ rows }) => rows)[0]?.['state'] as TurnState;
    },
    join: (question, claim) => accepted(database.write(joining(question, claim))),
    requeue: (turn) => accepted(database.write(requeuing(turn))),
    append: log.append,
    textOf: (id, start) => log.textOf(id, start),
    removeLostLog: (limit) => log.removeLost(limit),
    end: (end) => accepted(database.write(ending(end))),
    async bookRemoved(answer, call) {
      await database.write(booking(answer, call));
    },
  };
}
