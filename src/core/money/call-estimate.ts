import type { Model } from '../completions/catalogue.ts';
import { estimatePromptTokens, estimateTokens } from '../completions/estimate.ts';
import { costOf, type Cost } from '../completions/prices.ts';
import type { ModelRequest } from '../completions/provider.ts';

/** What a call may take, as far as can be told before it is made. */
export interface CallEstimate {
  model: string;
  /** Of prompt and answer together. */
  tokens: number;
  /** Null where the model's price is not known. */
  cost: Cost | null;
}

/** Of an answer whose length the request does not bound. */
const usualAnswer = 1_024;

/** What a prompt of `promptTokens` and so many answers to it may take. */
export function estimateCall(
  model: Pick<Model, 'id' | 'maxOutput' | 'prices'>,
  promptTokens: number,
  maxTokens: number | undefined,
  at: number,
  { answers = 1, thinks = false } = {},
): CallEstimate {
  const most = model.maxOutput ?? Number.POSITIVE_INFINITY;
  const completionTokens = Math.min(maxTokens ?? usualAnswer, most) * answers;
  const usage = { promptTokens, completionTokens, estimated: true };
  return { model: model.id, tokens: promptTokens + completionTokens, cost: costOf(model, usage, at, thinks) };
}

/** What a request may take: its answers are as long as it allows. */
export function estimateRequest(model: Model, request: ModelRequest, at: number): CallEstimate {
  const { messages, maxTokens, extra = {}, wire } = request;
  const besides = Object.keys(extra).length === 0 ? 0 : estimateTokens(JSON.stringify(extra));
  const promptTokens = estimatePromptTokens(messages, model.media) + besides;
  const { n } = wire ?? extra;
  const asked = { answers: typeof n === 'number' ? n : 1, thinks: asksToThink(request) };
  return estimateCall(model, promptTokens, maxTokens, at, asked);
}

/** Whether the model is to think before it answers, as Bailian's clients ask for it; what it does by itself is not known here. */
export function asksToThink({ extra, wire }: Pick<ModelRequest, 'extra' | 'wire'>): boolean {
  return (wire ?? extra)?.enable_thinking === true;
}
