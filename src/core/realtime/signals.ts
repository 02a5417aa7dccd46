import { createListeners, type Bus } from './bus.ts';

/** Something that matters for a moment only: it is in no store, and who is not there misses it. */
export interface Signal {
  type: 'typing';
  conversationId: number;
  /** Who: the conversation's customer, or an agent by name. */
  from: { kind: 'customer' } | { kind: 'agent'; id: number; name: string };
  isTyping: boolean;
}

/** Carries signals between those who are there, on whatever node. */
export interface Signals {
  send(signal: Signal): void;
  /** Calls `listener` with the signals of a conversation, or of all, until the returned function is called. */
  subscribe(scope: { conversationId: number } | 'everyone', listener: (signal: Signal) => void): () => void;
}

const topic = 'signals';

/** Signals by way of the bus. A listener that throws keeps nobody else from hearing. */
export function createSignals(parts: {
  bus: Pick<Bus, 'publish' | 'subscribe'>;
  onError: (thrown: unknown) => void;
}): Signals {
  const { bus } = parts;
  const listeners = createListeners(parts);
  bus.subscribe(topic, (message) => {
    const signal = message as Signal;
    listeners.tell('everyone', signal);
    listeners.tell(String(signal.conversationId), signal);
  });
  return {
    send: (signal) => bus.publish(topic, signal),
    subscribe: (scope, listener) =>
      listeners.subscribe(scope === 'everyone' ? scope : String(scope.conversationId), (signal) =>
        listener(signal as Signal),
      ),
  };
}
