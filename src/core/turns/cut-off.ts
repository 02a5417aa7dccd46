import type { ActiveTurn as StoredTurn, TurnEnd } from '../../storage/turns.ts';
import { discoveredModel } from '../completions/catalogue.ts';
import { estimateTokens } from '../completions/estimate.ts';
import type { ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import { contextOf } from './make-answer.ts';
import type { KeptQuestion, TurnsParts } from './state.ts';

/** What a turn's row says for whoever must close it, or make its answer. */
export interface TurnOrigin {
  caller: Participant;
  question: KeptQuestion & { model: string };
  /** Of the model; empty where nobody knows it. */
  provider: string;
}

/** How a turn ends that was cut off for this reason, seen by somebody who did not make it: with the text that was logged and, for its call, an estimate. */
export async function cutOffEnd(
  parts: TurnsParts,
  turn: StoredTurn,
  { code, message }: ParleyError,
): Promise<TurnEnd> {
  const at = parts.runtime.now();
  const content = await parts.rows.textOf(turn.id);
  const called = turn.state === 'running' ? await lostCall(parts, turn, content, code) : null;
  const usage = called?.usage;
  return {
    id: turn.id,
    conversationId: turn.conversationId,
    questionId: turn.questionId,
    userId: turn.userId,
    channel: turn.channel,
    fence: turn.fence,
    state: code === 'cancelled' ? 'cancelled' : 'interrupted',
    content,
    tokens: estimateTokens(content),
    exchangeTokens: (usage?.promptTokens ?? 0) + (usage?.completionTokens ?? 0),
    estimated: true,
    model: called?.row.model ?? null,
    finishReason: null,
    errorCode: code,
    errorText: message,
    citations: null,
    at,
    day: parts.dayOf(at),
    countedModel: called?.row.model ?? (turn.origin as TurnOrigin).question.model,
    responseMs: Math.max(0, at - turn.beganAt),
    call: called && { ...called.row, conversationId: turn.conversationId, messageId: turn.id },
  };
}

/** The call to a model that was running, or was about to: its vendor will bill what it had said. */
async function lostCall(parts: TurnsParts, turn: StoredTurn, text: string, errorCode: ParleyError['code']) {
  const { caller, question, provider } = turn.origin as TurnOrigin;
  // Nobody has been asked yet which models there are besides the listed ones.
  const model = parts.catalogue.get(question.model) ?? discoveredModel(provider, question.model);
  const usage = {
    promptTokens: await promptTokensOf(parts, turn, question),
    completionTokens: estimateTokens(text),
    estimated: true,
  };
  const origin = { ...question, caller, requestedModel: question.model, streamed: true };
  const row = parts.completions.meter.row(origin, {
    model,
    outcome: errorCode === 'cancelled' ? 'cancelled' : 'failure',
    errorCode,
    usage,
    // Nobody knows when it was cut off.
    durationMs: 0,
    firstTokenMs: null,
    attempts: 1,
  });
  return { row, usage };
}

async function promptTokensOf(parts: TurnsParts, turn: StoredTurn, question: KeptQuestion): Promise<number> {
  const { conversationId, questionId } = turn;
  try {
    const { systemPrompt = null } = (await parts.conversations.find(conversationId)) ?? {};
    const work = { question, questionId, conversationId, systemPrompt, channel: turn.channel };
    const context = await contextOf(parts, work);
    return context.promptTokens;
  } catch {
    // The configuration has changed since: the question is what is known for certain.
    return (await parts.messages.find(questionId))?.tokens ?? 0;
  }
}
