import { sql } from 'kysely';
import type { NewApiCall } from './api-call.ts';
import type { Database, SqlRow } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { NewCustomer } from './customers.ts';
import type { Claim } from './idempotency-keys.ts';
import type { Ids } from './ids.ts';
import { mediaIdsFor } from './media.ts';
import type { Citation, NewPart } from './messages.ts';
import { accepted } from './storage-error.ts';
import { compileBegin } from './turn-begin.ts';
import { compileEnd } from './turn-end.ts';
import { compileJoin } from './turn-join.ts';
import { compileRequeue } from './turn-requeue.ts';
import { createTurnLog } from './turn-log.ts';

/** A question and the answer that is to come. `id`s come from `Messages.nextId`, a new conversation's from `Conversations.nextId`. */
export interface NewTurn {
  /** The conversation that the question begins, or the id of the user's conversation that it continues. */
  conversation:
    | { kind: 'new'; id: number; key: string; title: string; customer: NewCustomer }
    /** `title` names it where nobody has named it yet. */
    | { kind: 'existing'; id: number; title?: string | undefined };
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
  state: 'queued' | 'running';
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
  state: 'queued' | 'running';
  node: string;
  fence: number;
  leaseUntil: number;
  beganAt: number;
  origin: unknown;
  /** The conversation's. */
  channel: string;
}

/** Turns: questions, their answers on the way, and the log of what has been said so far. */
export interface Turns {
  /**
   * One unit: the conversation where it is new, the question (`sent`, receipt `read`: an AI reads at once), the answer's empty
   * row (`queued`/`running`, receipt `sent`), the turn with fence 1, an event `asked` (the question's message id, data `{turnId}`), the
   * counters, the day's sums (chats, messages), and the claim. Rejects with `conflict`: `isTakenClaim` where the key is
   * taken, `isRefusedUnit` where the user has no such conversation, or the AI is not in charge of it (`open`, `ai`).
   */
  begin(turn: NewTurn, claim?: Claim): Promise<void>;
  /**
   * One unit: the question, in front of the turn's answer, which moves one place on; the turn is `queued` again and answers this question; an event
   * `asked` with the turn's id, the counters, the day's sums, the claim. False, and nothing stored, where the turn has ended, is at
   * another fence, or has said something, where its answer is not the conversation's last message, or the AI is not in charge.
   */
  join(question: JoiningQuestion, claim?: Claim): Promise<boolean>;
  /** From `queued` to `running`. False where it is not queued any more, or is at another fence than `fence` (1 unless it was taken over). */
  start(id: number, leaseUntil: number, fence?: number): Promise<boolean>;
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
  /** The logged text of a turn; empty where there is none. */
  textOf(id: number): Promise<string>;
  /**
   * One unit: the turn and its log are removed, the answer filled, the conversation touched, an event `answered` (the
   * answer's message id), the day's sums (messages for the answer; answers and response time where completed; errors
   * where failed or interrupted; tokens), the call's row and its roll-up. Where nothing was said (`content` is empty) and the state is not
   * `completed`, the question becomes `failed`, unless it stays. False, and nothing stored, where the turn has ended or is at another fence.
   */
  end(end: TurnEnd): Promise<boolean>;
  find(id: number): Promise<ActiveTurn | undefined>;
  /** Extends the leases of a node's turns. */
  renew(node: string, leaseUntil: number): Promise<void>;
  /**
   * Takes over turns of other nodes than `node` whose lease ended before `now`, or all of them where `now` is null: raises their
   * fence, gives them to `node` with `leaseUntil`, and returns them. Two that ask at once never get the same turn.
   */
  takeOver(node: string, now: number | null, leaseUntil: number): Promise<ActiveTurn[]>;
}

/** Turns kept in `database`. */
export function createTurns(database: Database, queries: Queries, ids: Ids): Turns {
  const beginning = compileBegin(queries);
  const joining = compileJoin(queries);
  const ending = compileEnd(queries);
  const requeuing = compileRequeue(queries);
  const log = createTurnLog(database, queries);
  const { byId, start, startAnswer, renew, takeOver, takeOverLapsed } = compileLeases(queries);

  return {
    async begin(turn, claim) {
      const asked = mediaIdsFor(ids, turn.parts);
      // Waited for only where there is something: units run in the order of the calls.
      const mediaIds = asked === undefined ? [] : await asked;
      await database.write(beginning(turn, claim, mediaIds));
    },
    join: (question, claim) => accepted(database.write(joining(question, claim))),
    start: (id, leaseUntil, fence = 1) =>
      accepted(database.write([withValues(start, [leaseUntil, id, fence]), withValues(startAnswer, [id])])),
    requeue: (turn) => accepted(database.write(requeuing(turn))),
    append: log.append,
    textOf: (id) => log.textOf(id),
    end: (end) => accepted(database.write(ending(end))),
    async find(id) {
      const [row] = await database.read(withValues(byId, [id]));
      return row && presentTurn(row);
    },
    async renew(node, leaseUntil) {
      await database.write([withValues(renew, [leaseUntil, node])]);
    },
    async takeOver(node, now, leaseUntil) {
      const [result] = await database.write([
        now === null
          ? withValues(takeOver, [node, leaseUntil, node])
          : withValues(takeOverLapsed, [node, leaseUntil, node, now]),
      ]);
      return (result?.rows ?? []).map(presentTurn).toSorted((a, b) => a.id - b.id);
    },
  };
}

function compileLeases(queries: Queries) {
  const columns = [
    'turns.id',
    'turns.conversation_id as conversationId',
    'turns.question_id as questionId',
    'turns.user_id as userId',
    'turns.state',
    'turns.node',
    'turns.fence',
    'turns.lease_until as leaseUntil',
    'turns.began_at as beganAt',
    'turns.origin',
  ] as const;
  const channel = queries
    .selectFrom('conversations')
    .select('conversations.channel')
    .whereRef('conversations.id', '=', 'turns.conversation_id' as never);
  const select = queries.selectFrom('turns').select(columns).select(channel.as('channel'));
  const update = queries.updateTable('turns');
  const takeOver = update
    .set((eb) => ({ fence: eb('fence', '+', eb.lit(1)), node: '', lease_until: 0 }))
    .where('node', '!=', '')
    .returning(columns)
    .returning(channel.as('channel'));
  return {
    byId: compileQuery(select.where('turns.id', '=', 0)),
    start: compileStatement(
      update
        .set({ state: sql.lit('running'), lease_until: 0 })
        .where('id', '=', 0)
        .where('state', '=', sql.lit('queued'))
        .where('fence', '=', 0),
      1,
    ),
    startAnswer: compileStatement(
      queries
        .updateTable('messages')
        .set({ state: sql.lit('running') })
        .where('id', '=', 0),
    ),
    renew: compileStatement(update.set({ lease_until: 0 }).where('node', '=', '')),
    takeOver: compileStatement(takeOver),
    takeOverLapsed: compileStatement(takeOver.where('lease_until', '<', 0)),
  };
}

function presentTurn(row: SqlRow): ActiveTurn {
  return { ...row, origin: JSON.parse(row['origin'] as string) as unknown } as ActiveTurn;
}
