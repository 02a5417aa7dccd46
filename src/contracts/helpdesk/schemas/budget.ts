import Type, { type Static } from 'typebox';
import { mostMoney, mostTokens } from '../../../core/money/budget.ts';

/** What may be spent in a month: tokens, or an amount of a currency. */
export const budgetSchema = Type.Object(
  {
    tokens: Type.Optional(Type.Integer({ minimum: 0, maximum: mostTokens })),
    amount: Type.Optional(Type.Number({ minimum: 0, maximum: mostMoney })),
    currency: Type.Optional(Type.Enum(['USD', 'CNY'])),
  },
  {
    description:
      'What may be spent in a calendar month on calls to models: `tokens`, or `amount` with `currency`. Null: what the configuration says.',
    examples: [{ amount: 10, currency: 'USD' }, { tokens: 100_000 }],
  },
);
export type BudgetBody = Static<typeof budgetSchema>;
