import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { failureOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** A database that is one file, without a log beside it, and that nobody had open. */
export interface Settled {
  /** The highest id that each table ever gave out; undefined where they cannot be known. */
  sequences: ReadonlyMap<string, number> | undefined;
}

/** How long one waits for others to close the database, in milliseconds. */
const patienceMs = 2_000;
const corruptCode = 11;
const noDatabaseCode = 26;

/**
 * Takes the log of the SQLite file at `path`, where there is one, into the file, which works only where nobody else has it open: throws
 * `unavailable` otherwise. One that is damaged is left as it is.
 */
export function settleDatabase(path: string): Settled {
  if (!existsSync(path)) return { sequences: undefined };
  try {
    const connection = new DatabaseSync(path, { timeout: patienceMs });
    try {
      const mode = connection.prepare('PRAGMA journal_mode = DELETE').get();
      if (mode?.['journal_mode'] !== 'delete') throw inUse(path);
      return { sequences: sequencesOf(connection) };
    } finally {
      connection.close();
    }
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    const code = Number((thrown as { errcode?: unknown }).errcode) & 0xff;
    if (code === corruptCode || code === noDatabaseCode) return { sequences: undefined };
    throw code === 5 ? inUse(path, thrown) : unusable(path, thrown);
  }
}

function sequencesOf(connection: DatabaseSync): Map<string, number> | undefined {
  const known = connection.prepare(`SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_sequence'`).get();
  if (known === undefined) return undefined;
  const rows = connection.prepare('SELECT name, seq FROM sqlite_sequence').all();
  return new Map(rows.map(({ name, seq }) => [String(name), Number(seq)]));
}

/**
 * Above what clients may remember of the time after the backup, and further than `watch` of core looks back: whoever comes back with a
 * cursor from that time is told to read everything anew, and no cursor ever names two events.
 */
const feedMargin = 2_000_000;
/** Where nobody knows which ids were given out after the backup. */
const unknownMargin = 1_000_000;

/** Lets a restored database give out no id that the one before it, of which `before` tells, has given out. */
export function raiseSequences(connection: DatabaseSync, before: Settled['sequences']): void {
  const now = sequencesOf(connection) ?? new Map<string, number>();
  const tables = new Set(
    connection
      .prepare('SELECT name FROM sqlite_schema')
      .all()
      .map(({ name }) => String(name)),
  );
  const names = new Set([...now.keys(), ...(before?.keys() ?? []), 'feed']);
  const remove = connection.prepare('DELETE FROM sqlite_sequence WHERE name = ?');
  const put = connection.prepare('INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)');
  for (const name of names) {
    if (!tables.has(name)) continue;
    const last = Math.max(now.get(name) ?? 0, before?.get(name) ?? 0);
    const margin = name === 'feed' ? feedMargin : before === undefined ? unknownMargin : 0;
    remove.run(name);
    put.run(name, last + margin);
  }
}

function inUse(path: string, cause?: unknown): StorageError {
  return new StorageError(
    'unavailable',
    `The database ${path} is in use by a server or a command: stop it first`,
    {
      cause,
    },
  );
}

function unusable(path: string, cause: unknown): StorageError {
  return new StorageError(
    'unavailable',
    `The database ${path} cannot be put aside: ${failureOf(cause).message}`,
    { cause },
  );
}
