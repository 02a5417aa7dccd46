import type { Claim } from './idempotency-keys.ts';

/** A conversation. Times are milliseconds since the epoch. */
export interface Conversation {
  id: number;
  /** Unguessable; opens conversations that belong to nobody. Without prefix. */
  key: string;
  /** Null where it belongs to nobody. */
  userId: number | null;
  /** The contract through which it began. */
  channel: string;
  title: string;
  /** `active`. */
  status: string;
  systemPrompt: string | null;
  messageCount: number;
  createdAt: number;
  /** Of the last change: a message, a new title. */
  updatedAt: number;
  lastMessageAt: number;
}

/** A page of a list: `skip` 0 and up, `limit` 1 and up. */
export interface Page {
  skip: number;
  limit: number;
}

export interface Renaming {
  id: number;
  userId: number;
  title: string;
  at: number;
}

export interface NewRating {
  conversationId: number;
  userId: number;
  channel: string;
  /** 1 to 5. */
  score: number;
  comment: string | null;
  day: string;
  at: number;
}

export interface Rating {
  score: number;
  comment: string | null;
  createdAt: number;
}

/** Conversations. What begins or continues one is a turn: `Turns.begin`. */
export interface Conversations {
  /** An id that no other conversation has or had. */
  nextId(): number;
  find(id: number): Promise<Conversation | undefined>;
  findByKey(key: string): Promise<Conversation | undefined>;
  /** A user's, the newest first. A page deep inside costs what the first costs, as long as none was deleted. */
  listOf(userId: number, page: Page): Promise<Conversation[]>;
  /** The newest of a user's that began through `channel`. */
  newestOf(userId: number, channel: string): Promise<Conversation | undefined>;
  /** How many the user has. */
  countOf(userId: number): Promise<number>;
  /** Also an event `renamed` with `{title}`. False where the user has no such conversation. */
  rename(renaming: Renaming, claim?: Claim): Promise<boolean>;
  /**
   * With its messages, turns, log and rating; the statistics keep what was counted. Also an event `removed`. False where
   * the user has no such conversation.
   */
  remove(removal: { id: number; userId: number; at: number }, claim?: Claim): Promise<boolean>;
  /**
   * Stores or replaces the rating, takes the replaced one out of its day's sums and adds the new one to its own (4 and 5 are
   * `satisfied`), and an event `rated` with `{score}`. False where the user has no such conversation.
   */
  rate(rating: NewRating, claim?: Claim): Promise<boolean>;
  ratingOf(id: number): Promise<Rating | undefined>;
}
