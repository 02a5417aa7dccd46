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

/** A Parley with a data folder of its own. */
export interface ParleyHouse {
  env: Readonly<Record<string, string>>;
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
 * OpenAI's place is taken by the mock; without, nothing is configured and `parley-local` answers.
 */
export function createParleyHouse(providerOrigin?: string, settings: ParleySettings = {}): ParleyHouse {
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
  };
  return {
    env,
    databaseFile: join(folder, 'data', 'parley.db'),
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
      const { PATH, HOME } = process.env;
      const { stdout } = await run(process.execPath, [source('cli.ts'), ...args], {
        env: { PATH, HOME, ...env },
        cwd: root,
      });
      const key = /pk_[\w-]+/.exec(stdout)?.[0];
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
