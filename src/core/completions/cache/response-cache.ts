import type { CacheClear } from '../../../storage/cache-clears.ts';
import { ParleyError } from '../../errors.ts';
import { storageCodeOf } from '../../storage-failure.ts';
import type { CacheKey } from './cache-key.ts';
import { embedOrNull, keep } from './cache-keeping.ts';
import type { CachedAnswer, Entry } from './cache-replica.ts';
import { flushTouched, followed, left } from './cache-rows.ts';
import { createState, groupPrefix, type CacheState, type ResponseCacheParts } from './cache-state.ts';
import { createCatchUp, follow, hearClear, load } from './cache-sync.ts';
import type { CacheCounts } from './cache-words.ts';
import { globTest } from './glob.ts';

export type { CachedAnswer } from './cache-replica.ts';
export type { ResponseCacheParts } from './cache-state.ts';

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

/**
 * Answers by question: an exact match first, then the most similar earlier one of the same owner and settings. Each node looks into a replica
 * of its own, in memory; what it keeps, replaces, evicts and clears is so on the other nodes a moment later.
 */
export interface ResponseCache {
  lookup(key: CacheKey): Promise<CacheHit | null>;
  /** Keeps an answer. It can be found here at once, and on other nodes when the promise resolves or soon after; it is on disk then. */
  keep(key: CacheKey, answer: CachedAnswer): Promise<void>;
  /** Notes how long an answered request took, for `stats`. */
  answered(durationMs: number): void;
  /**
   * Forgets every entry, or those whose prompt matches the glob; returns how many. None of them is found on any node that can be reached; one that cannot be
   * forgets them within a second, or as soon as it reaches the store. Throws what `storageCodeOf` says.
   */
  clear(pattern?: string): Promise<number>;
  /** Figures of this node. */
  stats(): CacheStats;
  /** The same with what all nodes have counted, a second ago at most. */
  statsOfNodes(): CacheStats;
  /** Brings back what is in the store, and follows what other nodes do from then on. */
  load(): Promise<void>;
  /** Writes what is not on disk yet: which entries were used last. */
  flush(): Promise<void>;
  /** Resolves when what is being kept here is in the store, and what other nodes have put there is known here. Never rejects. */
  settled(): Promise<void>;
  /** Follows the other nodes no longer. */
  stop(): void;
}

const promptsPageSize = 500;

export function createResponseCache(parts: ResponseCacheParts): ResponseCache {
  const state: CacheState = createState(parts, (entry, why) => left(state, entry, why));
  state.catchUp = createCatchUp(state);
  const keeping = new Set<Promise<void>>();
  let unfollow = () => {};
  return {
    lookup: (key) => lookup(state, key),
    keep(key, answer) {
      const kept = keep(state, key, answer).finally(() => keeping.delete(kept));
      keeping.add(kept);
      return kept;
    },
    answered(durationMs) {
      state.counts.answered++;
      state.counts.answeredMs += durationMs;
    },
    clear: (pattern = '*') => clear(state, pattern),
    stats: () => statsOf(state, [state.counts]),
    statsOfNodes: () => statsOf(state, [state.counts, ...state.words.countsOfOthers()]),
    load() {
      if (parts.bus.state() !== 'alone') unfollow = follow(state);
      const loading = load(state);
      state.loaded = loading.catch(() => {});
      // What was kept while it was being loaded.
      return loading.then(state.catchUp);
    },
    flush: () => flushTouched(state),
    async settled() {
      await Promise.allSettled(keeping);
      await state.catchUp().catch(() => {});
    },
    stop: () => unfollow(),
  };
}

