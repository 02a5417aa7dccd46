import type { Database } from './database.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** What may be spent in a month: tokens, or 10⁻⁹ of the currency's unit. */
export type StoredBudget = { tokens: number } | { amountNano: number; currency: string };

/** Whose spending is bounded beside what the configuration says. */
export interface BudgetRows {
  /** Whether anybody has a budget of their own. */
  exist(): Promise<boolean>;
  /** Of `user:` or `key:` and an id; null where there is none. */
  of(owner: string): Promise<StoredBudget | null>;
}

/** Budgets kept in `database` with the users and keys that they are for. */
export function createBudgetRows(database: Database, queries: Queries): BudgetRows {
  const anyOf = (table: 'users' | 'api_keys') =>
    compileQuery(queries.selectFrom(table).select('id').where('budget', 'is not', null).limit(1));
  const ofOne = (table: 'users' | 'api_keys') =>
    compileQuery(queries.selectFrom(table).select('budget').where('id', '=', 0));
  const any = [anyOf('users'), anyOf('api_keys')];
  const byOwner = { user: ofOne('users'), key: ofOne('api_keys') };

  return {
    async exist() {
      for (const query of any) if ((await database.read(query)).length > 0) return true;
      return false;
    },
    async of(owner) {
      const [kind, id] = owner.split(':');
      if (kind !== 'user' && kind !== 'key') return null;
      const [row] = await database.read(withValues(byOwner[kind], [Number(id)]));
      return readBudget(row?.budget ?? null);
    },
  };
}

export function readBudget(stored: string | null): StoredBudget | null {
  return stored === null ? null : (JSON.parse(stored) as StoredBudget);
}

export function writeBudget(budget: StoredBudget | null): string | null {
  return budget === null ? null : JSON.stringify(budget);
}
