import { budgetAllowed, budgetText, parseBudget, type Budget } from '../core/money/budget.ts';
import type { Kind } from './kinds.ts';

/** What may be spent in a month. */
export const budget: Kind<Budget> = {
  type: 'budget',
  allowed: budgetAllowed,
  masking: 'none',
  parse: (value) => (typeof value === 'string' ? parseBudget(value) : undefined),
  write: budgetText,
};
