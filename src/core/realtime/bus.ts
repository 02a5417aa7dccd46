/** How far messages reach: `alone` is a single process; `joined` reaches all nodes; `cut` reaches nobody but this one at present. */
export type BusState = 'alone' | 'joined' | 'cut';

/**
 * Carries wake-ups and small messages between those who change something and those who watch it, on this node and the others. It carries no
 * truth: that is in the store. A message may be lost, or come twice; those of one sender come in their order.
 */
export interface Bus {
  /** Tells everybody who listens to `topic`: on this node before it returns, on the others soon after. `message` is plain JSON. */
  publish(topic: string, message?: unknown): void;
  /** The same for this node alone. */
  wake(topic: string, message?: unknown): void;
  /** Calls `listener` at every message until the returned function is called. */
  subscribe(topic: string, listener: (message: unknown) => void): () => void;
  state(): BusState;
  /** Calls `listener` whenever the bus has been cut and is joined again: what was published meanwhile was missed. */
  onRejoined(listener: () => void): () => void;
  /** Resolves when a message published to oneself has come back by way of the others' path; rejects where it does not within a second. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** Who listens on this node. A listener that throws keeps nobody else from hearing. */
export interface Listeners {
  tell(topic: string, message: unknown): void;
  subscribe(topic: string, listener: (message: unknown) => void): () => void;
}

export function createListeners(parts: { onError: (thrown: unknown) => void }): Listeners {
  type Listener = (message: unknown) => void;
  const topics = new Map<string, Set<Listener>>();
  return {
    tell(topic, message) {
      for (const listener of topics.get(topic) ?? []) {
        try {
          listener(message);
        } catch (thrown) {
          parts.onError(thrown);
        }
      }
    },
    subscribe(topic, listener) {
      // Of its own, so that who subscribes twice with one function ends each by itself.
      const own: Listener = (message) => listener(message);
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(own));
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
  };
}

/** A bus within this process. */
export function createMemoryBus(parts: { onError: (thrown: unknown) => void }): Bus {
  const listeners = createListeners(parts);
  return {
    publish: listeners.tell,
    wake: listeners.tell,
    subscribe: listeners.subscribe,
    state: () => 'alone',
    onRejoined: () => () => {},
    check: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

export type Topic = { conversationId: number } | { userId: number } | 'everyone';

/** The bus's name for a conversation's, a user's or everybody's changes. */
export function topicOf(scope: Topic): string {
  if (scope === 'everyone') return scope;
  return 'userId' in scope ? `user:${scope.userId}` : `conversation:${scope.conversationId}`;
}
