import type { CacheClear } from '../../../storage/cache-clears.ts';
import type { Bus } from '../../realtime/bus.ts';
import type { Runtime } from '../../runtime.ts';

/** What a node has counted since it was started. */
export interface CacheCounts {
  hits: number;
  misses: number;
  /** Requests of which `answeredMs` is the sum of their times. */
  answered: number;
  answeredMs: number;
  evictions: number;
  /** Milliseconds since the epoch; null where nothing was evicted yet. */
  lastEvictionAt: number | null;
}

export interface CacheWordsParts {
  bus: Bus;
  /** Names this node. */
  node: string;
  runtime: Pick<Runtime, 'elapsed' | 'sleep'>;
  counts: () => CacheCounts;
  /** Something new is in the store. */
  onKept: () => void;
  /** The rows of these names are gone. */
  onRemoved: (revisions: readonly number[]) => void;
  /** Somebody was answered with these. */
  onUsed: (revisions: readonly number[]) => void;
  onCleared: (clear: CacheClear) => void;
  /** A node was cut off, and nobody knows what it said meanwhile. */
  onBack: () => void;
}

/** What the caches of several nodes tell each other. Any of it may be lost: nothing but time depends on it. */
export interface CacheWords {
  kept(): void;
  removed(revisions: readonly number[]): void;
  used(revisions: readonly number[]): void;
  /** Resolves when every other node has done so too; where that cannot be told, after a moment. */
  cleared(clear: CacheClear): Promise<void>;
  /** Says that this node was cut off. */
  back(): void;
  /** Says that this node is here, and what it has counted; to be repeated every `hereEveryMs`. */
  here(): void;
  /** What the other nodes last said that they had counted. */
  countsOfOthers(): CacheCounts[];
  /** Says goodbye, and hears no more. */
  stop(): void;
}

type Word =
  | { type: 'kept' | 'back' | 'gone' }
  | { type: 'removed' | 'used'; revisions: readonly number[] }
  | { type: 'cleared'; clear: CacheClear; number: number }
  | { type: 'heard'; by: string; number: number }
  | { type: 'here'; counts: CacheCounts };

/** How often a node says that it is here. */
export const hereEveryMs = 900;
/** A node that was not heard of for so long is gone. */
const silenceMs = 3 * hereEveryMs;
/** So long a clear waits for the others at most. */
const patienceMs = 500;
/** Names in one message. */
const mostNames = 2_000;
const topic = 'cache';

/** Of a process that is alone: there is nobody to tell. */
export function createNoWords(): CacheWords {
  const nothing = () => {};
  return {
    kept: nothing,
    removed: nothing,
    used: nothing,
    cleared: () => Promise.resolve(),
    back: nothing,
    here: nothing,
    countsOfOthers: () => [],
    stop: nothing,
  };
}

export function createCacheWords(parts: CacheWordsParts): CacheWords {
  const { bus, node, runtime } = parts;
  const peers = createPeers(runtime);
  const hearing = createHearing(runtime);

  const say = (word: Word) => bus.publish(topic, { from: node, ...word });
  const here = () => say({ type: 'here', counts: parts.counts() });
  const unsubscribe = bus.subscribe(topic, (message) => {
    const { from, ...word } = message as Word & { from: string };
    if (from === node) return;
    switch (word.type) {
      case 'kept':
        return parts.onKept();
      case 'back':
        return parts.onBack();
      case 'removed':
        return parts.onRemoved(word.revisions);
      case 'used':
        return parts.onUsed(word.revisions);
      case 'cleared':
        parts.onCleared(word.clear);
        return say({ type: 'heard', by: from, number: word.number });
      case 'heard':
        return word.by === node ? hearing.heard(from, word.number) : undefined;
      case 'here':
        // Who has just come does not know of this node yet.
        return peers.meet(from, word.counts) ? here() : undefined;
      case 'gone':
        peers.lose(from);
        return hearing.gone(from);
    }
  });

  return {
    kept: () => say({ type: 'kept' }),
    removed: (revisions) => inParts(revisions, (some) => say({ type: 'removed', revisions: some })),
    used: (revisions) => inParts(revisions, (some) => say({ type: 'used', revisions: some })),
    cleared: (clear) =>
      hearing.by(bus.state() === 'cut' ? [] : peers.names(), (number) =>
        say({ type: 'cleared', clear, number }),
      ),
    back: () => say({ type: 'back' }),
    here,
    countsOfOthers: peers.counts,
    stop() {
      unsubscribe();
      say({ type: 'gone' });
    },
  };
}

/** The other nodes, by what they say. */
function createPeers({ elapsed }: Pick<Runtime, 'elapsed'>) {
  const peers = new Map<string, { heardAt: number; counts: CacheCounts }>();
  const present = () => {
    for (const [peer, { heardAt }] of peers) if (elapsed() - heardAt >= silenceMs) peers.delete(peer);
    return peers;
  };
  return {
    /** Whether it was not there before. */
    meet(peer: string, counts: CacheCounts): boolean {
      const isNew = !present().has(peer);
      peers.set(peer, { heardAt: elapsed(), counts });
      return isNew;
    },
    lose: (peer: string) => void peers.delete(peer),
    names: () => [...present().keys()],
    counts: () => [...present().values()].map(({ counts }) => counts),
  };
}

/** Waits for those who are to hear of something. */
function createHearing({ sleep }: Pick<Runtime, 'sleep'>) {
  const waiting = new Map<number, { silent: Set<string>; allHave: () => void }>();
  let last = 0;
  const heard = (peer: string, number: number) => {
    const wait = waiting.get(number);
    wait?.silent.delete(peer);
    if (wait?.silent.size === 0) wait.allHave();
  };
  return {
    heard,
    gone(peer: string) {
      for (const number of waiting.keys()) heard(peer, number);
    },
    /** Resolves when all of `peers` have said that they heard what `say` says, or when they had time enough. */
    async by(peers: string[], say: (number: number) => void): Promise<void> {
      const number = ++last;
      const { promise, resolve } = Promise.withResolvers<void>();
      waiting.set(number, { silent: new Set(peers), allHave: resolve });
      say(number);
      const patience = new AbortController();
      if (peers.length > 0) await Promise.race([promise, sleep(patienceMs, patience.signal).catch(() => {})]);
      patience.abort();
      waiting.delete(number);
    },
  };
}

function inParts(revisions: readonly number[], say: (some: readonly number[]) => void): void {
  for (let at = 0; at < revisions.length; at += mostNames) say(revisions.slice(at, at + mostNames));
}
