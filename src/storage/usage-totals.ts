import type { Database } from './database.ts';
import { compileQuery } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { CallOutcome } from './schema.ts';

/** Which calls to add up; every field narrows. */
export interface UsageFilter {
  contract?: string;
  owner?: string;
  userId?: number;
  apiKeyId?: number;
  model?: string;
  /** First and last day, `YYYY-MM-DD`, both included. */
  fromDay?: string;
  toDay?: string;
}

interface UsageDimensions {
  day: string;
  contract: string;
  owner: string;
  model: string;
  outcome: CallOutcome;
}

/** What sums can be broken down by. */
export type UsageDimension = keyof UsageDimensions;

/** One line of sums. */
export type UsageTotal<Dimension extends UsageDimension = never> = Pick<UsageDimensions, Dimension> & {
  currency: string;
  calls: number;
  promptTokens: number;
  completionTokens: number;
  /** 10⁻⁹ of the currency's unit. */
  costNano: number;
  durationMs: number;
};

/** Adds up `usage_daily`; see `ApiCalls.totals`. */
export async function readTotals<Dimension extends UsageDimension>(
  database: Database,
  queries: Queries,
  filter: UsageFilter,
  by: readonly Dimension[],
): Promise<UsageTotal<Dimension>[]> {
  const rows = await database.read(compileQuery(selectTotals(queries, filter, by)));
  return rows.map((row) => ({ ...row })) as UsageTotal<Dimension>[];
}

function selectTotals(queries: Queries, filter: UsageFilter, by: readonly UsageDimension[]) {
  const { contract, owner, userId, apiKeyId, model, fromDay, toDay } = filter;
  const dimensions = [...by, 'currency' as const];
  const totals = queries
    .selectFrom('usage_daily')
    .select(dimensions)
    .select(({ fn }) => [
      fn.sum<number>('calls').as('calls'),
      fn.sum<number>('prompt_tokens').as('promptTokens'),
      fn.sum<number>('completion_tokens').as('completionTokens'),
      fn.sum<number>('cost_nano').as('costNano'),
      fn.sum<number>('duration_ms').as('durationMs'),
    ])
    .$if(contract !== undefined, (query) => query.where('contract', '=', contract as string))
    .$if(owner !== undefined, (query) => query.where('owner', '=', owner as string))
    .$if(userId !== undefined, (query) => query.where('user_id', '=', userId as number))
    .$if(apiKeyId !== undefined, (query) => query.where('api_key_id', '=', apiKeyId as number))
    .$if(model !== undefined, (query) => query.where('model', '=', model as string))
    .$if(fromDay !== undefined, (query) => query.where('day', '>=', fromDay as string))
    .$if(toDay !== undefined, (query) => query.where('day', '<=', toDay as string))
    .groupBy(dimensions);
  return dimensions.reduce((query, dimension) => query.orderBy(dimension), totals);
}
