import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';
import { UsageError } from './usage-error.ts';

/** How each command is written. */
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
  backup: 'backup FILE [--from sqlite:DATABASE] [--force], or backup --verify FILE',
  restore: 'restore FILE [--to sqlite:DATABASE]',
  move: 'move --from sqlite:DATABASE --to postgres://USER:PASSWORD@HOST/DATABASE',
};

/** An option that is followed by a text. */
export const text = { type: 'string' } as const;
/** An option that stands alone. */
export const flag = { type: 'boolean' } as const;

/** The options and the `positionals` texts of a command. Throws `UsageError`. */
export function parseOptions<const Options extends ParseArgsOptionsConfig>(
  command: keyof typeof usages,
  args: string[],
  options: Options,
  positionals = 0,
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
