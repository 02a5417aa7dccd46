/** Carries wake-ups between those who change something and those who watch it. It carries no truth: that is in the store. */
export interface Bus {
  /** Wakes everybody who listens to `topic`. */
  publish(topic: string): void;
  /** Calls `listener` at every wake-up until the returned function is called. */
  subscribe(topic: string, listener: () => void): () => void;
}

/** A bus within this process. A listener that throws keeps nobody else from hearing. */
export function createMemoryBus(parts: { onError: (thrown: unknown) => void }): Bus {
  const topics = new Map<string, Set<() => void>>();
  return {
    publish(topic) {
      for (const listener of topics.get(topic) ?? []) {
        try {
          listener();
        } catch (thrown) {
          parts.onError(thrown);
        }
      }
    },
    subscribe(topic, listener) {
      const listeners = topics.get(topic) ?? new Set();
      topics.set(topic, listeners.add(listener));
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0 && topics.get(topic) === listeners) topics.delete(topic);
      };
    },
  };
}

export type Topic = { conversationId: number } | { userId: number } | 'everyone';

/** The bus's name for a conversation's, a user's or everybody's changes. */
export function topicOf(scope: Topic): string {
  if (scope === 'everyone') return scope;
  return 'userId' in scope ? `user:${scope.userId}` : `conversation:${scope.conversationId}`;
}