function statsOf({ parts, replica }: CacheState, counts: readonly CacheCounts[]): CacheStats {
  const sum = (of: (one: CacheCounts) => number) => counts.reduce((total, one) => total + of(one), 0);
  const answered = sum((one) => one.answered);
  const evictedAt = counts.flatMap(({ lastEvictionAt }) => lastEvictionAt ?? []);
  return {
    hits: sum((one) => one.hits),
    misses: sum((one) => one.misses),
    bytes: replica.bytes,
    maxBytes: parts.maxBytes,
    entries: replica.size,
    meanResponseMs: answered === 0 ? 0 : sum((one) => one.answeredMs) / answered,
    evictions: sum((one) => one.evictions),
    lastEvictionAt: evictedAt.length === 0 ? null : Math.max(...evictedAt),
  };
}

async function lookup(state: CacheState, key: CacheKey): Promise<CacheHit | null> {
  const exact = state.replica.use(key.exact);
  if (exact !== undefined) return hit(state, exact, 1);
  const similar = await lookupSimilar(state, key);
  if (similar !== null) return similar;
  state.counts.misses++;
  return null;
}

async function lookupSimilar(
  state: CacheState,
  { group: settings, prompt }: CacheKey,
): Promise<CacheHit | null> {
  const { replica, parts } = state;
  if (settings === null) return null;
  const group = groupPrefix(state) + settings;
  if (!replica.mayHaveNear(group, prompt)) return null;
  const embedding = await embedOrNull(state, prompt);
  if (embedding === null) return null;
  const found = replica.nearest({ group, embedding }, prompt, parts.threshold);
  if (found === null || replica.use(found.entry.exact) === undefined) return null;
  return hit(state, found.entry, found.score);
}

function hit(state: CacheState, { row, answer }: Entry, similarity: number): CacheHit {
  state.counts.hits++;
  state.touched.set(row, state.parts.runtime.now());
  return { answer, similarity };
}

async function clear(state: CacheState, pattern: string): Promise<number> {
  await state.loaded;
  const { replica, words } = state;
  const matches = globTest(pattern);
  const doomed = replica.entries().filter(({ prompt }) => matches(prompt));
  replica.forget(doomed);
  try {
    const { cleared, removed } = await noteClear(state, pattern);
    const [swept] = await Promise.all([removed ?? sweep(state, cleared), words.cleared(cleared)]);
    return swept + doomed.filter(({ row }) => row.revision === null).length;
  } catch (cause) {
    const text =
      'The entries are forgotten here until the next start, but could not be deleted from the store. Clear the whole cache later.';
    throw new ParleyError(storageCodeOf(cause), text, { retryable: true, cause });
  }
}

/** From here on the store takes nothing that was kept before. `removed`: how many rows went with it; null where they are yet to be looked for. */
async function noteClear(state: CacheState, pattern: string) {
  const { entries, runtime, ttlMs } = state.parts;
  const now = runtime.now();
  const expiresAt = now + ttlMs;
  const note = async () => {
    const { revision, removed } =
      pattern === '*'
        ? await entries.clear({ now, expiresAt })
        : { revision: await entries.noteClear({ pattern, now, expiresAt }), removed: null };
    const cleared = { revision, pattern, expiresAt };
    hearClear(state, cleared, false);
    if (!followed(state, revision)) await state.catchUp();
    return { cleared, removed };
  };
  const noting = note();
  const settled = Promise.allSettled([state.clearing, noting]).then(() => {
    if (state.clearing === settled) state.clearing = null;
  });
  state.clearing = settled;
  return noting;
}

/** Removes the rows that a clear is about; resolves to their number. */
async function sweep({ parts: { entries } }: CacheState, cleared: CacheClear): Promise<number> {
  const matches = globTest(cleared.pattern);
  let swept = 0;
  for (let after = 0; ;) {
    const page = await entries.promptsIn({ after, upTo: cleared.revision }, promptsPageSize);
    const found = page.filter(({ prompt }) => matches(prompt));
    swept += await entries.remove(found.map(({ revision }) => revision));
    const last = page.at(-1);
    if (last === undefined || page.length < promptsPageSize) return swept;
    after = last.revision;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
