import { LRUCache } from 'lru-cache';
import type { CacheEntries, CacheEntryRow } from '../../../storage/cache-entries.ts';
import type { Log } from '../../log.ts';
import type { Runtime } from '../../runtime.ts';
import type { FinishReason, Usage } from '../provider.ts';
import type { CacheKey } from './cache-key.ts';
import { decodeEmbedding, encodeEmbedding, type Embedding } from './embedding.ts';
import { globTest } from './glob.ts';
import { createSimilarIndex } from './similar-index.ts';

/** What is kept of an answer. */
export interface CachedAnswer {
  text: string;
  model: string;
  reason: FinishReason;
  usage: Usage;
}

export interface CacheHit {
  answer: CachedAnswer;
  /** 1 for an exact match, else the cosine of the two messages. */
  similarity: number;
}

export interface CacheStats {
  hits: number;
  misses: number;
  bytes: number;
  maxBytes: number;
  entries: number;
  /** Mean time to answer over hits and misses, milliseconds; 0 before the first. */
  meanResponseMs: number;
  evictions: number;
  /** Milliseconds since the epoch; null where nothing was evicted yet. */
  lastEvictionAt: number | null;
}

export interface ResponseCacheParts {
  entries: CacheEntries;
  runtime: Pick<Runtime, 'now'>;
  log: Log;
  maxBytes: number;
  ttlMs: number;
  /** The cosine from which two messages count as the same, 0 to 1. */
  threshold: number;
  /** Turns a message into a vector; a failure makes the lookup a miss. */
  embed: (text: string) => Promise<Embedding>;
}

/** Answers by question: an exact match first, then the most similar earlier one of the same owner and settings. */
export interface ResponseCache {
  lookup(key: CacheKey): Promise<CacheHit | null>;
  /** Keeps an answer. It can be found at once; it is on disk when the promise resolves. */
  keep(key: CacheKey, answer: CachedAnswer): Promise<void>;
  /** Notes how long an answered request took, for `stats`. */
  answered(durationMs: number): void;
  /** Forgets every entry, or those whose prompt matches the glob; returns how many. */
  clear(pattern?: string): Promise<number>;
  stats(): CacheStats;
  /** Brings back what an earlier process kept. */
  load(): Promise<void>;
  /** Writes what is not on disk yet: which entries were used last. */
  flush(): Promise<void>;
}

interface Entry {
  number: number;
  key: CacheKey;
  answer: CachedAnswer;
  bytes: number;
  /** The row's id, once it is written. */
  stored: Promise<number | null>;
}

/** Fixed cost of an entry beside its texts: keys, index postings, the row. */
const overheadBytes = 600;
const loadPageSize = 500;

export function createResponseCache(parts: ResponseCacheParts): ResponseCache {
  const state = createState(parts);
  return {
    lookup: (key) => lookup(state, key),
    keep: (key, answer) => keep(state, key, answer),
    answered(durationMs) {
      state.answered++;
      state.answeredMs += durationMs;
    },
    clear: (pattern) => clear(state, pattern),
    stats: () => ({
      hits: state.hits,
      misses: state.misses,
      bytes: state.lru.calculatedSize,
      maxBytes: parts.maxBytes,
      entries: state.lru.size,
      meanResponseMs: state.answered === 0 ? 0 : state.answeredMs / state.answered,
      evictions: state.evictions,
      lastEvictionAt: state.lastEvictionAt,
    }),
    load: () => load(state),
    flush: () => flushTouched(state),
  };
}

type State = ReturnType<typeof createState>;

function createState(parts: ResponseCacheParts) {
  const byNumber = new Map<number, Entry>();
  const index = createSimilarIndex();
  const state = {
    parts,
    index,
    byNumber,
    lru: new LRUCache<string, Entry>({
      maxSize: parts.maxBytes,
      sizeCalculation: (entry) => entry.bytes,
      ttl: parts.ttlMs,
      ttlResolution: 0,
      perf: { now: parts.runtime.now },
      dispose: (entry, _exact, reason) => forget(state, entry, reason),
    }),
    touched: new Set<Entry>(),
    nextNumber: 1,
    hits: 0,
    misses: 0,
    answered: 0,
    answeredMs: 0,
    evictions: 0,
    lastEvictionAt: null as number | null,
  };
  return state;
}

function forget(state: State, entry: Entry, reason: LRUCache.DisposeReason): void {
  state.byNumber.delete(entry.number);
  state.index.remove(entry.number);
  state.touched.delete(entry);
  if (reason === 'set') return;
  if (reason === 'evict') {
    state.evictions++;
    state.lastEvictionAt = state.parts.runtime.now();
  }
  entry.stored
    .then((id) => (id === null ? undefined : state.parts.entries.remove([id])))
    .catch((err: unknown) => state.parts.log.warn({ err }, 'a cache entry could not be deleted from disk'));
}

