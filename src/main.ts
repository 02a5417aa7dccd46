import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createApp, type App } from './app.ts';
import { ConfigError } from './config/config-error.ts';
import { loadConfig, type Config } from './config.ts';
import { createRuntime } from './core/runtime.ts';
import { createLogs, type Logs } from './http/log.ts';
import { startReport } from './start-report.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** So long a balancer may take to see that a node is not ready any more. */
const delayAmongOthersMs = 3_000;

try {
  await start(loadConfig(process.env));
} catch (thrown) {
  const known = thrown instanceof ConfigError || isKnown(thrown);
  process.stderr.write(
    `${known ? thrown.message : String(thrown instanceof Error ? thrown.stack : thrown)}\n`,
  );
  process.exit(1);
}

async function start(config: Config): Promise<void> {
  const logs = createLogs(config.logLevel);
  const { log, access } = logs;
  for (const warning of config.warnings) log.warn(warning);
  const onFatal = (error: Error) => {
    log.fatal({ err: error }, 'the process cannot go on');
    process.exit(1);
  };
  const app = await createApp({ config, log, access, runtime: createRuntime(), version, onFatal });
  trimHeap();
  const address = await app.listen();
  process.stdout.write(startReport({ app, address, version, dataDir: config.dataDir }));
  closeOnSignal(app, logs, config);
}

/** The first signal closes gracefully, a second one at once. */
function closeOnSignal(
  app: App,
  { log, flush }: Logs,
  { shutdownGraceMs, shutdownDelayMs, redisUrl }: Config,
): void {
  const delayMs = shutdownDelayMs ?? (redisUrl === null ? 0 : delayAmongOthersMs);
  let closing = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (closing) process.exit(1);
    closing = true;
    log.info({ signal }, 'shutting down: running answers may finish');
    app.close(shutdownGraceMs, delayMs).then(
      () => {
        flush();
        process.exit(0);
      },
      (err: unknown) => {
        log.fatal({ err }, 'the shutdown failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}

/** Failures whose message alone says what to do: a port in use, a folder without permission, a newer database. */
function isKnown(thrown: unknown): thrown is Error {
  if (!(thrown instanceof Error)) return false;
  return thrown.name === 'StorageError' || 'syscall' in thrown;
}

/**
 * Gives back the memory that starting took: modules are compiled, the catalogue read, and V8 would keep the room. About
 * 40 MB for 50 ms, once.
 */
function trimHeap(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
