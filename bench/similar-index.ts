/**
 * The similar half of the response cache among many entries of one group: `node --expose-gc bench/similar-index.ts [entries]`.
 * Prints the time of one `add` and `find` with the embedding made beforehand, of `embedLexically`, and the memory an entry holds.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import type { Embedding } from '../src/core/completions/cache/embedding.ts';
import { embedLexically } from '../src/core/completions/cache/lexical-embedding.ts';
import { createSimilarIndex } from '../src/core/completions/cache/similar-index.ts';

const entries = Number(process.argv[2] ?? 100_000);
const lookups = 20_000;
const denseDimensions = 1536;
const vocabulary =
  `server invoice garden keyboard river window coffee mountain printer battery network password calendar
account database camera bicycle kitchen engine market ticket bridge teacher forest planet museum orchestra border harbour signal
enable disable install remove open close start stop before after with without red blue green large small first last`.split(
    /\s+/u,
  );

let seed = 1;
const random = () => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) / 2 ** 32;

function message(number: number): string {
  const words = Array.from({ length: 16 }, () => vocabulary[Math.floor(random() * vocabulary.length)]);
  return `How do I ${words.join(' ')} number ${number}?`;
}

function denseVector(): Embedding {
  const vector = Float32Array.from({ length: denseDimensions }, () => random() - 0.5);
  const length = Math.hypot(...vector);
  return { kind: 'dense', vector: vector.map((value) => value / length) };
}

const percentile = (sorted: Float64Array, share: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;

function report(name: string, times: Float64Array): void {
  const sorted = times.sort();
  const micros = (share: number) => `${(percentile(sorted, share) * 1000).toFixed(1)} µs`;
  process.stdout.write(`${name}: p50 ${micros(0.5)}, p99 ${micros(0.99)}, max ${micros(1)}\n`);
}

function timed(count: number, act: (i: number) => void): Float64Array {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    act(i);
    times[i] = performance.now() - start;
  }
  return times;
}

async function memory(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    globalThis.gc?.();
    await setImmediate();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function run(name: string, embed: (text: string, i: number) => Embedding): Promise<void> {
  const texts = Array.from({ length: entries }, (_, i) => message(i));
  const index = createSimilarIndex();
  const before = await memory();
  const addTimes = new Float64Array(entries);
  for (let i = 0; i < entries; i++) {
    const embedding = embed(texts[i]!, i);
    const start = performance.now();
    index.add('group', i, texts[i]!, embedding);
    addTimes[i] = performance.now() - start;
  }
  const held = (await memory()) - before;
  process.stdout.write(
    `\n${name}, ${entries} entries in one group; ${Math.round(held / entries)} bytes an entry\n`,
  );
  report('add', addTimes);
  const picks = Array.from({ length: lookups }, (_, i) => (i * 7919) % entries);
  const questions = picks.map((pick) => `hi, ${texts[pick]!.toLowerCase()} Thanks!`);
  const embeddings = picks.slice(0, 2000).map((pick, i) => embed(questions[i]!, pick));
  let hits = 0;
  const found = timed(lookups, (i) => {
    const at = i % embeddings.length;
    if (index.find('group', questions[at]!, embeddings[at]!, 0.95)) hits++;
  });
  report(`find, ${hits} of ${lookups} hit`, found);
  report(
    'find, none there',
    timed(lookups, (i) =>
      index.find('group', `${questions[i]!} no`, embeddings[i % embeddings.length]!, 0.95),
    ),
  );
}

report(
  'embedLexically, 20 English words',
  timed(lookups, (i) => embedLexically(message(i))),
);
report(
  'embedLexically, 30 Chinese characters',
  timed(lookups, (i) =>
    embedLexically(`我昨天在你们网店买了${i}件外套，今天收到以后发现袖子上有一个小洞，怎么换货`),
  ),
);
await run('lexical', (text) => embedLexically(text));
const pool = Array.from({ length: 1000 }, denseVector);
await run(`dense, ${denseDimensions} dimensions`, (_text, i) => pool[i % pool.length]!);