async function lookup(state: State, key: CacheKey): Promise<CacheHit | null> {
  const exact = state.lru.get(key.exact);
  if (exact !== undefined) return hit(state, exact, 1);
  const similar = await lookupSimilar(state, key);
  if (similar !== null) return similar;
  state.misses++;
  return null;
}

async function lookupSimilar(state: State, key: CacheKey): Promise<CacheHit | null> {
  if (key.group === null || !state.index.hasCandidate(key.group, key.prompt)) return null;
  const embedding = await embedOrNull(state, key.prompt);
  if (embedding === null) return null;
  const found = state.index.find(key.group, key.prompt, embedding, state.parts.threshold);
  const entry = found && state.byNumber.get(found.id);
  if (!found || !entry || state.lru.get(entry.key.exact) === undefined) return null;
  return hit(state, entry, found.score);
}

function hit(state: State, entry: Entry, similarity: number): CacheHit {
  state.hits++;
  state.touched.add(entry);
  return { answer: entry.answer, similarity };
}

async function embedOrNull(state: State, text: string): Promise<Embedding | null> {
  try {
    return await state.parts.embed(text);
  } catch (err) {
    state.parts.log.warn({ err }, 'the cache could not embed a message; similar answers are not looked up');
    return null;
  }
}

async function keep(state: State, key: CacheKey, answer: CachedAnswer): Promise<void> {
  const now = state.parts.runtime.now();
  const text = JSON.stringify(answer);
  const bytes = overheadBytes + 2 * (text.length + key.prompt.length);
  let wrote: (id: number | null) => void = () => {};
  const stored = new Promise<number | null>((resolve) => (wrote = resolve));
  const entry: Entry = { number: state.nextNumber++, key, answer, bytes, stored };
  state.lru.set(key.exact, entry);
  if (!state.lru.has(key.exact)) return wrote(null);
  state.byNumber.set(entry.number, entry);
  try {
    const embedding = key.group === null ? null : await embedOrNull(state, key.prompt);
    addToIndex(state, entry, embedding);
    const id = await state.parts.entries.put({
      exactKey: key.exact,
      groupKey: key.group ?? '',
      owner: key.owner,
      model: key.model,
      prompt: key.prompt,
      answer: text,
      embedding: embedding === null ? null : encodeEmbedding(embedding),
      bytes,
      createdAt: now,
      expiresAt: now + state.parts.ttlMs,
      lastUsedAt: now,
    });
    wrote(id);
  } catch (err) {
    wrote(null);
    state.parts.log.warn(
      { err },
      'a cache entry could not be written to disk; it lives until the process ends',
    );
  }
}

function addToIndex(state: State, entry: Entry, embedding: Embedding | null): void {
  const { group, prompt } = entry.key;
  if (group === null || embedding === null || !state.byNumber.has(entry.number)) return;
  state.index.add(group, entry.number, prompt, embedding);
}

async function clear(state: State, pattern?: string): Promise<number> {
  const matches = pattern === undefined ? () => true : globTest(pattern);
  const doomed = [...state.lru.values()].filter((entry) => matches(entry.key.prompt));
  for (const entry of doomed) state.lru.delete(entry.key.exact);
  const ids = await Promise.all(doomed.map((entry) => entry.stored));
  await state.parts.entries.remove(ids.filter((id) => id !== null));
  return doomed.length;
}

async function load(state: State): Promise<void> {
  const { entries, runtime } = state.parts;
  await entries.removeExpired(runtime.now());
  for (let after: { lastUsedAt: number; id: number } | null = null; ;) {
    const page = await entries.loadPage(after, loadPageSize);
    for (const row of page) restore(state, row);
    const last = page.at(-1);
    if (last === undefined || page.length < loadPageSize) return;
    after = { lastUsedAt: last.lastUsedAt, id: last.id };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function restore(state: State, row: CacheEntryRow): void {
  if (state.lru.has(row.exactKey)) return;
  const group = row.groupKey === '' ? null : row.groupKey;
  const key = {
    owner: row.owner,
    exact: row.exactKey,
    group,
    prompt: row.prompt,
    model: row.model,
  } as CacheKey;
  const answer = JSON.parse(row.answer) as CachedAnswer;
  const entry: Entry = {
    number: state.nextNumber++,
    key,
    answer,
    bytes: row.bytes,
    stored: Promise.resolve(row.id),
  };
  const now = state.parts.runtime.now();
  state.lru.set(key.exact, entry, { ttl: state.parts.ttlMs, start: row.createdAt });
  if (!state.lru.has(key.exact) || row.expiresAt <= now) return;
  state.byNumber.set(entry.number, entry);
  addToIndex(state, entry, row.embedding === null ? null : decodeEmbedding(row.embedding));
}

async function flushTouched(state: State): Promise<void> {
  const entries = [...state.touched];
  state.touched.clear();
  const ids = await Promise.all(entries.map((entry) => entry.stored));
  await state.parts.entries.touch(
    ids.filter((id) => id !== null),
    state.parts.runtime.now(),
  );
}
