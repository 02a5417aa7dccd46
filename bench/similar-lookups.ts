import { spawnNode } from './children.ts';
import type { LookupRun } from './parties/similar-lookup.ts';

const script = new URL('parties/similar-lookup.ts', import.meta.url).pathname;

/** Runs the index lookups in a fresh process; rejects with what it printed when it fails. */
export function runLookups(entries: number): Promise<LookupRun> {
  const command = { name: 'similar-lookup', args: [script], env: { BENCH_ENTRIES: String(entries) } };
  const child = spawnNode(command, ['ignore', 'pipe', 'pipe']);
  let printed = '';
  let failed = '';
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (failed += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(printed) as LookupRun);
      else reject(new Error(`the lookups failed: ${failed}`));
    });
  });
}
