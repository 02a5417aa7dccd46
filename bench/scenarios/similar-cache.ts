/**
 * A similar hit among 100,000 entries.
 *
 * The goal is judged in the index: it is filled, in a process of its own, with 100,000 questions of one owner and one
 * model (`questions.ts`; all in one group, the hardest case). Then 4,000 of them are looked up as somebody else would
 * type them, and 4,000 that are not there, one after the other; each figure is embedding plus lookup, the first 500
 * of each not counted; up to three fresh processes. "right" is the share that found just the entry that was
 * rephrased, or rightly none; under 95 % the goal counts as missed, whatever the time.
 *
 * Beside it the same over HTTP: a Parley filled through its own door, then asked over one connection, so that
 * the figure is the whole request's.
 */
import { median } from '../median.ts';
import { figure, judgeMost, spread } from '../outcome.ts';
import type { Lookups, LookupRun } from '../parties/similar-lookup.ts';
import { reasonOf } from '../reason.ts';
import type { GoalOutcome, Scenario } from '../scenario.ts';
import { runLookups } from '../similar-lookups.ts';
import { measureSimilarOverHttp, type SimilarOverHttp } from '../similar-over-http.ts';

const entries = 100_000;
const leastRight = 0.95;
const limitMs = 2;

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function judge(runs: readonly LookupRun[] | string): GoalOutcome {
  const goal = `< ${limitMs} ms p99`;
  if (typeof runs === 'string') return judgeMost(goal, runs, 'ms', limitMs);
  const outcome = judgeMost(
    goal,
    runs.map(({ hits }) => hits.p99Ms),
    'ms',
    limitMs,
  );
  const right = median(runs.map(({ hits }) => hits.rightShare));
  if (right >= leastRight) return outcome;
  return { goal, measured: `${outcome.measured}, but only ${percent(right)} found`, verdict: 'missed' };
}

function indexRow(name: string, runs: readonly LookupRun[], pick: (run: LookupRun) => Lookups): string[] {
  const column = (of: (lookups: Lookups) => number): string => spread(runs.map((run) => of(pick(run))));
  const right = median(runs.map((run) => pick(run).rightShare));
  const memory = figure(median(runs.map((run) => run.rssMb)));
  return [name, column((one) => one.p50Ms), column((one) => one.p99Ms), percent(right), memory];
}

function httpRow(http: SimilarOverHttp | string): string[] {
  const name = 'over HTTP, similar hit';
  if (typeof http === 'string') return [name, `not measured: ${http}`];
  const { result, hitShare, peakRssMb } = http;
  return [name, figure(result.p50Ms), figure(result.p99Ms), percent(hitShare), figure(peakRssMb)];
}

async function runAll(rounds: number, log: (line: string) => void): Promise<LookupRun[]> {
  const runs: LookupRun[] = [];
  for (let round = 1; round <= Math.min(rounds, 3); round++) {
    const run = await runLookups(entries);
    log(`round ${round} · hits p99 ${figure(run.hits.p99Ms)} ms, filled in ${figure(run.fillMs)} ms`);
    runs.push(run);
  }
  return runs;
}

export const similarCache: Scenario = {
  name: 'similar-cache',
  title: `Similar cache hit among ${entries.toLocaleString('en')} entries`,
  async run(options, log) {
    const columns = ['lookup', 'p50 ms', 'p99 ms', 'right', 'RSS MB'];
    const runs = await runAll(options.rounds, log).catch(reasonOf);
    const http = await measureSimilarOverHttp(entries, options).catch(reasonOf);
    const found = typeof runs === 'string' ? [] : runs;
    const rows = [
      indexRow('index, similar hit', found, (run) => run.hits),
      indexRow('index, miss', found, (run) => run.misses),
      httpRow(http),
    ];
    return { goals: [judge(runs)], figures: { columns, rows }, raw: { runs, http } };
  },
};
