import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkDatabase, checkSeal } from './backup-check.ts';
import type { CheckedBackup } from './backup-check.ts';
import { removeManifest } from './backup-manifest.ts';
import { ensureFolder } from './database-file.ts';
import { lockDatabase } from './database-lock.ts';
import { isSameFile, syncFile, syncFolderOf } from './file-steps.ts';
import { raiseSequences, settleDatabase } from './settle-database.ts';
import type { Settled } from './settle-database.ts';
import { failureOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';

/** What a restore does, in this order. */
export type RestoreStep =
  | 'copying'
  | 'checking'
  | 'settling'
  | 'preparing'
  | 'proving'
  | 'keeping'
  | 'clearing'
  | 'replacing'
  | 'verifying';

/** What to put where. */
export interface RestoreParts {
  /** The backup; it stays as it is. */
  file: string;
  /** The SQLite file to replace; made, with its folder, where there is none. */
  path: string;
  /** Wall clock, milliseconds since the epoch. */
  now: () => number;
  /** Told what begins. */
  onStep?: (step: RestoreStep) => void;
}

/** What was put there. */
export interface Restored extends CheckedBackup {
  /** Where the database that was there is now; undefined where there was none. */
  keptAs: string | undefined;
}

/**
 * Puts a backup in the place of a database that nobody uses. Whenever this process is killed, either the old or the new database is there,
 * whole, and a restore can begin anew. Throws `unavailable`.
 */
export function restore(parts: RestoreParts): Restored {
  const { file } = parts;
  const path = existsSync(parts.path) ? realpathSync(parts.path) : parts.path;
  if (!existsSync(file)) throw refused(`There is no file ${file}`);
  if (isSameFile(file, path)) throw refused(`${file} is the database itself, not a backup of it`);
  const lock = lockDatabase(path, 'replace');
  const draft = `${path}.restoring`;
  try {
    return replace({ ...parts, path }, draft);
  } catch (thrown) {
    if (thrown instanceof StorageError) throw thrown;
    throw refused(`${file} cannot be restored to ${path}: ${failureOf(thrown).message}`, thrown);
  } finally {
    removeWithLogs(draft);
    lock.release();
  }
}

function replace({ file, path, now, onStep = () => {} }: RestoreParts, draft: string): Restored {
  onStep('copying');
  removeWithLogs(draft);
  ensureFolder(path);
  copyFileSync(file, draft, constants.COPYFILE_EXCL);
  chmodSync(draft, 0o600);
  onStep('checking');
  const checked = checkSeal(draft, file);
  onStep('settling');
  const settled = settleDatabase(path);
  onStep('preparing');
  prepare(draft, settled);
  onStep('proving');
  checkDatabase(draft, file, checked.tables);
  syncFile(draft);
  const keptAs = swap(path, draft, now(), onStep);
  onStep('verifying');
  checkDatabase(path, path, checked.tables, true);
  return { ...checked, keptAs };
}

/** Makes a server's database of a backup. */
function prepare(draft: string, settled: Settled): void {
  const connection = new DatabaseSync(draft);
  try {
    connection.exec('BEGIN IMMEDIATE');
    removeManifest(connection);
    raiseSequences(connection, settled.sequences);
    connection.exec('COMMIT');
  } finally {
    connection.close();
  }
}

/**
 * The old file gets a second name before the new one takes its first: there is no moment without a database. Logs are left only where the
 * old one could not be read, or is gone; beside the new one, SQLite would take them for its own.
 */
function swap(
  path: string,
  draft: string,
  at: number,
  onStep: (step: RestoreStep) => void,
): string | undefined {
  onStep('keeping');
  const existed = existsSync(path);
  const kept = keptBefore(path) ?? nameFor(path, at);
  if (existed && !existsSync(kept)) keep(path, kept);
  syncFolderOf(path);
  onStep('clearing');
  for (const log of ['-journal', '-wal']) {
    if (existsSync(`${path}${log}`)) renameSync(`${path}${log}`, `${kept}${log}`);
  }
  rmSync(`${path}-shm`, { force: true });
  syncFolderOf(path);
  onStep('replacing');
  renameSync(draft, path);
  syncFolderOf(path);
  return existed ? kept : undefined;
}

function removeWithLogs(path: string): void {
  for (const log of ['', '-journal', '-wal', '-shm']) rmSync(`${path}${log}`, { force: true });
}

/** The second name that a restore gave to the old file before it was killed. */
function keptBefore(path: string): string | undefined {
  const name = readdirSync(dirname(path)).find(
    (found) =>
      found.startsWith(`${basename(path)}.replaced-`) && isSameFile(join(dirname(path), found), path),
  );
  return name === undefined ? undefined : join(dirname(path), name);
}

function nameFor(path: string, at: number): string {
  const stamp = new Date(at).toISOString().replace(/\..*$/, '').replaceAll(':', '');
  const name = `${path}.replaced-${stamp}`;
  let free = name;
  for (let number = 2; existsSync(free); number++) free = `${name}-${number}`;
  return free;
}

/** Not every file system has second names. */
function keep(path: string, kept: string): void {
  try {
    linkSync(path, kept);
  } catch {
    copyFileSync(path, kept, constants.COPYFILE_EXCL);
    syncFile(kept);
  }
}

function refused(message: string, cause?: unknown): StorageError {
  return new StorageError('unavailable', message, { cause });
}
