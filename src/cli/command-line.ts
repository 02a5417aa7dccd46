import { ConfigError, oneLine } from '../config/config-error.ts';
import { ParleyError } from '../core/errors.ts';
import { backupCommandOf, restoreCommandOf } from './backups.ts';
import type { Command, Env } from './command.ts';
import { moveCommandOf } from './moves.ts';
import { adminCommandOf, keyCommandOf } from './store-commands.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

const help = `Parley's command line

  npm run parley -- keys create --name NAME [--scopes LIST] [--rate N] [--expires WHEN] [--budget AMOUNT]
      Makes an API key and prints it, this once only.
      LIST: completions, cache, admin, separated by commas (default: completions)
      N:    requests a minute, in place of the limit per address
      WHEN: 30d, 12h …, or a date such as 2030-01-31 (default: never)
      AMOUNT: what may be spent a month: 10USD, 75.50CNY, 100000tokens (default: what the configuration says)
  npm run parley -- keys list
      Shows all keys, the newest first.
  npm run parley -- keys revoke ID
      Revokes a key, for good.
  npm run parley -- admin create --email EMAIL [--username NAME] [--password PASSWORD]
      Makes an administrator; without PASSWORD, one is generated and printed, this once only.
  npm run parley -- admin reset --email EMAIL [--password PASSWORD]
      Gives the account a new password and ends its logins.
  npm run parley -- admin disable --email EMAIL
  npm run parley -- admin enable --email EMAIL
      Ends the account's logins and refuses new ones; takes it back. The last administrator stays.
  npm run parley -- admin list
      Shows all administrators.
  npm run parley -- backup FILE [--from sqlite:DATABASE] [--force]
      Copies the SQLite database into FILE, also while a server runs on it, and checks the copy; --force: FILE may exist.
  npm run parley -- backup --verify FILE
      Checks a backup.
  npm run parley -- restore FILE [--to sqlite:DATABASE]
      Checks the backup, puts it in the place of the database, and keeps that beside it. The server must be stopped.
  npm run parley -- move --from sqlite:DATABASE --to postgres://USER:PASSWORD@HOST/DATABASE
      Copies everything into an empty PostgreSQL database and compares both. What is interrupted goes on when it is called again. The server must be stopped.
  npm run parley -- help

It works on the data folder that the configuration names (PARLEY_DATA_DIR, PARLEY_CONFIG); keys, admin and backup also while a server runs on it.
With "npm run -s" nothing but the result is on standard output.
`;

const commands =
  'keys create, keys list, keys revoke ID, admin create, admin reset, admin disable, admin enable, admin list, ' +
  'backup FILE, restore FILE, move, help';

/** Runs one command. Resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function runCommandLine(args: string[], env: Env, terminal: Terminal): Promise<number> {
  try {
    const command = commandOf(args);
    if (command !== null) return await command(env, terminal);
    terminal.out(help);
    return 0;
  } catch (thrown) {
    if (!isExplained(thrown)) throw thrown;
    terminal.err(`${oneLine(thrown.message)}\n`);
    return thrown instanceof UsageError ? 2 : 1;
  }
}

/** What `args` ask for; null is help. Throws `UsageError`. */
function commandOf([noun, ...rest]: string[]): Command | null {
  const [verb, ...options] = rest;
  switch (noun) {
    case 'help':
    case '--help':
    case '-h':
      return null;
    case 'keys':
      return keyCommandOf(verb, options) ?? unknown(noun, verb);
    case 'admin':
      return adminCommandOf(verb, options) ?? unknown(noun, verb);
    case 'backup':
      return backupCommandOf(rest);
    case 'restore':
      return restoreCommandOf(rest);
    case 'move':
      return moveCommandOf(rest);
    default:
      return unknown(noun);
  }
}

function unknown(...asked: (string | undefined)[]): never {
  const words = asked.filter((word) => word !== undefined);
  const what =
    words.length === 0 ? 'There is no command' : `There is no command ${JSON.stringify(words.join(' '))}`;
  throw new UsageError(`${what}: must be one of ${commands}`);
}

/** Failures whose message alone says what to do. */
function isExplained(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof UsageError || thrown instanceof ConfigError) return true;
  return thrown instanceof ParleyError || thrown.name === 'StorageError';
}
