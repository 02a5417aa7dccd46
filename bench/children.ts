import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const children = new Set<ChildProcess>();
const stopLimitMs = 5_000;
const outputKept = 4_000;

/** How to start a party: Node arguments, environment additions, and how long it may take to print its address. */
export interface PartyCommand {
  name: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  startLimitMs?: number;
}

/** A started party. */
export interface Party {
  name: string;
  pid: number;
  /** `http://127.0.0.1:<port>` as the party printed it. */
  origin: string;
  /** Milliseconds since the party was spawned. */
  ageMs(): number;
  /** The last few thousand characters of what it printed. */
  output(): string;
  /** SIGTERM, then SIGKILL after five seconds; resolves when the process is gone. */
  stop(): Promise<void>;
}

/** Only what a party needs: the harness's own variables (keys, `NODE_OPTIONS`) must not change the measurement. */
function cleanEnvironment(extra: PartyCommand['env']): NodeJS.ProcessEnv {
  const { PATH, HOME, TMPDIR } = process.env;
  return { PATH, HOME, TMPDIR, NODE_ENV: 'production', ...extra };
}

/** Spawns Node with these arguments and remembers the child, so that nothing survives the harness. */
export function spawnNode(command: PartyCommand, stdio: StdioOptions): ChildProcess {
  const child = spawn(process.execPath, [...command.args], {
    stdio,
    env: cleanEnvironment(command.env),
    ...(command.cwd ? { cwd: command.cwd } : {}),
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await gone;
  clearTimeout(hard);
}

function awaitAddress(child: ChildProcess, command: PartyCommand, output: () => string): Promise<string> {
  const limitMs = command.startLimitMs ?? 20_000;
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => reject(new Error(`${command.name} ${why}: ${output().trim()}`));
    const timer = setTimeout(() => fail(`printed no address within ${limitMs} ms`), limitMs);
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      fail(`ended (${signal ?? code}) before it listened`);
    });
    child.stdout?.on('data', () => {
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(output());
      if (!address) return;
      clearTimeout(timer);
      resolve(address[0]);
    });
  });
}

/** Logs go to files, as in production: a pipe would have the harness read them on the parties' two cores. */
const logFolder = mkdtempSync(join(tmpdir(), 'parley-bench-logs-'));
let logs = 0;

/** Starts a party and waits until it has printed its address; throws with its output when it does not. */
export async function startParty(command: PartyCommand): Promise<Party> {
  const startedAt = performance.now();
  const logFile = join(logFolder, String(logs++));
  const child = spawnNode(command, ['ignore', 'pipe', openSync(logFile, 'w')]);
  let printed = '';
  const keep = (text: Buffer): void => {
    printed = (printed + text.toString()).slice(-outputKept);
  };
  child.stdout?.on('data', keep);
  const output = (): string => (printed + readFileSync(logFile, 'utf8')).slice(-outputKept);
  try {
    const origin = await awaitAddress(child, command, output);
    const stop = (): Promise<void> => stopChild(child);
    return {
      name: command.name,
      pid: child.pid!,
      origin,
      output,
      stop,
      ageMs: () => performance.now() - startedAt,
    };
  } catch (error) {
    await stopChild(child);
    throw error;
  }
}

/** Kills, by their ids, all children that still run, and deletes their logs; safe to call from an `exit` handler. */
export function killChildren(): void {
  for (const child of children) child.kill('SIGKILL');
  rmSync(logFolder, { recursive: true, force: true });
}
