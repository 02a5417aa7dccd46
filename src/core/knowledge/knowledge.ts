import { createHash } from 'node:crypto';
import MiniSearch from 'minisearch';
import type { SearchResult } from 'minisearch';
import { splitMarkdown } from './passages.ts';
import type { Passage } from './passages.ts';
import { queryUnits, segment } from './segment.ts';
import type { QueryUnit } from './segment.ts';

/** A Markdown document by its name, `setup/docker.md` for example. */
export interface KnowledgeDocument {
  name: string;
  text: string;
}

export interface Found {
  passage: Passage;
  /** 0 to 1: `coverage`, lowered for passages that match less well than the best one. */
  score: number;
  /** 0 to 1: the share of the query's informative terms that the passage contains, rare terms counting more. */
  coverage: number;
}

/** A full-text index over Markdown documents. */
export interface Knowledge {
  /** Forgets everything and takes these documents instead. */
  replace(documents: readonly KnowledgeDocument[]): void;
  /** The passages that fit best, best first, at most `limit`. */
  search(query: string, limit: number): Found[];
  /** How many informative terms a text has; 0 for "and how?". */
  informativeTerms(text: string): number;
  /** Changes whenever a document does; 16 hexadecimal digits. */
  revision(): string;
}

/** What is not found exactly but as a longer word, or with a typing error, counts less. */
const nearCoverage = 0.75;
const partsCoverage = 0.9;
/** Passages that the ranking by coverage looks at, beyond the number wanted. */
const candidates = 20;
/** The part of a score that depends on whether the passage's own heading is about the query and nothing else. */
const headingShare = 0.25;

interface Index {
  search: MiniSearch<Passage>;
  passages: Map<string, Passage>;
  /** Passage id to the informative terms of its own heading. */
  headings: Map<string, string[]>;
  /** In how many passages a term occurs. */
  frequency: Map<string, number>;
  revision: string;
}

/** An empty, in-memory knowledge base; feed it with `replace`. It does no file access. */
export function createKnowledge(): Knowledge {
  let index = buildIndex([]);
  return {
    replace: (documents) => {
      index = buildIndex(documents);
    },
    search: (query, limit) => searchIndex(index, query, limit),
    informativeTerms: (text) => queryUnits(text).length,
    revision: () => index.revision,
  };
}

function buildIndex(documents: readonly KnowledgeDocument[]): Index {
  const passages = new Map<string, Passage>();
  const headings = new Map<string, string[]>();
  const frequency = new Map<string, number>();
  const search = new MiniSearch<Passage>({
    fields: ['title', 'text'],
    tokenize: segment,
    processTerm: (term) => term,
  });
  for (const passage of documents.flatMap((document) => splitMarkdown(document.name, document.text))) {
    if (passages.has(passage.id)) continue;
    passages.set(passage.id, passage);
    search.add(passage);
    headings.set(passage.id, termsOf(queryUnits(passage.title.split(' › ').at(-1)!)));
    for (const term of new Set(segment(`${passage.title}\n${passage.text}`))) {
      frequency.set(term, (frequency.get(term) ?? 0) + 1);
    }
  }
  return { search, passages, headings, frequency, revision: hashOf(documents) };
}

function hashOf(documents: readonly KnowledgeDocument[]): string {
  const hash = createHash('sha256');
  const byName = [...documents].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { name, text } of byName) hash.update(JSON.stringify([name, text]));
  return hash.digest('hex').slice(0, 16);
}

function searchIndex(index: Index, query: string, limit: number): Found[] {
  const units = queryUnits(query);
  if (units.length === 0 || index.passages.size === 0) return [];
  const weights = weightsOf(index, units);
  const results = index.search.search(query, {
    tokenize: () => [...weights.keys()],
    boostTerm: (term) => weights.get(term) ?? 1,
    boost: { title: 2 },
    prefix: (term) => term.length >= 5,
    fuzzy: (term) => (isMisspelt(index, term) ? 1 : false),
    weights: { prefix: 0.3, fuzzy: 0.3 },
  });
  const best = results[0]?.score ?? 0;
  return results
    .slice(0, limit + candidates)
    .map((result) => toFound(index, units, result, best))
    .sort((a, b) => b.score - a.score)
    .slice(0, limit);
}

/** The terms to look up: each unit whole, and its parts with a share of its weight. */
function weightsOf(index: Index, units: QueryUnit[]): Map<string, number> {
  const weights = new Map<string, number>();
  for (const unit of units) {
    weights.set(unit.term, unit.weight);
    for (const part of unit.parts) {
      const share =
        unit.weight / (index.frequency.has(unit.term) ? 2 * unit.parts.length : unit.parts.length);
      weights.set(part, Math.max(weights.get(part) ?? 0, share));
    }
  }
  return weights;
}

/** Only unknown, longer, alphabetic terms: otherwise "rice" would find "price", and "v1" "v2". */
function isMisspelt(index: Index, term: string): boolean {
  return /^[a-z]{5,30}$/.test(term) && !index.frequency.has(term);
}

function toFound(index: Index, units: QueryUnit[], result: SearchResult, best: number): Found {
  let all = 0;
  let covered = 0;
  for (const unit of units) {
    const weight = unit.weight * rarityOf(index, unit);
    all += weight;
    covered += weight * coverageOf(unit, result);
  }
  const coverage = all === 0 ? 0 : covered / all;
  const passage = index.passages.get(result.id as string)!;
  const about = headingFit(index.headings.get(passage.id)!, units);
  const relative = Math.sqrt(result.score / best) * (1 - headingShare + headingShare * about);
  return { passage, coverage, score: coverage * relative };
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
  if (Object.hasOwn(result.match, term)) return 1;
  return result.queryTerms.includes(term) ? nearCoverage : 0;
}

function meanOf(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The inverse document frequency; a term that occurs nowhere counts like one that occurs once. */
function rarityOf(index: Index, unit: QueryUnit): number {
  const terms = index.frequency.has(unit.term) || unit.parts.length === 0 ? [unit.term] : unit.parts;
  const rarities = terms.map((term) => {
    const frequency = Math.max(index.frequency.get(term) ?? 0, 1);
    return Math.log(1 + (index.passages.size - frequency + 0.5) / (frequency + 0.5));
  });
  return meanOf(rarities);
}
