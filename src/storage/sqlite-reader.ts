import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Query, SqlRow, SqlValue } from './database.ts';
import { failureOf, storageErrorOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** Runs queries on one connection. */
export interface SqliteReader {
  read<Row = SqlRow>(query: Query<Row>): Promise<Row[]>;
  close(): void;
}

/** Prepared statements kept at most; beyond it all are forgotten and the frequent ones come back by themselves. */
const maxPrepared = 512;

interface PreparedQuery {
  statement: StatementSync;
  names: string[];
}

/** Reads on the calling thread: a prepared lookup costs microseconds, less than asking another thread. */
export function createSqliteReader(connection: DatabaseSync): SqliteReader {
  const prepared = new Map<string, PreparedQuery>();
  let open = true;

  function queryFor(sql: string): PreparedQuery {
    const known = prepared.get(sql);
    if (known) return known;
    if (prepared.size >= maxPrepared) prepared.clear();
    const statement = connection.prepare(sql);
    statement.setReturnArrays(true);
    const query = { statement, names: statement.columns().map(({ name }) => name) };
    prepared.set(sql, query);
    return query;
  }

  return {
    // Not an async function: one promise less on the hot path.
    read<Row = SqlRow>({ sql, parameters }: Query<Row>) {
      if (!open) return Promise.reject(new StorageError('unavailable', 'The database is closed'));
      try {
        const { statement, names } = queryFor(sql);
        const rows = statement.all(...parameters) as unknown as SqlValue[][];
        return Promise.resolve(rows.map((values) => rowOf(names, values)) as Row[]);
      } catch (error) {
        return Promise.reject(storageErrorOf(failureOf(error), error));
      }
    },
    close() {
      if (open) connection.close();
      open = false;
    },
  };
}

/** SQLite's own row objects are dictionaries without a shape: they take twice as long to make, to read and to copy. */
function rowOf(names: readonly string[], values: readonly SqlValue[]): SqlRow {
  const row: SqlRow = {};
  for (let at = 0; at < names.length; at++) row[names[at]!] = values[at]!;
  return row;
}
