import { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler, sql } from 'kysely';
import type { Compilable, RawBuilder } from 'kysely';
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
  return sql<boolean>`${sql.ref(column)} is ${0}`;
}
