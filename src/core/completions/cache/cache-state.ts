import type { CacheClear } from '../../../storage/cache-clears.ts';
import type { CacheEntries } from '../../../storage/cache-entries.ts';
import type { Log } from '../../log.ts';
import type { Bus } from '../../realtime/bus.ts';
import type { Runtime } from '../../runtime.ts';
import { createReplica, type EntryRow, type ReplicaParts } from './cache-replica.ts';
import { createNoWords, type CacheCounts, type CacheWords } from './cache-words.ts';
import type { Embedding } from './embedding.ts';
import { globTest } from './glob.ts';

export interface ResponseCacheParts {
  entries: CacheEntries;
  /** Reaches the other nodes that share `entries`. */
  bus: Bus;
  /** Names this node. */
  node: string;
  runtime: Pick<Runtime, 'now' | 'elapsed' | 'sleep'>;
  log: Log;
  /** The same on all nodes, as are the other settings. */
  maxBytes: number;
  ttlMs: number;
  /** The cosine from which two messages count as the same, 0 to 1. */
  threshold: number;
  /** Turns a message into a vector; a failure makes the lookup a miss. */
  embed: (text: string) => Promise<Embedding>;
  /** Names what `embed` makes its vectors with: entries of another name are found by an exact match only. */
  embedder: string;
}

/** What the functions of a cache have in common. */
export interface CacheState {
  parts: ResponseCacheParts;
  replica: ReturnType<typeof createReplica>;
  words: CacheWords;
  clears: KnownClears;
  /** Everything up to this revision has been taken in. */
  seen: number;
  /** Rows above that of which it is known that they are gone, or will be: one that is being read just now is not to be taken in. */
  removed: Set<number>;
  counts: CacheCounts;
  /** When entries were last used, as far as it is not on disk. */
  touched: Map<EntryRow, number>;
  /** Resolves when nothing is being loaded. */
  loaded: Promise<void>;
  /** Resolves when what this node clears has been noted in the store; null where it clears nothing. */
  clearing: Promise<void> | null;
  /** Takes in what is new in the store; rejects where that cannot be read. */
  catchUp: () => Promise<void>;
}

export function createState(parts: ResponseCacheParts, onLeft: ReplicaParts['onLeft']): CacheState {
  const { maxBytes, ttlMs, runtime } = parts;
  return {
    parts,
    replica: createReplica({ maxBytes, ttlMs, now: runtime.now, onLeft }),
    words: createNoWords(),
    clears: createKnownClears(runtime.now),
    seen: 0,
    removed: new Set(),
    counts: { hits: 0, misses: 0, answered: 0, answeredMs: 0, evictions: 0, lastEvictionAt: null },
    touched: new Map(),
    loaded: Promise.resolve(),
    clearing: null,
    catchUp: () => Promise.resolve(),
  };
}

/** Where similar messages are looked for: under the same settings, among vectors of the same making. */
export function groupPrefix({ parts }: CacheState): string {
  return `${parts.embedder}:`;
}

/** The clears that this node has heard of, as long as something older could still come in. */
export interface KnownClears {
  add(clear: CacheClear): void;
  /** The highest revision of any; 0 before the first. */
  newest(): number;
  /** Whether an entry has been cleared since it was kept. */
  cover(entry: { revision: number; prompt: string }): boolean;
}

function createKnownClears(now: () => number): KnownClears {
  let known: (CacheClear & { matches: (prompt: string) => boolean })[] = [];
  let newest = 0;
  return {
    add(clear) {
      const isOther = ({ revision }: CacheClear) => revision !== clear.revision;
      known = known.filter((other) => isOther(other) && other.expiresAt > now());
      known.push({ ...clear, matches: globTest(clear.pattern) });
      newest = Math.max(newest, clear.revision);
    },
    newest: () => newest,
    cover: ({ revision, prompt }) =>
      revision < newest && known.some((clear) => revision < clear.revision && clear.matches(prompt)),
  };
}
