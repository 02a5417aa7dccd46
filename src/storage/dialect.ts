import {
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  sql,
} from 'kysely';
import type { Compilable, Expression, RawBuilder } from 'kysely';
import type { Query, SqlValue, Statement } from './database.ts';
import type { Schema } from './schema.ts';

/** Builds typed SQL text; it never runs anything itself. */
export type Queries = Kysely<Schema>;

/** Queries in SQLite's dialect. */
export function createSqliteQueries(): Queries {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (queries) => new SqliteIntrospector(queries),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

/** Queries in PostgreSQL's dialect. */
export function createPostgresQueries(): Queries {
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (queries) => new PostgresIntrospector(queries),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
  });
}

/** For what the two databases say in different words. */
export function isPostgres(queries: Queries): boolean {
  return queries.getExecutor().adapter instanceof PostgresAdapter;
}

/** Compiles a select for `Database.read`. */
export function compileQuery<Row>(builder: Compilable<Row>): Query<Row> {
  const { sql: text, parameters } = builder.compile();
  return { sql: text, parameters: parameters as readonly SqlValue[] };
}

/** Compiles an insert, update or delete for `Database.write`. */
export function compileStatement(builder: Compilable<unknown>, expect?: number): Statement {
  const { sql: text, parameters } = builder.compile();
  const values = parameters as readonly SqlValue[];
  return expect === undefined ? { sql: text, parameters: values } : { sql: text, parameters: values, expect };
}

/**
 * The same compiled SQL with other values, in the order in which the builder met them: compiling costs tens of
 * microseconds, so what runs often is compiled once with stand-ins. Throws when the number of values differs.
 */
export function withValues<Compiled extends Query<unknown> | Statement>(
  compiled: Compiled,
  parameters: readonly SqlValue[],
): Compiled {
  if (parameters.length !== compiled.parameters.length) {
    throw new RangeError(
      `${parameters.length} values for ${compiled.parameters.length} places: ${compiled.sql}`,
    );
  }
  return { ...compiled, parameters };
}

/** Whether a column has the value that takes this place, or both are null. */
export function isSame(column: string): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} is not distinct from ${0}`;
}

/** The numbers of the JSON array that takes this place, as a subquery for `in`. */
export function numbersOf(queries: Queries): RawBuilder<number> {
  return isPostgres(queries)
    ? sql<number>`(select value::bigint from json_array_elements_text(${'[]'}::json))`
    : sql<number>`(select value from json_each(${'[]'}))`;
}

/** The texts of the JSON array that takes this place, as a subquery for `in`. */
export function textsOf(queries: Queries): RawBuilder<string> {
  return isPostgres(queries)
    ? sql<string>`(select value collate "C" from json_array_elements_text(${'[]'}::json))`
    : sql<string>`(select value from json_each(${'[]'}))`;
}

/** The greater of two numbers, neither of them null. */
export function greater(
  queries: Queries,
  one: Expression<unknown>,
  other: Expression<unknown>,
): RawBuilder<number> {
  return isPostgres(queries) ? sql<number>`greatest(${one}, ${other})` : sql<number>`max(${one}, ${other})`;
}

/** A number that takes this place, where nothing around it says that it is one. */
export function aNumber(queries: Queries): RawBuilder<number> {
  return isPostgres(queries) ? sql<number>`${0}::bigint` : sql<number>`${0}`;
}

/** A text that takes this place, where nothing around it says that it is one. */
export function aText(queries: Queries): RawBuilder<string> {
  return isPostgres(queries) ? sql<string>`${''}::text` : sql<string>`${''}`;
}

/** A JSON object as text. */
export function jsonObject(
  queries: Queries,
  fields: Record<string, Expression<unknown>>,
): RawBuilder<string> {
  const pairs = sql.join(Object.entries(fields).flatMap(([key, value]) => [sql.lit(key), value]));
  return isPostgres(queries)
    ? sql<string>`json_build_object(${pairs})::text`
    : sql<string>`json_object(${pairs})`;
}

/** A JSON array of a group's values as text, in the order of `by`, or in any. */
export function jsonList(
  queries: Queries,
  value: Expression<unknown>,
  by?: Expression<unknown>,
): RawBuilder<string> {
  const order = by === undefined ? sql`` : sql` order by ${by}`;
  return isPostgres(queries)
    ? sql<string>`json_agg(${value}${order})`
    : sql<string>`json_group_array(${value}${order})`;
}

/** JSON as the text that the store gives back. */
export function asText(queries: Queries, json: RawBuilder<string>): RawBuilder<string> {
  return isPostgres(queries) ? sql<string>`${json}::text` : json;
}

/** A JSON array of a few values. */
export function jsonArray(queries: Queries, ...values: Expression<unknown>[]): RawBuilder<unknown> {
  return isPostgres(queries)
    ? sql`json_build_array(${sql.join(values)})`
    : sql`json_array(${sql.join(values)})`;
}

/** The id that the statement before gave to its new row of this table, as text. */
export function lastIdAsText(queries: Queries, table: 'users' | 'api_keys' | 'webhooks'): RawBuilder<string> {
  // Not `lastval()`: in an insert, that may be the id of the row that is being inserted.
  return isPostgres(queries)
    ? sql<string>`currval(${sql.lit(`${table}_id_seq`)})::text`
    : sql<string>`cast(last_insert_rowid() as text)`;
}

/** `like` that takes ASCII's letters in either case, and other letters as they are. */
export function likeInAnyCase(
  queries: Queries,
  text: Expression<unknown>,
  pattern: string,
): RawBuilder<boolean> {
  return isPostgres(queries)
    ? sql<boolean>`${text} ilike ${pattern} escape '\\'`
    : sql<boolean>`${text} like ${pattern} escape '\\'`;
}
