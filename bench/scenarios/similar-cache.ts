/**
 * A similar hit among 100,000 entries.
 *
 * Parley's similarity index in a process of its own, filled with 100,000 questions of one owner and one model
 * (`questions.ts`; the hardest case: all in one group). Then 4,000 of them are looked up as somebody else would
 * type them, and 4,000 that are not there, one after the other; each figure is embedding plus lookup, the first
 * 500 of each not counted. Repeated in fresh processes. A lookup that finds another entry than the rephrased one
 * is counted as wrong.
 */
import { spawnNode } from '../children.ts';
import { median } from '../median.ts';
import { figure, judgeMost, spread } from '../outcome.ts';
import type { Scenario } from '../scenario.ts';

interface Lookups {
  p50Ms: number;
  p99Ms: number;
  mostMs: number;
  rightShare: number;
}

interface LookupRun {
  entries: number;
  fillMs: number;
  rssMb: number;
  hits: Lookups;
  misses: Lookups;
}

const script = new URL('../parties/similar-lookup.ts', import.meta.url).pathname;
const entries = 100_000;

/** Runs the lookups in a fresh process; rejects with the last line of its errors. */
function runLookups(): Promise<LookupRun> {
  const command = { name: 'similar-lookup', args: [script], env: { BENCH_ENTRIES: String(entries) } };
  const child = spawnNode(command, ['ignore', 'pipe', 'pipe']);
  let printed = '';
  let failed = '';
  child.stdout?.on('data', (text: Buffer) => (printed += text.toString()));
  child.stderr?.on('data', (text: Buffer) => (failed += text.toString()));
  return new Promise((resolve, reject) => {
    child.once('close', (code) => {
      if (code === 0) return resolve(JSON.parse(printed) as LookupRun);
      const reason = /^\w*Error.*$/m.exec(failed)?.[0] ?? failed.slice(-300);
      reject(new Error(`the lookups failed: ${reason}`));
    });
  });
}

function row(name: string, runs: readonly LookupRun[], pick: (run: LookupRun) => Lookups): string[] {
  const column = (of: (lookups: Lookups) => number): string => spread(runs.map((run) => of(pick(run))));
  const right = median(runs.map((run) => pick(run).rightShare)) * 100;
  const memory = figure(median(runs.map((run) => run.rssMb)));
  return [
    name,
    column((l) => l.p50Ms),
    column((l) => l.p99Ms),
    column((l) => l.mostMs),
    `${right.toFixed(1)} %`,
    memory,
  ];
}

export const similarCache: Scenario = {
  name: 'similar-cache',
  title: `Similar cache hit among ${entries.toLocaleString('en')} entries`,
  async run(options, log) {
    const goal = '< 2 ms p99';
    const columns = ['lookup', 'p50 ms', 'p99 ms', 'slowest ms', 'right', 'RSS MB'];
    try {
      const runs: LookupRun[] = [];
      for (let round = 1; round <= Math.min(options.rounds, 3); round++) {
        runs.push(await runLookups());
        log(
          `round ${round} · hits p99 ${figure(runs.at(-1)!.hits.p99Ms)} ms, filled in ${figure(runs.at(-1)!.fillMs)} ms`,
        );
      }
      const times = runs.map((run) => run.hits.p99Ms);
      const rows = [row('similar hit', runs, (run) => run.hits), row('miss', runs, (run) => run.misses)];
      return { goals: [judgeMost(goal, times, 'ms', 2)], figures: { columns, rows }, raw: runs };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { goals: [judgeMost(goal, why, 'ms', 2)], figures: { columns, rows: [] }, raw: { why } };
    }
  },
};
