import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createApp, type App } from '../../src/app.ts';
import { loadConfig, type Config } from '../../src/config.ts';
import { createRuntime } from '../../src/core/runtime.ts';
import type { Scope } from '../../src/core/identity/caller.ts';
import { createLogs } from '../../src/http/log.ts';
import { openStorage } from '../../src/storage/storage.ts';
import type { ApiCall } from '../../src/storage/api-calls.ts';
import { eventually, within } from './eventually.ts';

export interface ParleyOptions {
  /** Environment variables over the harness's own. */
  env?: Record<string, string>;
  /** Settings of the configuration file, laid over the harness's own, group by group. */
  yaml?: Tree;
  /** Where the OpenAI-compatible vendor is; not configured where it is left out. */
  openAi?: string;
  anthropic?: string;
  dashScope?: string;
}

type Tree = { [key: string]: unknown };

/** The real app on a free port of this process, over a data folder of its own. */
export interface Parley {
  readonly url: string;
  readonly wsUrl: string;
  readonly app: App;
  readonly config: Config;
  /** Everything logged so far, as JSON lines. */
  log(): string;
  /** Moves the app's wall clock ahead. */
  advance(ms: number): void;
  /** An API key's secret. */
  key(options?: KeyOptions): Promise<string>;
  /** The recorded calls, newest first; waits until there are `count` of them. */
  calls(count: number): Promise<ApiCall[]>;
  /** Closes the app and starts it anew over the same data folder. */
  restart(): Promise<void>;
  /** Closes the app and removes its data folder. Safe to repeat. */
  close(): Promise<void>;
}

export interface KeyOptions {
  scopes?: Scope[];
  expiresAt?: number | null;
  requestsPerMinute?: number | null;
}

/** The key that vendors get; no log and no answer may contain it. */
export const vendorKey = 'sk-vendor-0123456789abcdef';

/** Starting and closing take a second; what takes longer than this hangs. */
const startLimitMs = 20_000;

/** Quick retries, a breaker that tests of failures do not trip, and no questions to the vendor at start. */
const provider = {
  discover_models: false,
  retries: { attempts: 2, base: '1ms', max: '1ms' },
  breaker: { failures: 1000 },
};

/** Starts the app. Rate limits are off unless `env` turns them on. */
export async function startParley(options: ParleyOptions = {}): Promise<Parley> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-test-'));
  const config = loadConfig(environment(folder, options));
  const lines: string[] = [];
  let aheadMs = 0;
  let running = await within(
    startLimitMs,
    listen(config, lines, () => aheadMs),
  );
  let closed: Promise<void> | undefined;

  const parley = {
    config,
    get url() {
      return running.url;
    },
    get wsUrl() {
      return running.url.replace('http', 'ws');
    },
    get app() {
      return running.app;
    },
    log: () => lines.join(''),
    advance: (ms: number) => void (aheadMs += ms),
    async key({ scopes = ['completions'], expiresAt = null, requestsPerMinute = null }: KeyOptions = {}) {
      const key = { name: 'test', scopes, expiresAt, requestsPerMinute };
      return (await running.app.core.apiKeys.create(key)).secret;
    },
    calls: (count: number) => readCalls(config, count),
    async restart() {
      await running.app.close(0);
      running = await listen(config, lines, () => aheadMs);
    },
    async close() {
      closed ??= within(startLimitMs, running.app.close(0)).then(() =>
        rmSync(folder, { recursive: true, force: true }),
      );
      await closed;
    },
  };
  return parley;
}

/** The environment that the app is started with, its configuration file written to `folder`. */
export function environment(folder: string, options: ParleyOptions): Record<string, string> {
  const { env = {}, yaml = {}, openAi, anthropic, dashScope } = options;
  const file = join(folder, 'parley.yaml');
  const providers = { openai: provider, anthropic: provider, dashscope: provider };
  writeFileSync(file, JSON.stringify(merged({ providers }, yaml)));
  return {
    PORT: '0',
    PARLEY_DATA_DIR: join(folder, 'data'),
    PARLEY_CONFIG: file,
    PARLEY_RATE_LIMITS: 'off',
    ...(openAi !== undefined && { OPENAI_BASE_URL: openAi, OPENAI_API_KEY: vendorKey }),
    ...(anthropic !== undefined && { ANTHROPIC_BASE_URL: anthropic, ANTHROPIC_API_KEY: vendorKey }),
    ...(dashScope !== undefined && { DASHSCOPE_BASE_URL: dashScope, DASHSCOPE_API_KEY: vendorKey }),
    ...env,
  };
}

function merged(base: Tree, over: Tree): Tree {
  const result: Tree = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = result[key];
    result[key] = isTree(below) && isTree(value) ? merged(below, value) : value;
  }
  return result;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

async function listen(config: Config, lines: string[], aheadMs: () => number) {
  const runtime = createRuntime();
  const app = await createApp({
    config,
    ...createLogs('trace', { write: (line) => void lines.push(line) }),
    runtime: { ...runtime, now: () => runtime.now() + aheadMs() },
    version: '1.0.0',
    onFatal(error) {
      throw error;
    },
  });
  return { app, url: await app.listen() };
}

async function readCalls(config: Config, count: number): Promise<ApiCall[]> {
  const storage = await openStorage({ path: config.databaseUrl.slice('sqlite:'.length) });
  try {
    return await eventually(async () => {
      const calls = await storage.apiCalls.list({ limit: 1000 });
      return calls.length >= count ? calls : undefined;
    });
  } finally {
    await storage.close();
  }
}
