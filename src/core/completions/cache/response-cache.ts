import { LRUCache } from 'lru-cache';
import type { CacheEntries, CacheEntryRow } from '../../../storage/cache-entries.ts';
import { ParleyError } from '../../errors.ts';
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
  prompt: string;
  answer: CachedAnswer;
  bytes: number;
  /** The row's revision, once it is written. */
  stored: Promise<number | null>;
}

/** Fixed cost of an entry beside its texts and its vector: keys, index postings, the row. */
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
      maxSize: Math.max(1, parts.maxBytes),
      sizeCalculation: (entry) => entry.bytes,
      ttl: parts.ttlMs,
      ttlResolution: 0,
      perf: { now: parts.runtime.now },
      dispose: (entry, _exact, reason) => forget(state, entry, reason),
    }),
    /** When entries were last used, as far as it is not on disk. */
    touched: new Map<Entry, number>(),
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
  removeForgotten(state, entry);
}

function removeForgotten(state: State, entry: Entry): void {
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
function groupOf(state: State, { group }: CacheKey): string | null {
  return group === null ? null : groupPrefix(state) + group;
}

function groupPrefix({ parts }: State): string {
  return `${parts.embedder}:`;
}

function hit(state: State, entry: Entry, similarity: number): CacheHit {
  state.hits++;
  state.touched.set(entry, state.parts.runtime.now());
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
  const { exact, prompt } = key;
  const text = JSON.stringify(answer);
  const group = groupOf(state, key);
  let wrote: (id: number | null) => void = () => {};
  const stored = new Promise<number | null>((resolve) => (wrote = resolve));
  const bare = { exact, prompt, answer, bytes: overheadBytes + 2 * (text.length + prompt.length), stored };
  const isStillThere = () => state.lru.peek(exact)?.stored === stored;
  place(state, bare, now);
  try {
    const embedding = group !== null && isStillThere() ? await embedOrNull(state, prompt) : null;
    const encoded = embedding && encodeEmbedding(embedding);
    const bytes = bare.bytes + (encoded?.length ?? 0);
    if (isStillThere() && group !== null && embedding !== null) {
      place(state, { ...bare, bytes }, now, { group, embedding });
    }
    if (!isStillThere()) return wrote(null);
    const row = { exactKey: exact, groupKey: group ?? '', owner: key.owner, model: key.model, prompt };
    const times = { createdAt: now, expiresAt: now + state.parts.ttlMs, lastUsedAt: now };
    const entry = { ...row, ...times, answer: text, embedding: encoded, bytes };
    wrote(await state.parts.entries.put(entry, Number.MAX_SAFE_INTEGER));
  } catch (err) {
    wrote(null);
    state.parts.log.warn(
      { err },
      'a cache entry could not be written to disk; it lives until the process ends',
    );
  }
}

/** Puts an entry into the memory in place of an earlier one; false where it is too large or has expired, and neither is there. */
function place(
  state: State,
  made: Omit<Entry, 'number'>,
  createdAt: number,
  similar: { group: string; embedding: Embedding } | null = null,
  expiresAt = createdAt + state.parts.ttlMs,
): boolean {
  const ttl = Math.min(state.parts.ttlMs, expiresAt - createdAt);
  if (made.bytes > state.parts.maxBytes || createdAt + ttl <= state.parts.runtime.now()) {
    const earlier = state.lru.peek(made.exact);
    state.lru.delete(made.exact);
    if (earlier !== undefined) removeForgotten(state, earlier);
    return false;
  }
  const entry = { ...made, number: state.nextNumber++ };
  state.lru.set(made.exact, entry, { ttl, start: createdAt });
  state.byNumber.set(entry.number, entry);
  if (similar !== null) state.index.add(similar.group, entry.number, entry.prompt, similar.embedding);
  return true;
}

async function clear(state: State, pattern?: string): Promise<number> {
  await state.loaded;
  const matches = pattern === undefined ? () => true : globTest(pattern);
  const doomed = [...state.lru.values()].filter(({ prompt }) => matches(prompt));
  for (const { exact } of doomed) state.lru.delete(exact);
  try {
    // Without a pattern what an earlier failure left on disk goes too.
    const now = state.parts.runtime.now();
    const note = { now, expiresAt: now + state.parts.ttlMs };
    await (pattern === undefined ? state.parts.entries.clear(note) : removeRows(state, doomed));
  } catch (cause) {
    const text =
      'The entries are forgotten until the next start, but could not be deleted from disk. Clear the whole cache later.';
    throw new ParleyError('storage_failed', text, { retryable: true, cause });
  }
  return doomed.length;
}

async function load(state: State): Promise<void> {
  const { entries, runtime } = state.parts;
  await entries.removeExpired(runtime.now());
  for (let after: { lastUsedAt: number; id: number } | null = null; ;) {
    const page = await entries.loadPage(after, loadPageSize);
    const unusable = page.filter((row) => !restore(state, row));
    await entries.remove(unusable.map(({ revision }) => revision));
    const last = page.at(-1);
    if (last === undefined || page.length < loadPageSize) return;
    after = { lastUsedAt: last.lastUsedAt, id: last.id };
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** False for a row that is of no use to this process, nor to a later one. */
function restore(state: State, row: CacheEntryRow): boolean {
  const { exactKey: exact, prompt, bytes } = row;
  if (state.lru.has(exact)) return true;
  try {
    const answer = JSON.parse(row.answer) as CachedAnswer;
    const made = { exact, prompt, answer, bytes, stored: Promise.resolve(row.revision) };
    return place(state, made, row.createdAt, vectorOf(state, row), row.expiresAt);
  } catch (err) {
    state.parts.log.warn({ err }, 'a cache entry on disk cannot be read; it is removed');
    return false;
  }
}

/** Null where the vector was made by another embedder, or in a format of another version. */
function vectorOf(state: State, { groupKey: group, embedding }: CacheEntryRow) {
  if (embedding === null || !group.startsWith(groupPrefix(state))) return null;
  try {
    return { group, embedding: decodeEmbedding(embedding) };
  } catch {
    return null;
  }
}

/** Uses are written by the minute: exact enough to know what was not used for longest, and few statements. */
const touchMs = 60_000;

async function flushTouched(state: State): Promise<void> {
  const minutes = Map.groupBy(state.touched, ([, usedAt]) => Math.floor(usedAt / touchMs));
  state.touched.clear();
  try {
    await Promise.all(
      [...minutes.values()].map(async (used) => {
        const ids = await Promise.all(used.map(([{ stored }]) => stored));
        const at = Math.max(...used.map(([, usedAt]) => usedAt));
        await state.parts.entries.touch(
          ids.filter((id) => id !== null),
          at,
        );
      }),
    );
  } catch (err) {
    state.parts.log.warn({ err }, 'it could not be written down which cache entries were used last');
  }
}
