/**
 * Looks questions up in Parley's similarity index, in a process of its own: fills it with `BENCH_ENTRIES`
 * questions, then times one lookup after the other (embedding the question and finding its neighbour). Prints
 * one line of JSON.
 */
import { buildQuestions, rephrase } from '../questions.ts';

/** The part of Parley that is measured; spelled out here because it is loaded only when the scenario runs. */
interface SimilarIndexModule {
  createSimilarIndex(parts: { minThreshold: number }): {
    add(group: string, number: number, prompt: string, embedding: unknown): void;
    find(group: string, prompt: string, embedding: unknown, threshold: number): { number: number } | null;
  };
}
interface LexicalModule {
  embedLexically(text: string): unknown;
}

const entries = Number(process.env.BENCH_ENTRIES ?? '100000');
const threshold = Number(process.env.BENCH_THRESHOLD ?? '0.9');
const lookups = 4_000;
const warmUps = 500;
const group = 'bench';

const room = new URL('../../src/core/completions/cache/', import.meta.url);
const { createSimilarIndex } = (await import(new URL('similar-index.ts', room).href)) as SimilarIndexModule;
const { embedLexically } = (await import(new URL('lexical-embedding.ts', room).href)) as LexicalModule;

/** Times each lookup in milliseconds and counts those that found the expected entry. */
function timeLookups(
  index: ReturnType<typeof createSimilarIndex>,
  asked: string[],
  expected?: (at: number) => number,
) {
  const times: number[] = [];
  let right = 0;
  for (const [at, question] of asked.entries()) {
    const startedAt = performance.now();
    const found = index.find(group, question, embedLexically(question), threshold);
    if (at >= warmUps) times.push(performance.now() - startedAt);
    if (expected ? found?.number === expected(at) : !found) right++;
  }
  return { times: times.toSorted((a, b) => a - b), rightShare: right / asked.length };
}

const index = createSimilarIndex({ minThreshold: threshold });
const questions = buildQuestions(entries + lookups);
const fillStartedAt = performance.now();
for (let at = 0; at < entries; at++) index.add(group, at, questions[at]!, embedLexically(questions[at]!));
const fillMs = performance.now() - fillStartedAt;

const step = Math.floor(entries / lookups);
const near = Array.from({ length: lookups }, (_, at) => rephrase(questions[at * step]!));
const hits = timeLookups(index, near, (at) => at * step);
const misses = timeLookups(index, questions.slice(entries));
const quantile = (times: number[], share: number): number =>
  times[Math.ceil(times.length * share) - 1] ?? Number.NaN;
const summary = ({ times, rightShare }: typeof hits) => ({
  p50Ms: quantile(times, 0.5),
  p99Ms: quantile(times, 0.99),
  mostMs: quantile(times, 1),
  rightShare,
});
const rssMb = process.memoryUsage.rss() / 1_048_576;
process.stdout.write(
  `${JSON.stringify({ entries, fillMs, rssMb, hits: summary(hits), misses: summary(misses) })}\n`,
);
