import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { noDigest } from './backup-digest.ts';

/** What a backup says about itself, in a table of its own that the server does not look at. */
export interface BackupManifest {
  format: 1;
  /** Milliseconds since the epoch. */
  madeAt: number;
  /** Rows of every table. */
  tables: Record<string, number>;
}

/** The manifest as it is read, with the digest and the mark before it: see `digestOf`. */
export interface ReadManifest {
  manifest: BackupManifest;
  mark: string;
  digest: string;
}

/** Writes the manifest of a database into itself, its digest not known yet; returns the mark of the digest's place. */
export function writeManifest(connection: DatabaseSync, madeAt: number): string {
  removeManifest(connection);
  const manifest: BackupManifest = { format: 1, madeAt, tables: countRows(connection) };
  const mark = `${randomUUID()}:`;
  connection.exec('CREATE TABLE parley_backup (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT');
  const put = connection.prepare('INSERT INTO parley_backup (key, value) VALUES (?, ?)');
  put.run('manifest', JSON.stringify(manifest));
  put.run('digest', `${mark}${noDigest}`);
  return mark;
}

/** Of a database that is no backup any more. */
export function removeManifest(connection: DatabaseSync): void {
  connection.exec('DROP TABLE IF EXISTS parley_backup');
}

/** Undefined where the database has none. Throws what SQLite throws, and `SyntaxError`. */
export function readManifest(connection: DatabaseSync): ReadManifest | undefined {
  if (!tablesOf(connection).includes('parley_backup')) return undefined;
  const rows = connection.prepare('SELECT key, value FROM parley_backup').all();
  const values = new Map(rows.map(({ key, value }) => [String(key), String(value)]));
  const [, mark = '', digest = ''] = /^([\da-f-]{36}:)([\da-f]{64})$/.exec(values.get('digest') ?? '') ?? [];
  return { manifest: JSON.parse(values.get('manifest') ?? '') as BackupManifest, mark, digest };
}

/** Rows by table, in the order of the names; what SQLite and its search index keep for themselves is left out. */
export function countRows(connection: DatabaseSync): Record<string, number> {
  const counted = tablesOf(connection).filter((name) => name !== 'parley_backup');
  return Object.fromEntries(
    counted.map((name) => {
      const row = connection.prepare(`SELECT count(*) AS total FROM "${name}"`).get();
      return [name, Number(row?.['total'])];
    }),
  );
}

function tablesOf(connection: DatabaseSync): string[] {
  const rows = connection
    .prepare(
      `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name`,
    )
    .all();
  return rows.map(({ name }) => String(name));
}
