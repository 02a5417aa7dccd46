import { sql } from 'kysely';
import type { RawBuilder } from 'kysely';
import type { Database, Statement } from './database.ts';
import { compileQuery, compileStatement, isPostgres, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { quoted } from './search-terms.ts';
import { lexeme, plainVector } from './tsvector.ts';

/** What each database has its own words for in the index of customers. */
export interface CustomerSearchSql {
  /** How many customers one unit takes in at most: all others wait for it. */
  atOnce: number;
  /** Customers who have ends of words that begin with each of these, as `matches` takes it. */
  matchOf(beginnings: readonly string[]): string;
  /** A condition on the index; its value is the match. */
  matches: RawBuilder<boolean>;
  /** Those of the beginnings by which customers are found with the least effort: who has them is to be compared with the others. */
  narrowest(beginnings: readonly string[]): Promise<readonly string[]>;
  /** The ends of words, as `put` takes them. */
  indexed(ends: readonly string[]): string;
  /** Takes a customer into the index, where there still is one. Its values: the ends and the customer's id. */
  put: Statement;
}

/** Where one beginning has been counted up to `most`, it matters no more how many customers have it. */
export function createCustomerSearchSql(
  database: Database,
  queries: Queries,
  most: number,
): CustomerSearchSql {
  return isPostgres(queries) ? createPostgresSql(queries) : createSqliteSql(database, queries, most);
}

function createSqliteSql(database: Database, queries: Queries, most: number): CustomerSearchSql {
  const ends = queries
    .selectFrom('customer_search_ends')
    .select('doc')
    .where('term', '>=', '')
    .where('term', '<=', '')
    .limit(0);
  const count = compileQuery(
    queries.selectFrom(ends.as('ends')).select(({ fn }) => fn.sum<number | null>('doc').as('count')),
  );
  return {
    atOnce: 500,
    matchOf: (beginnings) => beginnings.map((beginning) => `${quoted(beginning)}*`).join(' AND '),
    matches: sql<boolean>`customer_search match ${''}`,
    // FTS5 would collect all who have each of them before it compares.
    async narrowest(beginnings) {
      let [narrowest] = beginnings;
      let fewest = Number.POSITIVE_INFINITY;
      for (const beginning of beginnings.length > 1 ? beginnings : []) {
        const [counted] = await database.read(withValues(count, [beginning, `${beginning}\u{10ffff}`, most]));
        const customers = counted?.count ?? 0;
        if (customers < fewest) [narrowest, fewest] = [beginning, customers];
      }
      return [narrowest!];
    },
    indexed: (words) => words.join(' '),
    put: compileStatement(
      queries
        .replaceInto('customer_search')
        .columns(['rowid', 'ends'])
        .expression(
          queries
            .selectFrom('customers')
            .select(({ val }) => ['id', val('').as('ends')])
            .where('id', '=', 0),
        ),
    ),
  };
}

function createPostgresSql(queries: Queries): CustomerSearchSql {
  return {
    atOnce: 100,
    matchOf: (beginnings) => beginnings.map((beginning) => `${lexeme(beginning)}:*`).join(' & '),
    matches: sql<boolean>`ends @@ ${''}::tsquery`,
    // The index knows best how to bring them together.
    narrowest: (beginnings) => Promise.resolve(beginnings),
    indexed: plainVector,
    put: compileStatement(
      queries
        .insertInto('customer_search')
        .columns(['rowid', 'ends'])
        .expression(
          queries
            .selectFrom('customers')
            .select(['id', sql<string>`${''}::tsvector`.as('ends')])
            .where('id', '=', 0),
        )
        .onConflict((conflict) =>
          conflict.column('rowid').doUpdateSet(({ ref }) => ({ ends: ref('excluded.ends') })),
        ),
    ),
  };
}
