import type { Database } from './database.ts';
import { compileQuery, compileStatement, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';

/** Under this name, `settings` keep the first day of which single calls are listed. */
const listedFrom = 'api_calls.listed_from';

/** Reads the first day of which single calls are listed; undefined where none were ever removed. */
export function compileListedFrom(database: Database, queries: Queries): () => Promise<string | undefined> {
  const select = compileQuery(queries.selectFrom('settings').select('value').where('key', '=', listedFrom));
  return async () => {
    const [row] = await database.read(select);
    return row && (JSON.parse(row.value) as string);
  };
}

/** See `ApiCalls.removeBefore`. The day is stored in the unit of every removal: no list shows a part of a day. */
export function createCallRemoval(database: Database, queries: Queries) {
  const note = compileStatement(
    queries
      .insertInto('settings')
      .values({ key: listedFrom, value: '', updated_at: 0 })
      .onConflict((conflict) =>
        conflict
          .column('key')
          .doUpdateSet((eb) => ({
            value: eb.ref('excluded.value'),
            updated_at: eb.ref('excluded.updated_at'),
          }))
          .where((eb) => eb('settings.value', '<', eb.ref('excluded.value'))),
      ),
  );
  const remove = compileStatement(
    queries
      .deleteFrom('api_calls')
      .where('id', 'in', (eb) =>
        eb.selectFrom('api_calls').select('id').where('day', '<', '').orderBy('day').orderBy('id').limit(0),
      ),
  );
  return async (day: string, limit: number, at: number): Promise<number> => {
    const [, removed] = await database.write([
      withValues(note, [listedFrom, JSON.stringify(day), at]),
      withValues(remove, [day, limit]),
    ]);
    return removed?.changes ?? 0;
  };
}
