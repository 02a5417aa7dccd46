import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { environment, type ParleyOptions } from './parley.ts';

const start = fileURLToPath(new URL('../../src/start.mjs', import.meta.url));

/** Parley as a process of its own. */
export interface ParleyProcess {
  url: string;
  /** Its database, to be looked into once it has ended. */
  database: string;
  stdout(): string;
  stderr(): string;
  signal(name: 'SIGTERM' | 'SIGINT'): void;
  /** How it ended. */
  ended: Promise<Ended>;
  /** Kills it where it still runs, and removes its data folder. */
  close(): Promise<void>;
}

export interface Ended {
  code: number | null;
  signal: string | null;
}

/** A process that was started, and may not listen yet. */
export interface Launched {
  /** Resolves when it listens; rejects when it ends before that. */
  url: Promise<string>;
  stdout(): string;
  stderr(): string;
  signal(name: NodeJS.Signals): void;
  ended: Promise<Ended>;
}

/** Starts `node src/start.mjs`; resolves when it listens. */
export async function startParleyProcess(options: ParleyOptions = {}): Promise<ParleyProcess> {
  const folder = makeDataFolder();
  const launched = launchParley(folder, options);
  const close = async () => {
    launched.signal('SIGKILL');
    await launched.ended;
    removeDataFolder(folder);
  };
  return { ...launched, url: await launched.url, database: databaseIn(folder), close };
}

/** What a process leaves behind, and the next one finds. */
export const makeDataFolder = () => mkdtempSync(join(tmpdir(), 'parley-process-'));
export const removeDataFolder = (folder: string) => rmSync(folder, { recursive: true, force: true });
export const databaseIn = (folder: string) => join(folder, 'data', 'parley.db');

/** Starts `node src/start.mjs` over a folder of `makeDataFolder`, which may have served other processes before. */
export function launchParley(folder: string, options: ParleyOptions = {}): Launched {
  const child = spawn(process.execPath, [start], {
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
  const url = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      const found = /listens on (http:\S+)\n/.exec(stdout)?.[1];
      if (found !== undefined) resolve(found);
    });
    void ended.then(() => reject(new Error(`the process ended: ${stderr}`)));
  });
  url.catch(() => {});
  return {
    url,
    stdout: () => stdout,
    stderr: () => stderr,
    signal: (name) => void child.kill(name),
    ended,
  };
}
