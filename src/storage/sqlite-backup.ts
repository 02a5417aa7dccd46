import { existsSync, linkSync, renameSync, rmSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { backup, DatabaseSync } from 'node:sqlite';
import { checkBackup, schemaOf } from './backup-check.ts';
import type { CheckedBackup } from './backup-check.ts';
import { digestOf, putDigest } from './backup-digest.ts';
import { writeManifest } from './backup-manifest.ts';
import { isSameFile, makeOwnFile, syncFile, syncFolderOf } from './file-steps.ts';
import { openReadConnection } from './sqlite-connection.ts';
import { failureOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** What to copy where. */
export interface BackUpParts {
  /** The SQLite file of a server, which may run. */
  from: string;
  /** The backup; it appears when it is whole and checked. */
  to: string;
  /** Whether a file that is there may be replaced. */
  force: boolean;
  /** Wall clock, milliseconds since the epoch. */
  now: () => number;
  /** Told what begins. */
  onStep?: (step: 'copying' | 'checking') => void;
}

/**
 * All pages in one step. In smaller ones every write of the server between two of them makes the copy begin anew, so that it never ends
 * while the server is busy; one step reads a single state of the database, and no writer waits for a reader.
 */
const allPages = 2 ** 31 - 1;

/** Copies a database, also one that is being written, and checks the copy. Rejects with `unavailable`. */
export async function backUp({ from, to, force, now, onStep }: BackUpParts): Promise<CheckedBackup> {
  if (!existsSync(from)) throw refused(`There is no database ${from}`);
  if (isSameFile(from, to)) throw refused(`The backup would replace the database ${from} itself`);
  if (!force && existsSync(to)) throw refused(isThere(to));
  const draft = `${to}.${randomUUID()}.partial`;
  try {
    onStep?.('copying');
    await copy(from, draft);
    seal(draft, now());
    onStep?.('checking');
    const checked = checkBackup(draft, `the copy of ${from}`);
    appear(draft, to, force);
    return checked;
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    throw refused(`The backup ${to} cannot be made: ${failureOf(thrown).message}`, thrown);
  } finally {
    for (const left of ['', '-journal', '-wal', '-shm']) rmSync(`${draft}${left}`, { force: true });
  }
}

async function copy(from: string, draft: string): Promise<void> {
  makeOwnFile(draft);
  const source = openReadConnection(from);
  try {
    schemaOf(source, from);
    await backup(source, draft, { rate: allPages });
  } finally {
    source.close();
  }
}

/** Makes one file of the copy, without a log beside it, and writes down what is in it. */
function seal(draft: string, madeAt: number): void {
  const connection = new DatabaseSync(draft);
  let mark: string;
  try {
    connection.exec('PRAGMA journal_mode = DELETE');
    connection.exec('PRAGMA temp_store = MEMORY');
    connection.exec('BEGIN IMMEDIATE');
    mark = writeManifest(connection, madeAt);
    connection.exec('COMMIT');
  } finally {
    connection.close();
  }
  putDigest(draft, digestOf(draft, mark));
  syncFile(draft);
}

/** A link is refused where there is a file by now, which a change of name would replace. */
function appear(draft: string, to: string, force: boolean): void {
  try {
    if (force) renameSync(draft, to);
    else linkSync(draft, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw refused(isThere(to), error);
    throw error;
  }
  syncFolderOf(to);
}

function isThere(to: string): string {
  return `${to} exists already: name another file, or replace it with --force`;
}

function refused(message: string, cause?: unknown): StorageError {
  return new StorageError('unavailable', message, { cause });
}
