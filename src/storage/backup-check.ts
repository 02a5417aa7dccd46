import { existsSync, statSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { digestOf } from './backup-digest.ts';
import { countRows, readManifest } from './backup-manifest.ts';
import type { BackupManifest } from './backup-manifest.ts';
import { refuseUnknown } from './migrate.ts';
import { migrations } from './migrations/list.ts';
import { openReadConnection } from './sqlite-connection.ts';
import { failureOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** A backup that is whole. */
export interface CheckedBackup extends BackupManifest {
  bytes: number;
  /** The last migration that its database has seen. */
  schema: string;
}

/** Messages that one check repeats at most: a damaged file may have thousands. */
const shownFindings = 3;

/** Comparing indexes with their rows reads pages in no order; a small cache would read most of them again and again. */
const checkCacheKiB = 131_072;

/**
 * Proves that the file is a backup, byte for byte as it was made, that its database is sound, and that this version knows how to read it.
 * Throws `unavailable`; `name` is what the message calls it.
 */
export function checkBackup(path: string, name = path): CheckedBackup {
  const checked = checkSeal(path, name);
  checkDatabase(path, name, checked.tables);
  return checked;
}

/** Proves that the file is a backup, byte for byte as it was made, and that this version knows how to read it. Throws `unavailable`. */
export function checkSeal(path: string, name: string): CheckedBackup {
  return reading(path, name, (connection) => {
    const schema = schemaOf(connection, name);
    const found = readManifest(connection);
    if (found === undefined) {
      throw refused(
        `${name} is a database, but no backup: make one of it with "npm run parley -- backup FILE --from sqlite:${name}"`,
      );
    }
    const { digest, bytes } = digestOf(path, found.mark);
    if (digest !== found.digest) {
      throw refused(`${name} is damaged, or was changed after it was made: its checksum does not fit`);
    }
    return { ...found.manifest, bytes, schema };
  });
}

/**
 * Proves that the database at `path` is sound and has as many rows as `tables` says; `quickly`, its indexes are not compared with what
 * they lead to. Throws `unavailable`.
 */
export function checkDatabase(
  path: string,
  name: string,
  tables: Record<string, number>,
  quickly = false,
): void {
  const check = quickly ? 'quick_check' : 'integrity_check';
  reading(path, name, (connection) => {
    connection.exec(`PRAGMA cache_size = -${checkCacheKiB}`);
    const orphans = columnOf(connection, 'PRAGMA foreign_key_check', 'table');
    const findings = [
      ...columnOf(connection, `PRAGMA ${check}(${shownFindings})`, check).filter(
        (finding) => finding !== 'ok',
      ),
      ...orphans.map((table) => `a row of ${table} refers to none`),
    ];
    if (findings.length > 0) {
      throw refused(`${name} is damaged: ${findings.slice(0, shownFindings).join('; ')}`);
    }
    refuseOtherCounts(name, tables, countRows(connection));
  });
}

function refuseOtherCounts(
  name: string,
  expected: Record<string, number>,
  counted: Record<string, number>,
): void {
  const names = new Set([...Object.keys(expected), ...Object.keys(counted)]);
  const wrong = [...names].filter((table) => expected[table] !== counted[table]);
  if (wrong.length === 0) return;
  throw refused(`${name} is damaged: it does not have the rows that it had, in ${wrong.join(', ')}`);
}

/** The name of the last migration. Throws `unavailable` where this version does not know it, or there is none. */
export function schemaOf(connection: DatabaseSync, name: string): string {
  const tables = columnOf(connection, `SELECT name FROM sqlite_schema WHERE name = 'migrations'`, 'name');
  const applied =
    tables.length === 0 ? [] : columnOf(connection, 'SELECT name FROM migrations ORDER BY name', 'name');
  const last = applied.at(-1);
  if (last === undefined) throw refused(`${name} is no database of Parley`);
  refuseUnknown(name, migrations, new Set(applied));
  return last;
}

function columnOf(connection: DatabaseSync, sql: string, column: string): string[] {
  return connection
    .prepare(sql)
    .all()
    .map((row) => String(row[column]));
}

/** SQLite's result code for a file that is none of its databases. */
const noDatabaseCode = 26;

function reading<Result>(path: string, name: string, work: (connection: DatabaseSync) => Result): Result {
  let connection: DatabaseSync | undefined;
  try {
    if (!existsSync(path)) throw refused(`There is no file ${name}`);
    if (!statSync(path).isFile()) throw refused(`${name} is no file`);
    connection = openReadConnection(path);
    return work(connection);
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    const isNone = (thrown as { errcode?: unknown }).errcode === noDatabaseCode;
    throw refused(
      isNone ? `${name} is no database` : `${name} cannot be read: ${failureOf(thrown).message}`,
      thrown,
    );
  } finally {
    connection?.close();
  }
}

function refused(message: string, cause?: unknown): StorageError {
  return new StorageError('unavailable', message, { cause });
}
