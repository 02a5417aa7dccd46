import { currencies, type Currency } from '../completions/prices.ts';

/** What may be spent in a calendar month. Money is in billionths of its unit, as the books count it. */
export type Budget = { tokens: number } | { amountNano: number; currency: Currency };

/** The same as people and clients write it. */
export type WrittenBudget = { tokens: number } | { amount: number; currency: Currency };

/** Up to these, sums of tokens and of billionths stay whole. */
export const mostTokens = 1_000_000_000_000_000;
export const mostMoney = 1_000_000;

/** What completes "must be …" for `parseBudget`. */
export const budgetAllowed = `tokens or money a month, such as 100000tokens, 10USD or 75.50CNY, at most ${mostTokens}tokens or ${mostMoney} of a currency`;

const nanoPerUnit = 1_000_000_000;

/** A budget from `10USD`, `75.50 CNY` or `100000tokens`; undefined where `text` is none. */
export function parseBudget(text: string): Budget | undefined {
  const [, figure = '', unit = ''] = /^(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]+)$/i.exec(text.trim()) ?? [];
  const amount = Number(figure);
  if (unit.toLowerCase() === 'tokens') {
    return figure !== '' && Number.isInteger(amount) && amount <= mostTokens ? { tokens: amount } : undefined;
  }
  const currency = currencies.find((known) => known === unit.toUpperCase());
  return currency === undefined || amount > mostMoney ? undefined : readBudget({ amount, currency });
}

/** As `parseBudget` reads it. */
export function budgetText(budget: Budget): string {
  const written = writeBudget(budget);
  return 'tokens' in written ? `${written.tokens}tokens` : `${written.amount}${written.currency}`;
}

export function readBudget(written: WrittenBudget): Budget {
  if ('tokens' in written) return { tokens: written.tokens };
  return { amountNano: Math.round(written.amount * nanoPerUnit), currency: written.currency };
}

export function writeBudget(budget: Budget): WrittenBudget {
  if ('tokens' in budget) return { tokens: budget.tokens };
  return { amount: unitsOf(budget.amountNano), currency: budget.currency };
}

/** Billionths as units of their currency. */
export function unitsOf(nano: number): number {
  return nano / nanoPerUnit;
}

/** What `10 USD` or `100,000 tokens` are to people; figures are as the budget counts them. */
export function inWords(budget: Budget, figure: number = sizeOf(budget)): string {
  if ('tokens' in budget) return `${figure.toLocaleString('en-GB')} tokens`;
  return `${unitsOf(figure).toLocaleString('en-GB', { maximumFractionDigits: 6 })} ${budget.currency}`;
}

/** How much it is: tokens, or billionths of its currency. */
export function sizeOf(budget: Budget): number {
  return 'tokens' in budget ? budget.tokens : budget.amountNano;
}
