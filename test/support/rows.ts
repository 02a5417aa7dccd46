import { DatabaseSync } from 'node:sqlite';
import { Client } from 'pg';
import { parserOf } from '../../src/storage/postgres-connection.ts';

/** What is stored, read past all doors. */
export interface Rows {
  /** Parameters are `?`. */
  all<T>(sql: string, ...values: (string | number)[]): Promise<T[]>;
  close(): Promise<void>;
}

/** Opens the file of a server that has ended, or what is at `postgres://…`, whoever else uses it. */
export async function openRows(database: string): Promise<Rows> {
  if (!database.startsWith('postgres:')) return openFile(database);
  const types = { getTypeParser: (oid: number) => parserOf(oid) as never };
  const client = new Client({ connectionString: database, types });
  await client.connect();
  return {
    async all<T>(sql: string, ...values: (string | number)[]) {
      let count = 0;
      const { rows } = await client.query(
        sql.replaceAll('?', () => `$${++count}`),
        values,
      );
      return rows as T[];
    },
    close: () => client.end(),
  };
}

function openFile(path: string): Rows {
  const database = new DatabaseSync(path, { readOnly: true });
  return {
    all: <T>(sql: string, ...values: (string | number)[]) =>
      Promise.resolve(database.prepare(sql).all(...values) as T[]),
    close() {
      database.close();
      return Promise.resolve();
    },
  };
}
