/**
 * Preloaded (`--import`) into a party: on SIGUSR2 it collects all garbage and writes what it holds then, a `Memory`, into the file that the
 * address of this module names as `to`.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** In bytes. */
export interface Memory {
  rss: number;
  heap: number;
  external: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;
const file = new URL(import.meta.url).searchParams.get('to') ?? '';
const times = 3;
const pauseMs = 200;

function write(left: number): void {
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  if (left > 1) {
    setTimeout(write, pauseMs, left - 1);
    return;
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const memory: Memory = { rss, heap: heapUsed, external };
  writeFileSync(`${file}.new`, JSON.stringify(memory));
  renameSync(`${file}.new`, file);
}

process.on('SIGUSR2', () => write(times));
