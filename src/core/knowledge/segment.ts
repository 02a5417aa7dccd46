import { stopWords, weakWords } from './stop-words.ts';

/** One notion of a query: its index term, and the smaller terms it is made of where the whole is not in the index. */
export interface QueryUnit {
  term: string;
  /** Empty where `term` has no smaller parts. */
  parts: string[];
  /** Whether `parts` are the pairs of neighbouring characters of `term`, each sharing one with the next. */
  overlapping: boolean;
  /** How much the notion says about what is wanted: 1, or less for verbs like "use" and for lone characters. */
  weight: number;
}

/** More of a question is not looked at: enough for any question, and it bounds the work of a search. */
const maxQueryChars = 2_000;
const maxUnits = 40;
const weakWeight = 0.25;
const loneCharacterWeight = 0.3;

const cjk = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々`;
const tokenPattern = new RegExp(`[${cjk}]+|[[\\p{L}\\p{N}\\p{M}_]--[${cjk}]]+(?:['’][\\p{L}]+)?`, 'gv');
const cjkStart = new RegExp(`^[${cjk}]`, 'v');
const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });

/**
 * The index terms of a text, in order and with repeats: lower-cased and NFKC-normalised words with English plurals and
 * `-ing`/`-ed` folded; names like `a_b` whole and in parts; for Chinese, Japanese and Korean the dictionary's words
 * and every pair of neighbouring characters, so that compounds unknown to the dictionary match too.
 */
export function segment(text: string): string[] {
  const terms: string[] = [];
  for (const token of tokensOf(text)) {
    if (cjkStart.test(token)) {
      const pairs = bigrams(token);
      terms.push(...pairs, ...wordsOf(token).filter((word) => lengthOf(word) !== 2));
    } else {
      terms.push(...latinTerms(token));
    }
  }
  return terms;
}

/**
 * The distinct notions of a question that say what it is about; words like "how", "the", "什么" are left out, and verbs
 * like "use" where there is nothing else. At most 40, from the first 2,000 characters.
 */
export function queryUnits(text: string): QueryUnit[] {
  const units = distinctUnits(text);
  return units.some((unit) => unit.weight > weakWeight) ? units : [];
}

function distinctUnits(text: string): QueryUnit[] {
  const units = new Map<string, QueryUnit>();
  for (const token of tokensOf(text.length > maxQueryChars ? text.slice(0, maxQueryChars) : text)) {
    for (const unit of cjkStart.test(token) ? cjkUnits(token) : latinUnits(token)) {
      if (!units.has(unit.term)) units.set(unit.term, unit);
      if (units.size === maxUnits) return [...units.values()];
    }
  }
  return [...units.values()];
}

function tokensOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().match(tokenPattern) ?? [];
}

function latinTerms(token: string): string[] {
  const word = stem(token.replace(/['’].*$/u, ''));
  if (!word.includes('_')) return [word];
  return [word, ...partsOf(word)];
}

function latinUnits(token: string): QueryUnit[] {
  const bare = token.replace(/['’].*$/u, '');
  if (stopWords.has(bare)) return [];
  const term = stem(bare);
  const parts = term.includes('_') ? partsOf(term) : [];
  return [{ term, parts, overlapping: false, weight: weakWords.has(bare) ? weakWeight : 1 }];
}

function partsOf(name: string): string[] {
  return name.split('_').filter(Boolean).map(stem);
}

/** The dictionary splits many everyday compounds (缓存, 密钥) into lone characters: neighbours are joined again. */
function cjkUnits(run: string): QueryUnit[] {
  const units: QueryUnit[] = [];
  let lone = '';
  for (const word of [...wordsOf(run), '']) {
    if (lengthOf(word) === 1 && !stopWords.has(word)) {
      lone += word;
      continue;
    }
    if (lone !== '' && !stopWords.has(lone)) units.push(cjkUnit(lone));
    lone = '';
    if (word !== '' && !stopWords.has(word)) units.push(cjkUnit(word));
  }
  return units;
}

function cjkUnit(term: string): QueryUnit {
  const length = lengthOf(term);
  const weight = weakWords.has(term) ? weakWeight : length === 1 ? loneCharacterWeight : 1;
  return { term, parts: length > 2 ? bigrams(term) : [], overlapping: true, weight };
}

function wordsOf(run: string): string[] {
  return Array.from(segmenter.segment(run), (part) => part.segment);
}

function bigrams(run: string): string[] {
  const characters = Array.from(run);
  return characters.slice(1).map((character, index) => characters[index]! + character);
}

function lengthOf(word: string): number {
  return word.length === 1 ? 1 : Array.from(word).length;
}

/** A light stem: the same for singular and plural, `cache`, `cached` and `caching`. Only for ASCII words. */
function stem(word: string): string {
  if (word.length < 4 || !/^[a-z]+$/.test(word)) return word;
  let base = word;
  if (base.endsWith('ies') && base.length > 4) base = `${base.slice(0, -3)}y`;
  else if (/(?:ss|x|z|ch|sh)es$/.test(base)) base = base.slice(0, -2);
  else if (/[^sui]s$/.test(base)) base = base.slice(0, -1);
  const bare = base.replace(/(?:ing|ed)$/, '');
  if (bare !== base && bare.length >= 4) base = bare.replace(/([bdgmnprt])\1$/, '$1');
  return base.length > 4 ? base.replace(/e$/, '') : base;
}
