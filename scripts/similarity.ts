/**
 * Prints how the cache's similarity judges test/similarity/pairs.yaml: `npm run similarity`. The tables of docs/similarity.md
 * are its output.
 */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { cosine } from '../src/core/completions/cache/embedding.ts';
import { embedLexically } from '../src/core/completions/cache/lexical-embedding.ts';
import { sameMeaning } from '../src/core/completions/cache/similarity-guard.ts';

interface Pair {
  a: string;
  b: string;
  same: boolean;
  lang: string;
  paraphrase?: boolean;
}

interface Judged extends Pair {
  score: number;
  lexical: boolean;
  dense: boolean;
}

const thresholds = [0.8, 0.85, 0.9, 0.95, 0.97, 0.98, 0.99];
const languages = ['en', 'zh', 'mixed', 'all'];
const defaultThreshold = 0.95;

const file = new URL('../test/similarity/pairs.yaml', import.meta.url);
const judged = (parse(readFileSync(file, 'utf8')) as Pair[]).map(judge);
for (const table of [counts(), byThreshold(), byLanguage()]) process.stdout.write(`${table}\n\n`);

function judge(pair: Pair): Judged {
  const { a, b } = pair;
  const score = cosine(embedLexically(a), embedLexically(b));
  return { ...pair, score, lexical: sameMeaning(a, b, 'sparse'), dense: sameMeaning(a, b, 'dense') };
}

function counts(): string {
  const rows = languages.map((lang) => {
    const sample = judged.filter((pair) => isOf(pair, lang));
    const same = sample.filter((pair) => pair.same);
    const paraphrases = same.filter((pair) => pair.paraphrase).length;
    return [lang, same.length - paraphrases, paraphrases, sample.length - same.length, sample.length];
  });
  return table(['language', 'same, reworded', 'same, paraphrased', 'different', 'pairs'], rows);
}

function byThreshold(): string {
  const rows = thresholds.map((threshold) => [
    threshold.toFixed(2),
    ...figures(judged, (pair) => pair.lexical && pair.score >= threshold),
    ...figures(judged, (pair) => pair.score >= threshold),
  ]);
  const header = ['threshold', 'wrong hits', 'precision', 'recall'];
  return table([...header, ...header.slice(1).map((name) => `${name}, no guard`)], rows);
}

function byLanguage(): string {
  const rows = languages.map((lang) => {
    const sample = judged.filter((pair) => isOf(pair, lang));
    const reworded = sample.filter((pair) => pair.same && !pair.paraphrase);
    const isHit = (pair: Judged) => pair.lexical && pair.score >= defaultThreshold;
    return [
      lang,
      ...figures(sample, isHit),
      share(reworded.filter(isHit).length, reworded.length),
      ...figures(sample, (pair) => pair.dense),
    ];
  });
  const header = ['wrong hits', 'precision', 'recall'];
  return table(
    [
      'language',
      ...header,
      'recall, reworded only',
      ...header.map((name) => `${name}, dense guard at cosine 1`),
    ],
    rows,
  );
}

function figures(sample: Judged[], isHit: (pair: Judged) => boolean): (string | number)[] {
  const hits = sample.filter(isHit);
  const right = hits.filter((pair) => pair.same).length;
  const wanted = sample.filter((pair) => pair.same).length;
  return [hits.length - right, share(right, hits.length), share(right, wanted)];
}

function isOf(pair: Pair, lang: string): boolean {
  return lang === 'all' || pair.lang === lang;
}

function share(part: number, whole: number): string {
  return whole === 0 ? '–' : (part / whole).toFixed(3);
}

function table(header: string[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}
