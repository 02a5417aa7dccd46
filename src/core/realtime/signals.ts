/** Something that matters for a moment only: it is in no store, and who is not there misses it. */
export interface Signal {
  type: 'typing';
  conversationId: number;
  /** Who: the conversation's customer, or an agent by name. */
  from: { kind: 'customer' } | { kind: 'agent'; id: number; name: string };
  isTyping: boolean;
}

/** Carries signals between those who are there. */
export interface Signals {
  send(signal: Signal): void;
  /** Calls `listener` with the signals of a conversation, or of all, until the returned function is called. */
  subscribe(scope: { conversationId: number } | 'everyone', listener: (signal: Signal) => void): () => void;
}

/** Signals within this process. A listener that throws keeps nobody else from hearing. */
export function createMemorySignals(parts: { onError: (thrown: unknown) => void }): Signals {
  type Listener = (signal: Signal) => void;
  const everyone = new Set<Listener>();
  const byConversation = new Map<number, Set<Listener>>();
  const tell = (listeners: ReadonlySet<Listener> | undefined, signal: Signal) => {
    for (const listener of listeners ?? []) {
      try {
        listener(signal);
      } catch (thrown) {
        parts.onError(thrown);
      }
    }
  };

  return {
    send(signal) {
      tell(everyone, signal);
      tell(byConversation.get(signal.conversationId), signal);
    },
    subscribe(scope, listener) {
      // Of its own, so that who subscribes twice with one function ends each by itself.
      const own: Listener = (signal) => listener(signal);
      if (scope === 'everyone') {
        everyone.add(own);
        return () => void everyone.delete(own);
      }
      const { conversationId } = scope;
      const listeners = byConversation.get(conversationId) ?? new Set();
      byConversation.set(conversationId, listeners.add(own));
      return () => {
        listeners.delete(own);
        if (listeners.size === 0 && byConversation.get(conversationId) === listeners) {
          byConversation.delete(conversationId);
        }
      };
    },
  };
}
