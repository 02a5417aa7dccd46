import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { ConfigError, oneLine } from '../config/config-error.ts';
import { loadConfig } from '../config.ts';
import { createApiKeys } from '../core/identity/api-keys.ts';
import { createRuntime } from '../core/runtime.ts';
import { openStorage } from '../storage/storage.ts';
import { createKey, listKeys, revokeKey, type KeyCommandParts } from './keys.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

type Env = Record<string, string | undefined>;
type KeyCommand = (parts: KeyCommandParts) => Promise<number>;

const help = `Parley's command line

  npm run parley -- keys create --name NAME [--scopes LIST] [--rate N] [--expires WHEN]
      Makes an API key and prints it, this once only.
      LIST: completions, cache, admin, separated by commas (default: completions)
      N:    requests a minute, in place of the limit per address
      WHEN: 30d, 12h …, or a date such as 2030-01-31 (default: never)
  npm run parley -- keys list
      Shows all keys, the newest first.
  npm run parley -- keys revoke ID
      Revokes a key, for good.
  npm run parley -- help

It works on the data folder that the configuration names (PARLEY_DATA_DIR, PARLEY_CONFIG), also while a server runs on it.
With "npm run -s" nothing but the result is on standard output.
`;

const commands = 'keys create, keys list, keys revoke ID, help';

/** Runs one command. Resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function runCommandLine(args: string[], env: Env, terminal: Terminal): Promise<number> {
  try {
    const command = commandOf(args);
    if (command !== null) return await withKeys(env, terminal, command);
    terminal.out(help);
    return 0;
  } catch (thrown) {
    if (!isExplained(thrown)) throw thrown;
    terminal.err(`${oneLine(thrown.message)}\n`);
    return thrown instanceof UsageError ? 2 : 1;
  }
}

/** What `args` ask for; null is help. Throws `UsageError`. */
function commandOf(args: string[]): KeyCommand | null {
  const [noun, verb, ...rest] = args;
  if (noun === 'help' || noun === '--help' || noun === '-h') return null;
  if (noun !== 'keys') throw unknown(noun);
  switch (verb) {
    case 'create': {
      const text = { type: 'string' } as const;
      const { values } = parse('create', rest, { name: text, scopes: text, rate: text, expires: text }, 0);
      return (parts) => createKey(parts, values);
    }
    case 'list':
      parse('list', rest, {}, 0);
      return listKeys;
    case 'revoke': {
      const { positionals } = parse('revoke', rest, {}, 1);
      return (parts) => revokeKey(parts, positionals[0] ?? '');
    }
    default:
      throw unknown(verb === undefined ? noun : `${noun} ${verb}`);
  }
}

const usages: Record<string, string> = {
  create: 'keys create --name NAME [--scopes completions,cache,admin] [--rate N] [--expires 30d]',
  list: 'keys list',
  revoke: 'keys revoke ID',
};

function parse(verb: string, args: string[], options: ParseArgsOptionsConfig, positionals: number) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true });
    if (parsed.positionals.length === positionals) return parsed;
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.split(/[.\n]/, 1)[0]}: must be ${usages[verb]}`, {
      cause,
    });
  }
  throw new UsageError(`The command line must be: ${usages[verb]}`);
}

function unknown(asked: string | undefined): UsageError {
  const what = asked === undefined ? 'There is no command' : `There is no command ${JSON.stringify(asked)}`;
  return new UsageError(`${what}: must be one of ${commands}`);
}

async function withKeys(env: Env, terminal: Terminal, command: KeyCommand): Promise<number> {
  const path = loadConfig(env).databaseUrl.slice('sqlite:'.length);
  if (path === ':memory:') {
    throw new ConfigError(
      'DATABASE_URL is "sqlite::memory:": its keys end with the server, so they cannot be made here',
    );
  }
  const runtime = createRuntime();
  const storage = await openStorage({ path, now: runtime.now });
  try {
    const apiKeys = createApiKeys({ rows: storage.apiKeys, runtime });
    return await command({ apiKeys, terminal, now: runtime.now() });
  } finally {
    await storage.close();
  }
}

/** Failures whose message alone says what to do. */
function isExplained(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error)) return false;
  return thrown instanceof UsageError || thrown instanceof ConfigError || thrown.name === 'StorageError';
}
