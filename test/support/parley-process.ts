import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment, type ParleyOptions } from './parley.ts';

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** Parley as a process of its own. */
export interface ParleyProcess {
  url: string;
  /** Its database, to be looked into once it has ended. */
  database: string;
  stdout(): string;
  stderr(): string;
  signal(name: 'SIGTERM' | 'SIGINT'): void;
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: string | null }>;
  /** Kills it where it still runs, and removes its data folder. */
  close(): Promise<void>;
}

/** Starts `node src/main.ts`; resolves when it listens. */
export async function startParleyProcess(options: ParleyOptions = {}): Promise<ParleyProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-process-'));
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], ...environment(folder, options) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const found = /listens on (http:\S+)\n/.exec(stdout)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(`the process ended: ${stderr}`)));
  });
  return {
    url,
    database: join(folder, 'data', 'parley.db'),
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => void child.kill(name),
    ended,
    async close() {
      if (child.exitCode === null) child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
