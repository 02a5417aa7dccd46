import type { Database, SqlValue, Statement } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { OwnerUsageTable, UsageDailyTable } from './schema.ts';

/** One day or month of somebody's calls, in one currency. */
export interface UsagePeriod {
  span: 'day' | 'month';
  /** `YYYY-MM-DD` or `YYYY-MM`. */
  begins: string;
  currency: string;
  calls: number;
  promptTokens: number;
  completionTokens: number;
  costNano: number;
}

/** Whose calls; every other field narrows. */
export interface OwnerUsageFilter {
  /** A user's is `user:` and the id, a key's `key:` and the id. */
  owner: string;
  model?: string | undefined;
  /** First and last day, `YYYY-MM-DD`, both included. */
  fromDay?: string | undefined;
  toDay?: string | undefined;
}

/** A run of days or months, both ends included. */
export interface UsageRange {
  span: 'day' | 'month';
  from: string;
  to: string;
}

/** Under this model, `owner_usage` keeps the sums of all models. */
const allModels = '';

/** Reads the periods of a range, newest first. */
export function compileOwnerUsage(
  database: Database,
  queries: Queries,
): (filter: Pick<OwnerUsageFilter, 'owner' | 'model'>, range: UsageRange) => Promise<UsagePeriod[]> {
  const select = compileQuery(
    queries
      .selectFrom('owner_usage')
      .select(['begins', 'currency', 'calls', 'prompt_tokens as promptTokens'])
      .select(['completion_tokens as completionTokens', 'cost_nano as costNano'])
      .where('owner', '=', '')
      .where('span', '=', '')
      .where('model', '=', '')
      .where('begins', '>=', '')
      .where('begins', '<=', '')
      .orderBy('begins', 'desc')
      .orderBy('currency', 'desc'),
  );
  return async ({ owner, model = allModels }, { span, from, to }) => {
    const rows = await database.read(withValues(select, [owner, span, model, from, to]));
    return rows.map((row) => ({ ...row, span }));
  };
}

/** The statement with which a unit adds its share to the owner's day and month, of the model and of all models. */
export function compileOwnerShare(queries: Queries): (share: UsageDailyTable) => Statement {
  const row: OwnerUsageTable = {
    owner: '',
    span: '',
    model: '',
    begins: '',
    currency: '',
    calls: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    cost_nano: 0,
    cache_hit_tokens: 0,
  };
  const addUp = compileStatement(
    queries
      .insertInto('owner_usage')
      .values([row, row, row, row])
      .onConflict((conflict) =>
        conflict.columns(['owner', 'span', 'model', 'begins', 'currency']).doUpdateSet((eb) => ({
          calls: eb('owner_usage.calls', '+', eb.ref('excluded.calls')),
          prompt_tokens: eb('owner_usage.prompt_tokens', '+', eb.ref('excluded.prompt_tokens')),
          completion_tokens: eb('owner_usage.completion_tokens', '+', eb.ref('excluded.completion_tokens')),
          cost_nano: eb('owner_usage.cost_nano', '+', eb.ref('excluded.cost_nano')),
          cache_hit_tokens: eb('owner_usage.cache_hit_tokens', '+', eb.ref('excluded.cache_hit_tokens')),
        })),
      ),
  );
  return ({ owner, day, model, outcome, currency, ...share }) => {
    const { calls, prompt_tokens: prompt, completion_tokens: completion, cost_nano: cost } = share;
    const fromCache = outcome === 'cache_hit' ? prompt + completion : 0;
    const sums = [currency, calls, prompt, completion, cost, fromCache];
    const rowsOf = (span: string, begins: string): SqlValue[] =>
      [model, allModels].flatMap((name) => [owner, span, name, begins, ...sums]);
    return withValues(addUp, [...rowsOf('day', day), ...rowsOf('month', monthOf(day))]);
  };
}

/** Ranges that cover the days from first to last, newest first: whole months, and what is left of those at the ends. */
export function usageRanges(fromDay = '0000-01-01', toDay = '9999-12-31'): UsageRange[] {
  if (fromDay > toDay) return [];
  const [first, last] = [monthOf(fromDay), monthOf(toDay)];
  const beginsWhole = fromDay === `${first}-01`;
  const endsWhole = toDay === lastDayOf(last);
  if (first === last && !(beginsWhole && endsWhole)) return [{ span: 'day', from: fromDay, to: toDay }];
  const months = {
    span: 'month',
    from: beginsWhole ? first : monthBeside(first, 1),
    to: endsWhole ? last : monthBeside(last, -1),
  } as const;
  return [
    ...(endsWhole ? [] : [{ span: 'day', from: `${last}-01`, to: toDay } as const]),
    ...(months.from <= months.to ? [months] : []),
    ...(beginsWhole ? [] : [{ span: 'day', from: fromDay, to: lastDayOf(first) } as const]),
  ];
}

/** The days of a month. */
export function daysOfMonth(month: string): UsageRange {
  return { span: 'day', from: `${month}-01`, to: lastDayOf(month) };
}

function monthOf(day: string): string {
  return day.slice(0, 7);
}

function lastDayOf(month: string): string {
  const date = new Date(`${month}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + 1, 0);
  return date.toISOString().slice(0, 10);
}

function monthBeside(month: string, step: 1 | -1): string {
  const date = new Date(`${month}-01T00:00:00Z`);
  date.setUTCMonth(date.getUTCMonth() + step);
  return date.toISOString().slice(0, 7);
}
