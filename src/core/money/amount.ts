import type { Cost } from '../completions/prices.ts';
import type { Budget } from './budget.ts';

/** What calls take: tokens, and money by currency in billionths. Whole numbers, 0 and up. */
export interface Amount {
  tokens: number;
  USD: number;
  CNY: number;
}

/** A budget, and what a dollar is worth where a call is paid in the other currency. */
export interface Limit {
  budget: Budget;
  cnyPerUsd: number;
}

export const nothing: Readonly<Amount> = Object.freeze({ tokens: 0, USD: 0, CNY: 0 });

export function amountOf(tokens: number, cost: Cost | null): Amount {
  const amount = { ...nothing, tokens };
  if (cost !== null) amount[cost.currency] = cost.nano;
  return amount;
}

export function plus(one: Amount, other: Amount): Amount {
  return { tokens: one.tokens + other.tokens, USD: one.USD + other.USD, CNY: one.CNY + other.CNY };
}

/** The same as far as the store can keep it: more than any budget at any rate. */
export function capped({ tokens, USD, CNY }: Amount): Amount {
  return { tokens: Math.min(tokens, most), USD: Math.min(USD, most), CNY: Math.min(CNY, most) };
}

const most = 2e18;

/** What `amount` takes of the limit's budget, in that budget's unit; foreign money is rounded up. */
export function shareOf({ tokens, USD, CNY }: Amount, { budget, cnyPerUsd }: Limit): number {
  if ('tokens' in budget) return tokens;
  return budget.currency === 'USD' ? USD + Math.ceil(CNY / cnyPerUsd) : CNY + Math.ceil(USD * cnyPerUsd);
}
