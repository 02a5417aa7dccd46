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
