import { sql } from 'kysely';
import type { Database } from './database.ts';
import { compileQuery, isPostgres } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** The database's clock, milliseconds since the epoch. */
export function createClock(database: Database, queries: Queries): () => Promise<number> {
  const now = isPostgres(queries)
    ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`cast(unixepoch('subsec') * 1000 as integer)`;
  const query = compileQuery(queries.selectNoFrom(now.as('now')));
  return async () => (await database.read(query))[0]?.now ?? Number.NaN;
}
