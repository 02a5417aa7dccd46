import { LRUCache } from 'lru-cache';
import { everywhere, type Everywhere } from '../realtime/everywhere.ts';
import type { Runtime } from '../runtime.ts';

/** What the store said, for as long as it is believed without asking again. */
export interface Beliefs<Key, Belief> {
  /** What is believed, or what `ask` resolves to, which is believed from then on unless it is undefined. */
  of<Answer extends Belief | undefined>(key: Key, ask: () => Promise<Answer>): Promise<Belief | Answer>;
  /** Nothing is believed any more, on no node. */
  forget(): void;
  /** Calls `listener` whenever that is so, whichever node said it. */
  onForgotten(listener: () => void): void;
}

export interface BeliefsParts {
  /** Under which the nodes tell each other. */
  topic: string;
  /** Left out where no other node is to be told. */
  bus: Everywhere | undefined;
  /** How long something is believed that changed without anybody's telling: by the command line, say. */
  lastMs: number;
  runtime: Pick<Runtime, 'now'>;
}

const mostBeliefs = 10_000;

export function createBeliefs<Key extends string | number, Belief extends object>(
  parts: BeliefsParts,
): Beliefs<Key, Belief> {
  const known = new LRUCache<Key, Belief>({
    max: mostBeliefs,
    ttl: parts.lastMs,
    ttlResolution: 0,
    perf: { now: parts.runtime.now },
  });
  const listeners: (() => void)[] = [];
  let forgotten = 0;
  const forget = everywhere(parts.bus, parts.topic, () => {
    forgotten++;
    known.clear();
    for (const listener of listeners) listener();
  });
  return {
    forget,
    onForgotten: (listener) => void listeners.push(listener),
    async of(key, ask) {
      const belief = known.get(key);
      if (belief !== undefined) return belief;
      const before = forgotten;
      const answer = await ask();
      // What was read before something changed may be out of date.
      if (answer !== undefined && before === forgotten) known.set(key, answer);
      return answer;
    },
  };
}
