import type { Page } from './conversations.ts';

/**
 * How far a message is. A question is `sent`, or `failed` where nothing answers it; an answer is `queued`, then `running`, and ends
 * `completed`, `failed`, `cancelled` or `interrupted`.
 */
export type MessageState =
  | 'sent'
  | 'queued'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'interrupted';

/** Whether its reader has it: stored, on an open socket of the reader, read. Only moves forward. */
export type Receipt = 'sent' | 'delivered' | 'read';

/** A message. Times are milliseconds since the epoch. */
export interface Message {
  id: number;
  conversationId: number;
  /** Its number within the conversation, from 1. */
  place: number;
  userId: number | null;
  role: 'user' | 'assistant';
  senderType: 'user' | 'ai' | 'human';
  state: MessageState;
  receipt: Receipt;
  /** Of an answer: when it ended, or as long as it has not, when it was asked for. */
  createdAt: number;
  /** Of the message alone. */
  tokens: number;
  /** Of an answer: prompt and completion together. */
  exchangeTokens: number | null;
  /** Whether the tokens are our estimate. */
  estimated: boolean;
  /** Of an answer: the message that it answers. */
  questionId: number | null;
  /** Of an answer: the model that gave it. */
  model: string | null;
  finishReason: string | null;
  /** Of a failed answer. */
  errorCode: string | null;
  errorText: string | null;
  /** Of a running answer: empty, for its text is in the log of its turn. */
  content: string;
}

/** Messages. They are written by `Turns`. */
export interface Messages {
  /** An id that no other message has or had. */
  nextId(): number;
  find(id: number): Promise<Message | undefined>;
  /** Oldest first. A page deep inside costs what the first costs. */
  listOf(conversationId: number, page: Page): Promise<Message[]>;
  /** The newest of a conversation with a place below `beforePlace`, newest first. */
  newestBefore(conversationId: number, beforePlace: number, limit: number): Promise<Message[]>;
  /** All of a user's conversations together, in the order of their making or, `newestFirst`, the reverse; deep pages as `listOf`, as long as nothing was deleted. */
  historyOf(userId: number, page: Page & { newestFirst: boolean }): Promise<Message[]>;
  /** How many the user has in `historyOf`. */
  countOf(userId: number): Promise<number>;
  /**
   * Moves the receipts of a user's answers up to the message `upTo` (an id, included), of one conversation or of all, forward to `receipt`, with
   * one event `receipt` of `{receipt, messageIds}` for each conversation concerned. Resolves to how many moved.
   */
  acknowledge(acknowledgement: Acknowledgement): Promise<number>;
}

export interface Acknowledgement {
  userId: number;
  conversationId?: number;
  upTo: number;
  receipt: 'delivered' | 'read';
  at: number;
}
