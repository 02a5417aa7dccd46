/** Something that changed in a conversation. */
export interface FeedEvent {
  /** Rises with every change, over all conversations. */
  cursor: number;
  conversationId: number;
  userId: number | null;
  type: 'asked' | 'answered' | 'renamed' | 'removed' | 'rated' | 'receipt';
  messageId: number | null;
  at: number;
  data: Record<string, unknown> | null;
}

/** Whose events to read. */
export type FeedScope = { conversationId: number } | { userId: number };

/** The record of changes. Events are written by the nouns that change something, in the same unit as the change. */
export interface Feed {
  /** The cursor of the last event; 0 where there was none. */
  head(): Promise<number>;
  /** What came after `cursor`, oldest first, `limit` at most. */
  after(scope: FeedScope, cursor: number, limit: number): Promise<FeedEvent[]>;
  /** The highest cursor that was forgotten: who is not beyond it may have missed something. 0 where nothing was forgotten. */
  forgotten(): Promise<number>;
  /** Forgets events from before `at`, some thousand at a time; resolves to how many. */
  removeBefore(at: number): Promise<number>;
}
