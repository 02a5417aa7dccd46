import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startParty, type Party } from './children.ts';

const run = promisify(execFile);
const root = new URL('../', import.meta.url).pathname;
const source = (file: string): string => join(root, 'src', file);

/** Far above what one machine can ask, so that the limiter works on every request and refuses none. */
const requestsPerMinute = '100000000';

const folders = new Set<string>();

/** Deletes the data folders that are left; for an `exit` handler, after the children were killed. */
export function removeFolders(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  folders.clear();
}

/** What a scenario writes into the YAML file of `PARLEY_CONFIG`. JSON is YAML. */
export type ParleySettings = Readonly<Record<string, unknown>>;

/** Signs tokens, where nodes must have the same or the harness issues some itself. */
export const secret = 'the secret of a bench that nobody else uses';

/** A Parley with a data folder of its own. */
export interface ParleyHouse {
  env: Readonly<Record<string, string>>;
  /** Runs a command of `npm run parley` and returns what it printed. */
  command(args: readonly string[]): Promise<string>;
  /** Makes an API key and returns it. */
  createKey(): Promise<string>;
  /** Where its database is, or will be once it was started. */
  databaseFile: string;
  /** With further arguments for Node. */
  start(nodeArgs?: readonly string[]): Promise<Party>;
  /** Deletes the data folder. */
  remove(): void;
}

/**
 * A fresh data folder with production settings: limits on, SQLite on disk, `info` logs. With `providerOrigin`
 * OpenAI's place is taken by the mock; without, nothing is configured and `parley-local` answers. `joined` is the environment
 * that names other stores than those in the folder.
 */
export function createParleyHouse(
  providerOrigin?: string,
  settings: ParleySettings = {},
  joined: Readonly<Record<string, string>> = {},
): ParleyHouse {
  const folder = mkdtempSync(join(tmpdir(), 'parley-bench-house-'));
  folders.add(folder);
  const configFile = join(folder, 'parley.yaml');
  writeFileSync(configFile, `${JSON.stringify(settings)}\n`);
  const env: Record<string, string> = {
    PORT: '0',
    HOST: '127.0.0.1',
    PARLEY_DATA_DIR: join(folder, 'data'),
    PARLEY_CONFIG: configFile,
    PARLEY_RATE_LIMITS: 'on',
    PARLEY_LOG_LEVEL: 'info',
    ...(providerOrigin ? { OPENAI_API_KEY: 'sk-bench', OPENAI_BASE_URL: `${providerOrigin}/v1` } : {}),
    ...joined,
  };
  const command = async (args: readonly string[]): Promise<string> => {
    const { PATH, HOME } = process.env;
    const { stdout } = await run(process.execPath, [source('cli.ts'), ...args], {
      env: { PATH, HOME, ...env },
      cwd: root,
    });
    return stdout;
  };
  return {
    env,
    databaseFile: join(folder, 'data', 'parley.db'),
    command,
    async createKey() {
      const args = [
        'keys',
        'create',
        '--name',
        'bench',
        '--scopes',
        'completions,cache',
        '--rate',
        requestsPerMinute,
      ];
      const key = /pk_[\w-]+/.exec(await command(args))?.[0];
      if (!key) throw new Error('`keys create` printed no key that begins with pk_');
      return key;
    },
    start: (nodeArgs = []) =>
      startParty({ name: 'Parley', args: [...nodeArgs, source('start.mjs')], env, cwd: root }),
    remove() {
      folders.delete(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
