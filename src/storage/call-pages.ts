import { apiCallColumns, apiCallOf } from './api-call.ts';
import type { ApiCall } from './api-call.ts';
import { compileListedFrom } from './call-removal.ts';
import type { Page } from './conversations.ts';
import type { Database, SqlValue } from './database.ts';
import { compileQuery, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileOwnerUsage, daysOfMonth, usageRanges } from './owner-usage.ts';
import type { OwnerUsageFilter, UsagePeriod } from './owner-usage.ts';

/** A page of somebody's calls, and sums of all that match, also of those that were removed: see `ApiCalls.removeBefore`. */
export interface CallPage {
  calls: ApiCall[];
  /** How many match and are listed. */
  total: number;
  promptTokens: number;
  completionTokens: number;
  /** One entry for each currency that something was paid in. */
  costs: { currency: string; nano: number }[];
}

/** Where a page begins: so many calls after the newest of a day. */
interface Place {
  day: string;
  offset: number;
}

/**
 * Reads pages of somebody's calls. However many there are, the sums are read of months and of the days of two at most, and they tell the
 * day on which a page begins: only calls of that one day are passed over.
 */
export function createCallPages(
  database: Database,
  queries: Queries,
): (filter: OwnerUsageFilter, page: Page) => Promise<CallPage> {
  const periodsIn = compileOwnerUsage(database, queries);
  const listedFrom = compileListedFrom(database, queries);
  const callsFrom = compileCallsFrom(database, queries);

  const placeOf = async (
    filter: OwnerUsageFilter,
    periods: readonly UsagePeriod[],
    skip: number,
  ): Promise<Place | undefined> => {
    let offset = skip;
    for (const [begins, sums] of Map.groupBy(periods, (period) => period.begins)) {
      const calls = sums.reduce((sum, period) => sum + period.calls, 0);
      if (offset >= calls) offset -= calls;
      else if (sums[0]?.span === 'day') return { day: begins, offset };
      else return placeOf(filter, await periodsIn(filter, daysOfMonth(begins)), offset);
    }
    return undefined;
  };

  const periodsOf = async (filter: OwnerUsageFilter) => {
    const ranges = usageRanges(filter.fromDay, filter.toDay);
    return (await Promise.all(ranges.map((range) => periodsIn(filter, range)))).flat();
  };

  return async (filter, { skip, limit }) => {
    const [periods, fromDay = ''] = await Promise.all([periodsOf(filter), listedFrom()]);
    const listed = fromDay <= (filter.fromDay ?? '') ? periods : await periodsOf({ ...filter, fromDay });
    const total = listed.reduce((sum, period) => sum + period.calls, 0);
    const place = await placeOf(filter, listed, skip);
    const calls = place === undefined ? [] : await callsFrom(filter, place, Math.min(limit, total - skip));
    return { calls, total, ...sumsOf(periods) };
  };
}

/** Reads so many calls from a place on, of which there are so many: of its day, then of the days before. */
function compileCallsFrom(database: Database, queries: Queries) {
  const select = queries.selectFrom('api_calls').select(apiCallColumns).where('owner', '=', '');
  const ofDay = select.where('day', '=', '').orderBy('id', 'desc').limit(0).offset(0);
  const before = select.where('day', '<', '').orderBy('day', 'desc').orderBy('id', 'desc').limit(0);
  const compiled = { ofDay: compileQuery(ofDay), before: compileQuery(before) };
  const ofModel = {
    ofDay: compileQuery(ofDay.where('model', '=', '')),
    before: compileQuery(before.where('model', '=', '')),
  };

  return async (
    { owner, model }: OwnerUsageFilter,
    { day, offset }: Place,
    limit: number,
  ): Promise<ApiCall[]> => {
    const read = async (name: keyof typeof compiled, ...bounds: SqlValue[]) => {
      const [query, wanted] = model === undefined ? [compiled[name], []] : [ofModel[name], [model]];
      const rows = await database.read(withValues(query, [owner, day, ...wanted, ...bounds]));
      return rows.map(apiCallOf);
    };
    const calls = await read('ofDay', limit, offset);
    if (calls.length === limit) return calls;
    return [...calls, ...(await read('before', limit - calls.length))];
  };
}

function sumsOf(periods: readonly UsagePeriod[]): Omit<CallPage, 'calls' | 'total'> {
  const sums = { promptTokens: 0, completionTokens: 0 };
  const paid = new Map<string, number>();
  for (const { promptTokens, completionTokens, costNano, currency } of periods) {
    sums.promptTokens += promptTokens;
    sums.completionTokens += completionTokens;
    if (costNano > 0) paid.set(currency, (paid.get(currency) ?? 0) + costNano);
  }
  const costs = [...paid].map(([currency, nano]) => ({ currency, nano }));
  return { ...sums, costs: costs.toSorted((a, b) => (a.currency < b.currency ? -1 : 1)) };
}
