import { estimateTokens } from '../completions/estimate.ts';
import { assembleContext } from '../conversations/context.ts';
import { ParleyError } from '../errors.ts';
import { storageFailureOf } from '../storage-failure.ts';
import { roomFor } from './make-answer.ts';
import type { TurnsParts, TurnsState } from './state.ts';
import type { Question } from './turn.ts';

/** Questions of one conversation that may wait for the answers before them. */
const waitingInConversation = 20;

/** Throws as `Router.plan` and `assembleContext` do, before anything is stored. */
export function refuseWhatDoesNotFit(
  { completions }: Pick<TurnsParts, 'completions'>,
  question: Question,
  systemPrompt: string | null,
): void {
  const tokens = estimateTokens(question.text);
  const room = roomFor(completions, question);
  const { text: content, parts } = question;
  assembleContext({ ...room, systemPrompt, history: [], question: { content, tokens, parts } });
}

export function refuseWhenDraining({ draining }: TurnsState): void {
  if (draining) throw overloaded('The server is shutting down. Try again in a moment.', 2_000);
}

export function refuseUnderLoad(state: TurnsState, conversationId: number): void {
  const { parts, active, line } = state;
  refuseWhenDraining(state);
  if (active.size >= parts.atOnce) {
    throw overloaded(
      `${parts.atOnce} answers are being made, which is all that this server can. Try again soon.`,
      1_000,
    );
  }
  if (line.in(conversationId).length > waitingInConversation) {
    throw overloaded('Too many questions wait in this conversation. Wait for their answers.', 1_000);
  }
}

/** For who has found another in charge at every attempt. */
export function changesTooQuickly(): ParleyError {
  return overloaded('Who is in charge of the conversation changes too quickly. Try again.', 1_000);
}

function overloaded(text: string, retryAfterMs: number): ParleyError {
  return new ParleyError('overloaded', text, { retryable: true, retryAfterMs });
}

/** Whether the store found things other than they were read: nothing was stored, and they are to be read again. */
export function isRefused(thrown: unknown): boolean {
  const failure = storageFailureOf(thrown);
  return failure?.code === 'conflict' && failure.constraint === undefined;
}
