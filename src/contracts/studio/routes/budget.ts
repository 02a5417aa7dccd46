import type { FastifyInstance } from 'fastify';
import { sizeOf, unitsOf } from '../../../core/money/budget.ts';
import type { BudgetView } from '../../../core/money/budgets.ts';
import { answerWith } from '../envelope.ts';
import type { StudioOptions } from '../options.ts';
import { budgetSchema } from '../schemas/budget.ts';
import { forKeys, refusals } from '../schemas/envelope.ts';

/** What the caller may spend this month. Not in studio.md. */
export function registerBudget(app: FastifyInstance, { core }: Pick<StudioOptions, 'core'>): void {
  app.get(
    '/api/history/budget',
    {
      schema: {
        ...forKeys,
        summary: 'What may be spent this month, and what of it is',
        response: { 200: budgetSchema, ...refusals },
      },
    },
    async (request) => answerWith(request, 'found', presentBudget(await core.budgets.view(request.caller))),
  );
}

/** Money in units of its currency. */
export function presentBudget({ month, budget, spent, reserved, remaining, resetsAt }: BudgetView) {
  const isMoney = budget !== null && 'currency' in budget;
  const shown = (figure: number) => (isMoney ? unitsOf(figure) : figure);
  return {
    month,
    unit: isMoney ? budget.currency : ('tokens' as const),
    limit: budget && shown(sizeOf(budget)),
    spent: shown(spent),
    reserved: shown(reserved),
    remaining: remaining === null ? null : shown(remaining),
    resets_at: new Date(resetsAt).toISOString(),
  };
}
