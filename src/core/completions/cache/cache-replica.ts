import { LRUCache } from 'lru-cache';
import type { FinishReason, Usage } from '../provider.ts';
import type { Embedding } from './embedding.ts';
import { createSimilarIndex } from './similar-index.ts';

/** What is kept of an answer. */
export interface CachedAnswer {
  text: string;
  model: string;
  reason: FinishReason;
  usage: Usage;
}

/** An entry's row in the store. */
export interface EntryRow {
  /** What names it; null while it is not written, and where it could not be. */
  revision: number | null;
  /** The newest clear that was known when it was kept: what has no revision yet is older than all later ones. */
  knew: number;
  /** Resolves when `revision` says what became of it. */
  written: Promise<void>;
}

/** An answer in memory. */
export interface Entry {
  exact: string;
  prompt: string;
  answer: CachedAnswer;
  bytes: number;
  row: EntryRow;
}

/** Where an entry is found by similar messages. */
export interface SimilarPlace {
  group: string;
  embedding: Embedding;
}

export interface ReplicaParts {
  maxBytes: number;
  ttlMs: number;
  now: () => number;
  /** Called for every entry that is no longer there. `evicted` to make room, `expired`; `otherwise` it was replaced or forgotten. */
  onLeft: (entry: Entry, why: 'evicted' | 'expired' | 'otherwise') => void;
}

/** What this process holds of the answers in the store, least recently used first out. */
export interface Replica {
  /** The answer to the very same question; it has been used by this. */
  use(exact: string): Entry | undefined;
  peek(exact: string): Entry | undefined;
  /** The entry whose row has this name. */
  named(revision: number): Entry | undefined;
  /** Whether `nearest` can succeed at all. */
  mayHaveNear(group: string, prompt: string): boolean;
  /** The most similar entry of at least `threshold`; it has not been used by this. */
  nearest(place: SimilarPlace, prompt: string, threshold: number): { entry: Entry; score: number } | null;
  /** Puts an entry in place of an earlier one; false where it is too large or has expired, and neither is there. Times are milliseconds since the epoch. */
  place(entry: Entry, life: { createdAt: number; expiresAt: number }, similar: SimilarPlace | null): boolean;
  /** To be called when an entry's row has got its name. */
  note(entry: Entry): void;
  forget(entries: readonly Entry[]): void;
  /** Those that have not expired, the most recently used first. */
  entries(): Entry[];
  readonly size: number;
  readonly bytes: number;
}

/** An entry with its number in the index. */
interface Held {
  entry: Entry;
  number: number;
}

export function createReplica({ maxBytes, ttlMs, now, onLeft }: ReplicaParts): Replica {
  const names = createNames();
  const lru = new LRUCache<string, Held>({
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ entry }) => entry.bytes,
    ttl: ttlMs,
    ttlResolution: 0,
    perf: { now },
    dispose(held, _exact, reason) {
      names.remove(held);
      onLeft(held.entry, reason === 'evict' ? 'evicted' : reason === 'expire' ? 'expired' : 'otherwise');
    },
  });
  const peek = (exact: string) => lru.peek(exact)?.entry;

  return {
    use: (exact) => lru.get(exact)?.entry,
    peek,
    named: names.named,
    mayHaveNear: names.mayHaveNear,
    nearest: names.nearest,
    place(entry, { createdAt, expiresAt }, similar) {
      const ttl = Math.min(ttlMs, expiresAt - createdAt);
      if (entry.bytes > maxBytes || createdAt + ttl <= now()) {
        lru.delete(entry.exact);
        return false;
      }
      const held = { entry, number: names.next() };
      lru.set(entry.exact, held, { ttl, start: createdAt });
      names.add(held, similar);
      return true;
    },
    note(entry) {
      if (peek(entry.exact) === entry) names.note(entry);
    },
    forget(entries) {
      for (const { exact } of entries) lru.delete(exact);
    },
    entries: () => [...lru.values()].map(({ entry }) => entry),
    get size() {
      return lru.size;
    },
    get bytes() {
      return lru.calculatedSize;
    },
  };
}

/** By what else than their questions entries are found. */
function createNames() {
  const index = createSimilarIndex();
  const byNumber = new Map<number, Entry>();
  const byRevision = new Map<number, Entry>();
  let last = 0;
  const note = (entry: Entry) => {
    if (entry.row.revision !== null) byRevision.set(entry.row.revision, entry);
  };
  return {
    next: () => ++last,
    note,
    add({ entry, number }: Held, similar: SimilarPlace | null) {
      byNumber.set(number, entry);
      note(entry);
      if (similar !== null) index.add(similar.group, number, entry.prompt, similar.embedding);
    },
    remove({ entry, number }: Held) {
      byNumber.delete(number);
      index.remove(number);
      const { revision } = entry.row;
      if (revision !== null && byRevision.get(revision) === entry) byRevision.delete(revision);
    },
    named: (revision: number) => byRevision.get(revision),
    mayHaveNear: index.hasCandidate,
    nearest({ group, embedding }: SimilarPlace, prompt: string, threshold: number) {
      const found = index.find(group, prompt, embedding, threshold);
      const entry = found && byNumber.get(found.id);
      return entry ? { entry, score: found.score } : null;
    },
  };
}
