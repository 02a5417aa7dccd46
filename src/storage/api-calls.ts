import { apiCallColumns } from './api-call.ts';
import { createCallRecorder } from './call-recorder.ts';
import type { ApiCall, ApiCallRow, NewApiCall } from './api-call.ts';
import type { Database, WriteOptions } from './database.ts';
import { compileQuery } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { readTotals } from './usage-totals.ts';
import type { UsageDimension, UsageFilter, UsageTotal } from './usage-totals.ts';

export type { ApiCall, NewApiCall } from './api-call.ts';
export type { UsageDimension, UsageFilter, UsageTotal } from './usage-totals.ts';

/** Which calls to list; every field narrows. */
export interface ApiCallFilter {
  /** A user's is `user:` and the id. */
  owner?: string;
  apiKeyId?: number;
  model?: string;
  /** First and last day, `YYYY-MM-DD`, both included. */
  fromDay?: string;
  toDay?: string;
  /** Only what comes after this call in the list: the id of the last one seen. Nothing comes after an unknown id. */
  beforeId?: number;
  /** 1 and up. */
  limit: number;
}

/** The record of every model call, and the daily sums that statistics read. */
export interface ApiCalls {
  /** Stores the call and adds it to its day's sums in one unit. */
  record(call: NewApiCall, options?: WriteOptions): Promise<void>;
  /** Newest day first, within a day the last recorded first. */
  list(filter: ApiCallFilter): Promise<ApiCall[]>;
  /**
   * Sums over the calls that match, one row per distinct combination of `by` and currency (money of two
   * currencies is never added), ordered by them. Reads daily sums, never single calls.
   */
  totals<Dimension extends UsageDimension = never>(
    filter: UsageFilter,
    by?: readonly Dimension[],
  ): Promise<UsageTotal<Dimension>[]>;
}

/** Calls kept in `database`. */
export function createApiCalls(database: Database, queries: Queries): ApiCalls {
  return {
    record: createCallRecorder(database, queries),
    async list(filter) {
      const rows = await readPage(database, queries, filter);
      return rows.map((row) => ({ ...row, estimated: row.estimated === 1, streamed: row.streamed === 1 }));
    },
    totals: (filter, by = []) => readTotals(database, queries, filter, by),
  };
}

/**
 * What follows the call `beforeId`: the rest of its day, then the days before. Asked as two ranges, each is a straight walk
 * along an index; SQLite compares rows, `(day, id) < (?, ?)`, by the day alone and would pass over the day's newer calls.
 */
async function readPage(database: Database, queries: Queries, filter: ApiCallFilter): Promise<ApiCallRow[]> {
  const { beforeId, limit } = filter;
  if (beforeId === undefined) return database.read(compileQuery(selectCalls(queries, filter)));
  const [seen] = await database.read(
    compileQuery(queries.selectFrom('api_calls').select('day').where('id', '=', beforeId)),
  );
  if (!seen) return [];
  const restOfDay = selectCalls(queries, filter).where('day', '=', seen.day).where('id', '<', beforeId);
  const sameDay = await database.read(compileQuery(restOfDay));
  if (sameDay.length >= limit) return sameDay;
  const missing = { ...filter, limit: limit - sameDay.length };
  const earlier = selectCalls(queries, missing).where('day', '<', seen.day);
  return [...sameDay, ...(await database.read(compileQuery(earlier)))];
}

function selectCalls(queries: Queries, filter: ApiCallFilter) {
  const { owner, apiKeyId, model, fromDay, toDay, limit } = filter;
  return queries
    .selectFrom('api_calls')
    .select(apiCallColumns)
    .$if(owner !== undefined, (query) => query.where('owner', '=', owner as string))
    .$if(apiKeyId !== undefined, (query) => query.where('api_key_id', '=', apiKeyId as number))
    .$if(model !== undefined, (query) => query.where('model', '=', model as string))
    .$if(fromDay !== undefined, (query) => query.where('day', '>=', fromDay as string))
    .$if(toDay !== undefined, (query) => query.where('day', '<=', toDay as string))
    .orderBy('day', 'desc')
    .orderBy('id', 'desc')
    .limit(limit);
}
