/**
 * Looks questions up in Parley's similarity index, in a process of its own: fills it with `BENCH_ENTRIES`
 * questions, then times one lookup after the other (embedding the question and finding its neighbour). Prints
 * one line of JSON, a `LookupRun`.
 */
import { createSimilarIndex, type SimilarIndex } from '../../src/core/completions/cache/similar-index.ts';
import { embedLexically } from '../../src/core/completions/cache/lexical-embedding.ts';
import { buildQuestions, rephrase } from '../questions.ts';

/** Times of one kind of lookup, in milliseconds. */
export interface Lookups {
  p50Ms: number;
  p99Ms: number;
  mostMs: number;
  /** Share that found the expected entry, or rightly none. */
  rightShare: number;
}

/** What one process measured. */
export interface LookupRun {
  entries: number;
  fillMs: number;
  rssMb: number;
  hits: Lookups;
  misses: Lookups;
}

const entries = Number(process.env.BENCH_ENTRIES ?? '100000');
/** The default of Parley's `cache.threshold`. */
const threshold = 0.95;
const lookups = 4_000;
const warmUps = 500;
const group = 'bench';

function timeLookups(
  index: SimilarIndex,
  asked: readonly string[],
  expected: (at: number) => number | undefined,
): Lookups {
  const times: number[] = [];
  let right = 0;
  for (const [at, question] of asked.entries()) {
    const startedAt = performance.now();
    const found = index.find(group, question, embedLexically(question), threshold);
    if (at >= warmUps) times.push(performance.now() - startedAt);
    if (found?.id === expected(at)) right++;
  }
  times.sort((a, b) => a - b);
  const quantile = (share: number): number => times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
  return {
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    mostMs: quantile(1),
    rightShare: right / asked.length,
  };
}

const index = createSimilarIndex();
const questions = buildQuestions(entries + lookups);
const fillStartedAt = performance.now();
for (let at = 0; at < entries; at++) index.add(group, at, questions[at]!, embedLexically(questions[at]!));
const fillMs = performance.now() - fillStartedAt;

const step = Math.floor(entries / lookups);
const near = Array.from({ length: lookups }, (_, at) => rephrase(questions[at * step]!));
const hits = timeLookups(index, near, (at) => at * step);
const misses = timeLookups(index, questions.slice(entries), () => undefined);
const run: LookupRun = { entries, fillMs, rssMb: process.memoryUsage.rss() / 1_048_576, hits, misses };
process.stdout.write(`${JSON.stringify(run)}\n`);
