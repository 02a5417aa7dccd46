import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { ConfigError, oneLine } from '../config/config-error.ts';
import { loadConfig } from '../config.ts';
import { ParleyError } from '../core/errors.ts';
import { createIdempotency } from '../core/idempotency.ts';
import { createApiKeys } from '../core/identity/api-keys.ts';
import { createPasswords } from '../core/identity/passwords.ts';
import { createRegistry } from '../core/identity/registry.ts';
import { createRuntime } from '../core/runtime.ts';
import { openStorageAt } from '../storage/open-storage.ts';
import { createAdmin, listAdmins, resetPassword, setAdminStatus, type AdminCommandParts } from './admins.ts';
import { createKey, listKeys, revokeKey, type KeyCommandParts } from './keys.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

type Env = Record<string, string | undefined>;
type Command = (parts: KeyCommandParts & AdminCommandParts) => Promise<number>;

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
  npm run parley -- help

It works on the data folder that the configuration names (PARLEY_DATA_DIR, PARLEY_CONFIG), also while a server runs on it.
With "npm run -s" nothing but the result is on standard output.
`;

const commands =
  'keys create, keys list, keys revoke ID, admin create, admin reset, admin disable, admin enable, admin list, help';

/** Runs one command. Resolves to the exit code: 0 done, 1 failed, 2 not understood. */
export async function runCommandLine(args: string[], env: Env, terminal: Terminal): Promise<number> {
  try {
    const command = commandOf(args);
    if (command !== null) return await withStore(env, terminal, command);
    terminal.out(help);
    return 0;
  } catch (thrown) {
    if (!isExplained(thrown)) throw thrown;
    terminal.err(`${oneLine(thrown.message)}\n`);
    return thrown instanceof UsageError ? 2 : 1;
  }
}

/** What `args` ask for; null is help. Throws `UsageError`. */
function commandOf(args: string[]): Command | null {
  const [noun, verb, ...rest] = args;
  if (noun === 'help' || noun === '--help' || noun === '-h') return null;
  if (noun === 'keys') return keyCommandOf(verb, rest);
  if (noun === 'admin') return adminCommandOf(verb, rest);
  throw unknown(noun);
}

const text = { type: 'string' } as const;

function keyCommandOf(verb: string | undefined, rest: string[]): Command {
  switch (verb) {
    case 'create': {
      const { values } = parse(
        'keys create',
        rest,
        { name: text, scopes: text, rate: text, expires: text, budget: text },
        0,
      );
      return (parts) => createKey(parts, values);
    }
    case 'list':
      parse('keys list', rest, {}, 0);
      return listKeys;
    case 'revoke': {
      const { positionals } = parse('keys revoke', rest, {}, 1);
      return (parts) => revokeKey(parts, positionals[0] ?? '');
    }
    default:
      throw unknown(verb === undefined ? 'keys' : `keys ${verb}`);
  }
}

function adminCommandOf(verb: string | undefined, rest: string[]): Command {
  switch (verb) {
    case 'create': {
      const { values } = parse('admin create', rest, { email: text, username: text, password: text }, 0);
      return (parts) => createAdmin(parts, values);
    }
    case 'reset': {
      const { values } = parse('admin reset', rest, { email: text, password: text }, 0);
      return (parts) => resetPassword(parts, values);
    }
    case 'disable':
    case 'enable': {
      const { values } = parse(`admin ${verb}`, rest, { email: text }, 0);
      return (parts) => setAdminStatus(parts, values, verb === 'enable' ? 'active' : 'disabled');
    }
    case 'list':
      parse('admin list', rest, {}, 0);
      return listAdmins;
    default:
      throw unknown(verb === undefined ? 'admin' : `admin ${verb}`);
  }
}

const usages = {
  'keys create':
    'keys create --name NAME [--scopes completions,cache,admin] [--rate N] [--expires 30d] [--budget 10USD]',
  'keys list': 'keys list',
  'keys revoke': 'keys revoke ID',
  'admin create': 'admin create --email EMAIL [--username NAME] [--password PASSWORD]',
  'admin reset': 'admin reset --email EMAIL [--password PASSWORD]',
  'admin disable': 'admin disable --email EMAIL',
  'admin enable': 'admin enable --email EMAIL',
  'admin list': 'admin list',
};

function parse<const Options extends ParseArgsOptionsConfig>(
  command: keyof typeof usages,
  args: string[],
  options: Options,
  positionals: number,
) {
  try {
    const parsed = parseArgs({ args, options, allowPositionals: true });
    if (parsed.positionals.length === positionals) return parsed;
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message.split(/[.\n]/, 1)[0]}: must be ${usages[command]}`, {
      cause,
    });
  }
  throw new UsageError(`The command line must be: ${usages[command]}`);
}

function unknown(asked: string | undefined): UsageError {
  const what = asked === undefined ? 'There is no command' : `There is no command ${JSON.stringify(asked)}`;
  return new UsageError(`${what}: must be one of ${commands}`);
}

async function withStore(env: Env, terminal: Terminal, command: Command): Promise<number> {
  const { databaseUrl: url } = loadConfig(env);
  if (url === 'sqlite::memory:') {
    throw new ConfigError(
      'DATABASE_URL is "sqlite::memory:": its keys and accounts end with the server, so they cannot be made here',
    );
  }
  const runtime = createRuntime();
  const storage = await openStorageAt({ url, use: 'visit', now: runtime.now });
  try {
    const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
    const apiKeys = createApiKeys({ rows: storage.apiKeys, idempotency, runtime });
    const registry = createRegistry({ users: storage.users, passwords: createPasswords(), runtime });
    const generatePassword = () => runtime.token(12);
    return await command({ apiKeys, registry, terminal, generatePassword, now: runtime.now() });
  } finally {
    await storage.close();
  }
}

/** Failures whose message alone says what to do. */
function isExplained(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error)) return false;
  if (thrown instanceof UsageError || thrown instanceof ConfigError) return true;
  return thrown instanceof ParleyError || thrown.name === 'StorageError';
}
