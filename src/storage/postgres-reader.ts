import { Pool } from 'pg';
import type { Query, SqlRow, SqlValue } from './database.ts';
import { clientConfig, readTimeoutMs } from './postgres-connection.ts';
import { failureOfPostgres } from './postgres-errors.ts';
import { sent } from './postgres-pipeline.ts';
import { storageErrorOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** Runs queries on a pool of connections. */
export interface PostgresReader {
  read<Row = SqlRow>(query: Query<Row>): Promise<Row[]>;
  close(): Promise<void>;
}

/** Connections at most: more reads at once wait for one. */
const mostConnections = 10;

export function createPostgresReader(url: string): PostgresReader {
  const pool = new Pool({
    ...clientConfig(url),
    max: mostConnections,
    idleTimeoutMillis: 60_000,
    statement_timeout: readTimeoutMs,
    query_timeout: readTimeoutMs + 1_000,
  });
  // A connection that breaks while nobody uses it is replaced when one is needed.
  pool.on('error', () => {});
  const names = new Map<string, string>();
  let open = true;

  const nameOf = (sql: string): string => {
    let name = names.get(sql);
    if (name === undefined) names.set(sql, (name = `q${names.size}`));
    return name;
  };

  return {
    async read<Row = SqlRow>({ sql, parameters }: Query<Row>) {
      if (!open) throw new StorageError('unavailable', 'The database is closed');
      const text = { name: nameOf(sql), text: sql, values: parameters.map(sent), rowMode: 'array' as const };
      try {
        const { rows, fields } = await pool.query<SqlValue[]>(text);
        return rows.map((values) => rowOf(fields, values)) as Row[];
      } catch (error) {
        throw storageErrorOf(failureOfPostgres(error), error);
      }
    },
    async close() {
      if (!open) return;
      open = false;
      await pool.end();
    },
  };
}

function rowOf(fields: readonly { name: string }[], values: readonly SqlValue[]): SqlRow {
  const row: SqlRow = {};
  for (let at = 0; at < fields.length; at++) row[fields[at]!.name] = values[at]!;
  return row;
}
