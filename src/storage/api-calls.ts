import { apiCallColumns, apiCallOf } from './api-call.ts';
import { createCallPages } from './call-pages.ts';
import type { CallPage } from './call-pages.ts';
import { createCallRemoval } from './call-removal.ts';
import { createCallRecorder } from './call-recorder.ts';
import type { ApiCall, NewApiCall } from './api-call.ts';
import type { Page } from './conversations.ts';
import type { Database, WriteOptions } from './database.ts';
import { compileQuery } from './dialect.ts';
import type { Queries } from './dialect.ts';
import type { OwnerUsageFilter } from './owner-usage.ts';
import { readTotals } from './usage-totals.ts';
import type { UsageDimension, UsageFilter, UsageTotal } from './usage-totals.ts';

export type { ApiCall, NewApiCall } from './api-call.ts';
export type { CallPage } from './call-pages.ts';
export type { OwnerUsageFilter } from './owner-usage.ts';
export type { UsageDimension, UsageFilter, UsageTotal } from './usage-totals.ts';

/** Which calls to list; every field narrows. */
export interface ApiCallFilter {
  /** A user's is `user:` and the id. */
  owner?: string;
  model?: string;
  /** First and last day, `YYYY-MM-DD`, both included. */
  fromDay?: string;
  toDay?: string;
  /** 1 and up. */
  limit: number;
}

/** The record of every model call, and the daily sums that statistics read. */
export interface ApiCalls {
  /** Stores the call and adds it to its day's sums in one unit. */
  record(call: NewApiCall, options?: WriteOptions): Promise<void>;
  /** Newest day first, within a day the last recorded first. */
  list(filter: ApiCallFilter): Promise<ApiCall[]>;
  /** The same of one owner, page by page: past the end, there are no calls. */
  page(filter: OwnerUsageFilter, page: Page): Promise<CallPage>;
  /**
   * Sums over the calls that match, one row per distinct combination of `by` and currency (money of two
   * currencies is never added), ordered by them. Reads daily sums, never single calls.
   */
  totals<Dimension extends UsageDimension = never>(
    filter: UsageFilter,
    by?: readonly Dimension[],
  ): Promise<UsageTotal<Dimension>[]>;
  /**
   * Removes single calls of days before `day`, the oldest first, `limit` at most; resolves to how many. All sums stay. From then on
   * pages begin with `day`, whether or not everything before it is removed yet.
   */
  removeBefore(day: string, limit: number, at: number): Promise<number>;
}

/** Calls kept in `database`. */
export function createApiCalls(database: Database, queries: Queries): ApiCalls {
  return {
    record: createCallRecorder(database, queries),
    list: async (filter) => (await database.read(compileQuery(selectCalls(queries, filter)))).map(apiCallOf),
    page: createCallPages(database, queries),
    totals: (filter, by = []) => readTotals(database, queries, filter, by),
    removeBefore: createCallRemoval(database, queries),
  };
}

function selectCalls(queries: Queries, filter: ApiCallFilter) {
  const { owner, model, fromDay, toDay, limit } = filter;
  return queries
    .selectFrom('api_calls')
    .select(apiCallColumns)
    .$if(owner !== undefined, (query) => query.where('owner', '=', owner as string))
    .$if(model !== undefined, (query) => query.where('model', '=', model as string))
    .$if(fromDay !== undefined, (query) => query.where('day', '>=', fromDay as string))
    .$if(toDay !== undefined, (query) => query.where('day', '<=', toDay as string))
    .orderBy('day', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
}
