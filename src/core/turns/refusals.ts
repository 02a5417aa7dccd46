import { estimateTokens } from '../completions/estimate.ts';
import { assembleContext } from '../conversations/context.ts';
import { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { estimateRequest } from '../money/call-estimate.ts';
import { roomFor } from './make-answer.ts';
import type { TurnsParts, TurnsState } from './state.ts';
import type { Question } from './turn.ts';

/** Questions of one conversation that may wait for the answers before them. */
export const waitingInConversation = 20;

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

/** Throws `budget_exceeded` where the question alone would go beyond what the caller may spend; null where nothing limits the caller. */
export function refuseOverBudget(
  { completions }: Pick<TurnsParts, 'completions'>,
  caller: Participant,
  question: Question,
  systemPrompt: string | null,
): Promise<void> | null {
  const { budgets, runtime } = completions;
  return budgets.check(caller, () => {
    const { model } = roomFor(completions, question);
    if (model === undefined) throw new TypeError('a plan names a model');
    const { text, parts: content = text, maxTokens } = question;
    const messages = [
      { role: 'system' as const, content: systemPrompt },
      { role: 'user' as const, content },
    ];
    const request = { model: model.id, messages, ...(maxTokens !== undefined && { maxTokens }) };
    return estimateRequest(model, request, runtime.now());
  });
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
  if (line.in(conversationId).length > waitingInConversation) throw manyWait();
}

/** The same over all nodes. */
export async function refuseWhereManyWait({ parts }: TurnsState, conversationId: number): Promise<void> {
  if (!parts.shared) return;
  if ((await parts.rows.activeIn(conversationId)).length > waitingInConversation) throw manyWait();
}

function manyWait(): ParleyError {
  return overloaded('Too many questions wait in this conversation. Wait for their answers.', 1_000);
}

/** For who has found another in charge at every attempt. */
export function changesTooQuickly(): ParleyError {
  return overloaded('Who is in charge of the conversation changes too quickly. Try again.', 1_000);
}

function overloaded(text: string, retryAfterMs: number): ParleyError {
  return new ParleyError('overloaded', text, { retryable: true, retryAfterMs });
}
