import type { Message } from '../../storage/messages.ts';
import type { ContentPart } from '../completions/messages.ts';
import { ParleyError, type ErrorCode } from '../errors.ts';
import { inEnglish, type Issue } from '../issue.ts';
import type { Participant, StaffCaller } from '../identity/caller.ts';
import type { Idempotency } from '../idempotency.ts';

/** Which conversation a question belongs to. */
export type Place =
  | { kind: 'new' }
  | { kind: 'existing'; id: number }
  /** The one that the contract calls current, or a new one where none is. */
  | { kind: 'current' };

/** A question that wants an answer. */
export interface Question {
  contract: string;
  /** The route's template, such as `/api/v1/chat`. */
  endpoint: string;
  requestId: string;
  place: Place;
  /** In plain text: see `plainText`. */
  text: string;
  /** What it consists of, where that is more than one text; checked by `checkContent`. */
  parts?: ContentPart[] | undefined;
  /** Kept with the conversation from now on. */
  systemPrompt?: string | undefined;
  /** A model id or alias; the configured default where it is left out. */
  model?: string | undefined;
  temperature?: number | undefined;
  maxTokens?: number | undefined;
  idempotency?: Idempotency | undefined;
  /**
   * Whether questions that come in a burst get one answer together: it begins when none has come for `burstMs`, and those that come
   * while it has not said anything join it.
   */
  gathers?: boolean | undefined;
  /** Nobody waits for the answer: where the process ends before it has said a word, the next one makes it again. */
  background?: boolean | undefined;
}

/** A question that is stored, with the turn that answers it. */
export interface Asked {
  conversationId: number;
  questionId: number;
  /** The turn's id, and its answer's; null where a person is in charge, or is waited for. */
  turnId: number | null;
  /** Whether this question had been asked before, under the same idempotency key. */
  repeated: boolean;
}

/** What a turn says to those who follow it: text, by its place in the answer (UTF-16 code units), and the end. */
export type TurnEvent = { type: 'delta'; start: number; text: string } | { type: 'end'; answer: Message };

/** Answers to questions in conversations. They are made whether or not anybody waits. */
export interface Turns {
  /**
   * Stores the question and, where the AI is in charge, begins its answer. A conversation that is over is opened again. Throws `not_found` for a conversation that is not the caller's,
   * `quota_exceeded`, `overloaded`, `model_not_found`, `invalid_request` for a question that no model could read.
   */
  ask(caller: Participant, question: Question): Promise<Asked>;
  /** The answer once it has ended, however it did: see `failureOf`. An abort of `signal` ends the waiting, not the turn. */
  result(caller: Participant, turnId: number, signal: AbortSignal): Promise<Message>;
  /**
   * Everything that the turn says from `start` on, said already or yet to come, in groups as it becomes known; the last event is
   * `end`. Text is stored before it is told. Throws `not_found`, and `invalid_request` for a start that lies beyond what was said.
   */
  follow(
    caller: Participant,
    turnId: number,
    start: number,
    signal: AbortSignal,
  ): AsyncGenerator<TurnEvent[]>;
  /** The same for staff, of an answer that is being made; they need not be in the conversation. Throws `not_found` for any other. */
  followAsStaff(
    caller: StaffCaller,
    turnId: number,
    start: number,
    signal: AbortSignal,
  ): AsyncGenerator<TurnEvent[]>;
  /** The turns of a conversation that have not ended, in their order. */
  activeIn(conversationId: number): Promise<number[]>;
  /** Those of them that may go on: not those whose end, or whose taking over, is on its way into the store or was just told. */
  goingOnIn(conversationId: number): Promise<number[]>;
  /** The conversation in which the caller asked last, of those where an answer is on its way. */
  lastActiveOf(caller: Participant): Promise<number | undefined>;
  /** The customer is typing: questions are gathered for up to 3 s more before they are answered. */
  hold(conversationId: number): void;
  /**
   * Ends all turns of the caller's conversation, keeps what they said, and resolves to their answers. A repeat under the same key ends
   * none that were begun since. Throws `not_found`.
   */
  stop(caller: Participant, conversationId: number, idempotency?: Idempotency): Promise<Message[]>;
}

/** Why an answer is none, for those who asked for it; undefined where it is one, even if cut short. */
export function failureOf(answer: Message): ParleyError | undefined {
  switch (answer.state) {
    case 'failed':
      return new ParleyError(codeOf(answer), answer.errorText ?? 'The answer failed.');
    case 'cancelled':
      return answer.content === ''
        ? new ParleyError('cancelled', 'The answer was stopped before it began.')
        : undefined;
    case 'interrupted':
      return answer.content === '' ? new ParleyError('interrupted', interruptedText) : undefined;
    default:
      return undefined;
  }
}

/** The `errorCode` of an answer that was cut off because somebody else was put in charge. */
export const givenUpCode = 'given_up';

/** Whether the answer was cut off because somebody else was put in charge; of its text, what was shown by then is kept. */
export function isGivenUp({ state, errorCode }: Message): boolean {
  return state === 'cancelled' && errorCode === givenUpCode;
}

/** Whether the answer never said a word, because somebody else was put in charge: it is nothing to show, and its question is not failed. */
export function isLeftToOthers(answer: Message): boolean {
  return answer.content === '' && isGivenUp(answer);
}

/** Why nobody hears any more of an answer that was cut off before it began: it is made again, under its id, and is to be asked for once more. */
export function isMadeAgain(thrown: unknown): boolean {
  return thrown instanceof ParleyError && thrown.code === 'interrupted' && thrown.retryable;
}

/** See `isMadeAgain`. */
export function madeAgain(): ParleyError {
  const issue: Issue = { kind: 'made_again' };
  return new ParleyError('interrupted', inEnglish(issue), { issue, retryable: true, retryAfterMs: 2_000 });
}

export const interruptedText =
  'The server was stopped before it could answer. Ask again; under an Idempotency-Key, with a new one.';

function codeOf({ errorCode }: Message): ErrorCode {
  return (errorCode ?? 'internal') as ErrorCode;
}
