import { isAbsolute, resolve } from 'node:path';
import { refusal } from '../config/config-error.ts';
import { databaseUrl } from '../config/kinds.ts';
import { loadConfig } from '../config.ts';
import { checkBackup, type CheckedBackup } from '../storage/backup-check.ts';
import { backUp } from '../storage/sqlite-backup.ts';
import { restore, type RestoreStep } from '../storage/sqlite-restore.ts';
import type { Command, Env } from './command.ts';
import { flag, parseOptions, text } from './parse-options.ts';
import { shownTime } from './shown-time.ts';
import { UsageError } from './usage-error.ts';

const notInside =
  'Not in a backup: the secret that signs access tokens (PARLEY_SECRET, or the file "secret" of the data folder; without it everybody ' +
  'must log in again), the folder "knowledge", and the configuration. Keep copies of them too.\n';

/** The command `backup`. Throws `UsageError`. */
export function backupCommandOf(rest: string[]): Command {
  const { values, positionals } = parseOptions('backup', rest, { from: text, force: flag, verify: flag }, 1);
  const file = fileOf(positionals);
  const { from, force = false, verify = false } = values;
  if (verify && (from !== undefined || force)) {
    throw new UsageError('--verify only looks at a backup: must be backup --verify FILE');
  }
  const given = from === undefined ? undefined : sqliteFile(from, '--from');
  if (verify) return verifyBackup(file);
  return async (env, terminal) => {
    const made = await backUp({
      from: given ?? configuredFile(env),
      to: file,
      force,
      now: Date.now,
      onStep: (step) => terminal.err(step === 'copying' ? 'Copying …\n' : 'Checking the copy …\n'),
    });
    terminal.out(`Backup ${file} is made and checked: ${described(made)}.\n`);
    terminal.err(notInside);
    return 0;
  };
}

function verifyBackup(file: string): Command {
  return (_env, terminal) => {
    const checked = checkBackup(file);
    terminal.out(`Backup ${file} is whole: ${described(checked)}.\n`);
    return Promise.resolve(0);
  };
}

const begun: Partial<Record<RestoreStep, string>> = {
  copying: 'Copying …\n',
  checking: 'Checking the backup …\n',
  proving: 'Checking the database that is to be …\n',
  verifying: 'Checking the database that is there now …\n',
};

/** The command `restore`. Throws `UsageError`. */
export function restoreCommandOf(rest: string[]): Command {
  const { values, positionals } = parseOptions('restore', rest, { to: text }, 1);
  const file = fileOf(positionals);
  const given = values.to === undefined ? undefined : sqliteFile(values.to, '--to');
  return (env, terminal) => {
    const path = given ?? configuredFile(env);
    const onStep = (step: RestoreStep) => terminal.err(begun[step] ?? '');
    const restored = restore({ file, path, now: Date.now, onStep });
    terminal.out(`Database ${path} is restored and checked: ${described(restored)}.\n`);
    if (restored.keptAs !== undefined) {
      terminal.out(
        `The database that was there is kept as ${restored.keptAs}: remove it when you need it no longer.\n`,
      );
    }
    terminal.err(notInside);
    return Promise.resolve(0);
  };
}

function described({ madeAt, tables, bytes, schema }: CheckedBackup): string {
  const rows = Object.values(tables).reduce((sum, count) => sum + count, 0);
  const size = (bytes / 2 ** 20).toFixed(1);
  return `${rows} rows in ${Object.keys(tables).length} tables, ${size} MiB, schema ${schema}, as of ${shownTime(madeAt)}`;
}

function fileOf([file = '']: string[]): string {
  if (file === '') throw new UsageError('FILE is empty: must be the path of a backup');
  return resolve(file);
}

/** The path in `sqlite:PATH`. Throws `UsageError`. */
function sqliteFile(url: string, option: string): string {
  const [, path = ''] = /^sqlite:(.*)$/s.exec(databaseUrl.parse(url) ?? '') ?? [];
  if (path !== '' && path !== ':memory:') return resolve(path);
  throw new UsageError(refusal(option, url, 'sqlite: and the path of a file', 'credentials').message);
}

/** The SQLite file that the configuration names. Throws `ConfigError`. */
function configuredFile(env: Env): string {
  const { databaseUrl: url } = loadConfig(env);
  const path = url.slice('sqlite:'.length);
  if (url.startsWith('sqlite:') && isAbsolute(path)) return path;
  const allowed = 'sqlite:<file> here; PostgreSQL has pg_dump and pg_restore';
  throw refusal('DATABASE_URL', url, allowed, 'credentials');
}
