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
  /** Names what `embed` makes its vectors with: entries of another name are found by an exact match only. */
  embedder: string;
}

/** Answers by question: an exact match first, then the most similar earlier one of the same owner and settings. */
export interface ResponseCache {
  lookup(key: CacheKey): Promise<CacheHit | null>;
  /** Keeps an answer. It can be found at once; it is on disk when the promise resolves. */
  keep(key: CacheKey, answer: CachedAnswer): Promise<void>;
  /** Notes how long an answered request took, for `stats`. */
  answered(durationMs: number): void;
  /** Forgets every entry, or those whose prompt matches the glob; returns how many. Throws `storage_failed`. */
  clear(pattern?: string): Promise<number>;
  stats(): CacheStats;
  /** Brings back what an earlier process kept. */
  load(): Promise<void>;
  /** Writes what is not on disk yet: which entries were used last. */
  flush(): Promise<void>;
}

interface Entry {
  number: number;
  exact: string;
  /** See `groupOf`. */
  group: string | null;
  prompt: string;
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
    async clear(pattern) {
      await state.loaded;
      return pattern === undefined ? clearAll(state) : clearMatching(state, globTest(pattern));
    },
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
    load() {
      const loading = load(state);
      state.loaded = loading.catch(() => {});
      return loading;
    },
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
    /** Resolves when nothing is being loaded. */
    loaded: Promise.resolve(),
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

/** An entry left the memory. Its row is replaced by the newer one's, or, where entries are deleted, removed with theirs. */
function forget(state: State, entry: Entry, reason: LRUCache.DisposeReason): void {
  state.byNumber.delete(entry.number);
  state.index.remove(entry.number);
  state.touched.delete(entry);
  if (reason === 'set' || reason === 'delete') return;
  if (reason === 'evict') {
    state.evictions++;
    state.lastEvictionAt = state.parts.runtime.now();
  }
  removeRows(state, [entry]).catch((err: unknown) =>
    state.parts.log.warn({ err }, 'a cache entry could not be deleted from disk'),
  );
}

/** Rows under a key that has an entry again are left: they have become the new entry's. */
async function removeRows(state: State, entries: Entry[]): Promise<void> {
  await Promise.all(entries.map(({ stored }) => stored));
  const ids = await Promise.all(
    entries.filter(({ exact }) => !state.lru.has(exact)).map(({ stored }) => stored),
  );
  await state.parts.entries.remove(ids.filter((id) => id !== null));
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
  const group = groupOf(state, key);
  if (group === null || !state.index.hasCandidate(group, key.prompt)) return null;
  const embedding = await embedOrNull(state, key.prompt);
  if (embedding === null) return null;
  const found = state.index.find(group, key.prompt, embedding, state.parts.threshold);
  const entry = found && state.byNumber.get(found.id);
  if (!found || !entry || state.lru.get(entry.exact) === undefined) return null;
  return hit(state, entry, found.score);
}

/** Where similar messages are looked for: under the same settings, among vectors of the same making. */
function groupOf({ parts }: State, { group }: CacheKey): string | null {
  return group === null ? null : `${parts.embedder}:${group}`;
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
  const { exact, prompt } = key;
  const group = groupOf(state, key);
  let wrote: (id: number | null) => void = () => {};
  const stored = new Promise<number | null>((resolve) => (wrote = resolve));
  const bare = { exact, group, prompt, answer, bytes: bytesOf(text, prompt), stored };
  if (!place(state, bare, now)) return wrote(null);
  try {
    const embedding = group === null ? null : await embedOrNull(state, prompt);
    const encoded = embedding === null ? null : encodeEmbedding(embedding);
    const bytes = bare.bytes + (encoded?.length ?? 0);
    if (embedding !== null && state.lru.peek(exact)?.stored === stored) {
      place(state, { ...bare, bytes }, now, embedding);
    }
    if (state.lru.peek(exact)?.stored !== stored) return wrote(null);
    const row = { exactKey: exact, groupKey: group ?? '', owner: key.owner, model: key.model, prompt };
    const times = { createdAt: now, expiresAt: now + state.parts.ttlMs, lastUsedAt: now };
    wrote(await state.parts.entries.put({ ...row, ...times, answer: text, embedding: encoded, bytes }));
  } catch (err) {
    wrote(null);
    state.parts.log.warn(
      { err },
      'a cache entry could not be written to disk; it lives until the process ends',
    );
  }
}

function bytesOf(answer: string, prompt: string): number {
  return overheadBytes + 2 * (answer.length + prompt.length);
}

/** Puts an entry into the memory in place of an earlier one; false where it has expired or is too large for the cache. */
function place(
  state: State,
  made: Omit<Entry, 'number'>,
  createdAt: number,
  embedding: Embedding | null = null,
  expiresAt = Number.POSITIVE_INFINITY,
): boolean {
  const { maxBytes, ttlMs, runtime } = state.parts;
  const ttl = Math.min(createdAt + ttlMs, expiresAt) - createdAt;
  if (made.bytes > maxBytes || createdAt + ttl <= runtime.now()) {
    drop(state, made.exact);
    return false;
  }
  const entry = { ...made, number: state.nextNumber++ };
  state.lru.set(made.exact, entry, { ttl, start: createdAt });
  state.byNumber.set(entry.number, entry);
  if (entry.group !== null && embedding !== null) {
    state.index.add(entry.group, entry.number, entry.prompt, embedding);
  }
  return true;
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
