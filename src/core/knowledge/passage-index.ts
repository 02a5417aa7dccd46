import MiniSearch from 'minisearch';
import type { SearchResult } from 'minisearch';
import type { Passage } from './passages.ts';
import { queryUnits, segment } from './segment.ts';
import type { QueryUnit } from './segment.ts';

/** A passage in the index, of which others may have the same text. */
export interface IndexedPassage<Document> {
  /** Unique in the index. */
  id: number;
  passage: Passage;
  document: Document;
  /** The informative terms of the passage's own heading. */
  heading: string[];
}

/** A passage that a query found. */
export interface Match<Document> {
  indexed: IndexedPassage<Document>;
  /** 0 to 1: `coverage`, lowered for passages that match less well than the best one. */
  score: number;
  /** 0 to 1: the share of the query's informative terms that the passage contains, rare terms counting more. */
  coverage: number;
}

/** Passages by their terms. What is added and removed one by one is found as if all had been added at once. */
export interface PassageIndex<Document> {
  /** About a millisecond of work. It is found once it is shown. */
  add(passage: Passage, document: Document): IndexedPassage<Document>;
  show(indexed: IndexedPassage<Document>): void;
  /** From now on it is not found; what it takes up stays until it is removed. */
  hide(indexed: IndexedPassage<Document>): void;
  /** As much work as `add`. */
  remove(indexed: IndexedPassage<Document>): void;
  /** The best, best first, at most `limit`. */
  search(query: string, limit: number): Match<Document>[];
}

interface Entry {
  id: number;
  title: string;
  text: string;
}

interface Index<Document> {
  search: MiniSearch<Entry>;
  shown: Map<number, IndexedPassage<Document>>;
  /** In how many passages a term occurs. */
  frequency: Map<string, number>;
}

/** What is not found exactly but as a longer word, or with a typing error, counts less. */
const nearCoverage = 0.75;
const partsCoverage = 0.9;
/** Passages that the ranking by coverage looks at, beyond the number wanted. */
const candidates = 20;
/** The part of a score that depends on whether the passage's own heading is about the query and nothing else. */
const headingShare = 0.25;
/** The search's own scores are sums that depend on the order of adding in their last digits. */
const scoreDigits = 1e9;

export function createPassageIndex<Document>(): PassageIndex<Document> {
  // Segmenting is most of the work: the terms are the index's and the frequencies' alike.
  let terms: Record<string, string[]> = {};
  const index: Index<Document> = {
    search: new MiniSearch<Entry>({
      fields: ['title', 'text'],
      tokenize: (text, field = '') => terms[field] ?? segment(text),
      processTerm: keyOf,
    }),
    shown: new Map(),
    frequency: new Map(),
  };
  let lastId = 0;

  const change = (id: number, { title, text }: Passage, by: 1 | -1) => {
    terms = { title: segment(title), text: segment(text) };
    if (by === 1) index.search.add({ id, title, text });
    else index.search.remove({ id, title, text });
    for (const term of new Set([...(terms['title'] ?? []), ...(terms['text'] ?? [])])) {
      const frequency = (index.frequency.get(term) ?? 0) + by;
      if (frequency > 0) index.frequency.set(term, frequency);
      else index.frequency.delete(term);
    }
    terms = {};
  };
  return {
    add(passage, document) {
      const id = ++lastId;
      change(id, passage, 1);
      const heading = termsOf(queryUnits(passage.title.split(' › ').at(-1) ?? ''));
      return { id, passage, document, heading };
    },
    show: (indexed) => void index.shown.set(indexed.id, indexed),
    hide: ({ id }) => void index.shown.delete(id),
    remove({ id, passage }) {
      index.shown.delete(id);
      change(id, passage, -1);
    },
    search: (query, limit) => searchIndex(index, query, limit),
  };
}

function searchIndex<Document>(index: Index<Document>, query: string, limit: number): Match<Document>[] {
  const units = queryUnits(query);
  if (units.length === 0 || index.shown.size === 0) return [];
  const weights = weightsOf(index, units);
  const results = index.search.search(query, {
    tokenize: () => [...weights.keys()],
    boostTerm: (key) => weights.get(termOf(key)) ?? 1,
    boost: { title: 2 },
    prefix: (key) => termOf(key).length >= 5,
    fuzzy: (key) => (isMisspelt(index, key) ? 1 : false),
    weights: { prefix: 0.3, fuzzy: 0.3 },
    filter: ({ id }) => index.shown.has(id as number),
  });
  const found = results.map((result) => ({
    indexed: index.shown.get(result.id as number)!,
    score: Math.round(result.score * scoreDigits),
    result,
  }));
  const best = found[0]?.score ?? 0;
  return found
    .sort(byScore)
    .slice(0, limit + candidates)
    .map(({ indexed, result }) => toMatch(index, units, indexed, result, best / scoreDigits))
    .sort(byScore)
    .slice(0, limit);
}

