import type { Usage } from './provider.ts';

export const currencies = ['USD', 'CNY'] as const;
export type Currency = (typeof currencies)[number];

/** What a model costs from a day on, in units of `currency` per million tokens. */
export interface Price {
  /** The first day it holds, `YYYY-MM-DD`, from midnight UTC. */
  from: string;
  currency: Currency;
  input: number;
  output: number;
  /** For the whole answer of a model that thought before it; `output` where absent. */
  thinkingOutput?: number | undefined;
  /** For the part of the prompt that the vendor served from its own cache; `input` where absent. */
  cachedInput?: number | undefined;
  /** Holds for prompts of at most this many tokens. Absent: for every prompt beyond the other tiers. */
  upToPromptTokens?: number | undefined;
}

/** An amount of money. */
export interface Cost {
  /** Billionths of the currency's unit: a whole number, 0 and up. */
  nano: number;
  currency: Currency;
}

/** One token at a price of 1 per million costs this many billionths. */
const nanoPerToken = 1000;

/**
 * What `usage` costs at the time `at` (milliseconds since the epoch); null where no price was in force then. With tiers,
 * the prompt's length chooses the price of the whole call. Impossible counts from vendors are taken as 0. `thinks`: whether
 * the model was asked to think first, which counts where neither the answer nor the vendor's figures tell whether it did.
 */
export function costOf(
  model: { prices: readonly Price[] },
  usage: Usage,
  at: number,
  thinks = false,
): Cost | null {
  const prompt = count(usage.promptTokens);
  const price = priceFor(model.prices, prompt, at);
  if (price === null) return null;
  const { reasoningTokens, thought: isShown = false } = usage;
  const thought = isShown || (reasoningTokens === undefined ? thinks : reasoningTokens > 0);
  const cached = Math.min(prompt, count(usage.cachedPromptTokens));
  const perMillion =
    (prompt - cached) * price.input +
    cached * (price.cachedInput ?? price.input) +
    count(usage.completionTokens) * (thought ? (price.thinkingOutput ?? price.output) : price.output);
  return { nano: Math.round(perMillion * nanoPerToken), currency: price.currency };
}

/** The price for a prompt of `promptTokens` at `at` (milliseconds since the epoch); null where none was in force. */
export function priceFor(prices: readonly Price[], promptTokens: number, at: number): Price | null {
  let best: Price | null = null;
  for (const price of prices) {
    if (Date.parse(price.from) > at) continue;
    if (best === null || price.from > best.from) best = price;
    else if (price.from === best.from && fitsBetter(price, best, promptTokens)) best = price;
  }
  return best;
}

/** Of two tiers: the smallest that holds the prompt, else the largest. */
function fitsBetter(price: Price, best: Price, promptTokens: number): boolean {
  const limit = price.upToPromptTokens ?? Infinity;
  const bestLimit = best.upToPromptTokens ?? Infinity;
  if (limit < promptTokens) return limit > bestLimit;
  return bestLimit < promptTokens || limit < bestLimit;
}

function count(tokens: number | undefined): number {
  return tokens !== undefined && Number.isFinite(tokens) ? Math.max(0, tokens) : 0;
}
