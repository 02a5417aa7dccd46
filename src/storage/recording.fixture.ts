import type { TestContext } from 'node:test';
import type { Database, Query } from './database.ts';
import { openSqliteDatabase } from './sqlite-database.ts';

/** The database at `path`, closed when the test ends, and every query that was read through `recording`. */
export async function openRecording(test: Pick<TestContext, 'after'>, path: string) {
  const database = await openSqliteDatabase({ path });
  test.after(() => database.close());
  const queries: Query<unknown>[] = [];
  const recording: Database = {
    ...database,
    read(query) {
      queries.push(query);
      return database.read(query);
    },
  };
  return { database, recording, queries };
}