type Scored = { score: number; indexed: { passage: Passage } };

/** The best first; of two equal ones, always the same. */
function byScore(a: Scored, b: Scored): number {
  if (a.score !== b.score) return b.score - a.score;
  return a.indexed.passage.id < b.indexed.passage.id ? -1 : 1;
}

/** The terms to look up: each unit whole, and its parts with a share of its weight. */
function weightsOf({ frequency }: Index<unknown>, units: QueryUnit[]): Map<string, number> {
  const weights = new Map<string, number>();
  for (const unit of units) {
    weights.set(unit.term, unit.weight);
    for (const part of unit.parts) {
      const share = unit.weight / (frequency.has(unit.term) ? 2 * unit.parts.length : unit.parts.length);
      weights.set(part, Math.max(weights.get(part) ?? 0, share));
    }
  }
  return weights;
}

/** Only unknown, longer, alphabetic terms: otherwise "rice" would find "price", and "v1" "v2". */
function isMisspelt({ frequency }: Index<unknown>, term: string): boolean {
  return /^[a-z]{5,30}$/.test(term) && !frequency.has(term);
}

function toMatch<Document>(
  index: Index<Document>,
  units: QueryUnit[],
  indexed: IndexedPassage<Document>,
  result: SearchResult,
  best: number,
): Match<Document> {
  let all = 0;
  let covered = 0;
  for (const unit of units) {
    const weight = unit.weight * rarityOf(index, unit);
    all += weight;
    covered += weight * coverageOf(unit, result);
  }
  const coverage = all === 0 ? 0 : covered / all;
  const about = headingFit(indexed.heading, units);
  const relative = Math.min(1, Math.sqrt(result.score / best)) * (1 - headingShare + headingShare * about);
  return { indexed, coverage, score: Math.round(coverage * relative * scoreDigits) / scoreDigits };
}

/** The share of the heading's terms that the query has: "Rate limits" fits "rate limits?" better than "Rate limits off". */
function headingFit(heading: string[], units: QueryUnit[]): number {
  if (heading.length === 0) return 0;
  const asked = new Set(termsOf(units));
  return heading.filter((term) => asked.has(term)).length / heading.length;
}

function termsOf(units: QueryUnit[]): string[] {
  return units.flatMap((unit) => [unit.term, ...unit.parts]);
}

function coverageOf(unit: QueryUnit, result: SearchResult): number {
  const whole = matchOf(unit.term, result);
  if (whole > 0 || unit.parts.length === 0) return whole;
  const matches = unit.parts.map((part) => matchOf(part, result));
  if (!unit.overlapping) return partsCoverage * meanOf(matches);
  const characters = [...matches, 0].map((match, index) => Math.max(match, matches[index - 1] ?? 0));
  return partsCoverage * meanOf(characters);
}

function matchOf(term: string, result: SearchResult): number {
  const key = keyOf(term);
  if (Object.hasOwn(result.match, key)) return 1;
  return result.queryTerms.includes(key) ? nearCoverage : 0;
}

function meanOf(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The inverse document frequency; a term that occurs nowhere counts like one that occurs once. */
function rarityOf({ frequency, search }: Index<unknown>, unit: QueryUnit): number {
  const terms = frequency.has(unit.term) || unit.parts.length === 0 ? [unit.term] : unit.parts;
  const rarities = terms.map((term) => {
    const passages = Math.max(frequency.get(term) ?? 0, 1);
    return Math.log(1 + (search.documentCount - passages + 0.5) / (passages + 0.5));
  });
  return meanOf(rarities);
}

/**
 * How the search spells a term. It keeps terms in a tree and looks through all children of a node one by one, which thousands of Chinese
 * characters below its root would make slow: so what is not ASCII is spelled in hexadecimal digits.
 */
function keyOf(term: string): string {
  if (/^[\x20-\x7d]*$/.test(term)) return term;
  let key = '~';
  for (let at = 0; at < term.length; at++) key += term.charCodeAt(at).toString(16).padStart(4, '0');
  return key;
}

function termOf(key: string): string {
  if (!key.startsWith('~')) return key;
  return key.slice(1).replace(/.{4}/g, (digits) => String.fromCharCode(Number.parseInt(digits, 16)));
}
