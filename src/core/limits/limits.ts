/** How many in how long. */
export interface Limit {
  /** What is counted, such as `gateway`; limits of different names never share a count. */
  name: string;
  /** The number that is announced. */
  points: number;
  /** Further ones allowed in a window without being announced. */
  burst: number;
  windowMs: number;
  /** Whom it counts: each address (without this), each user, or each user and API key; always the address of those who are neither. */
  per?: 'address' | 'user' | 'caller';
}

/** What is left after one was taken, or was looked for. */
export interface Allowance {
  allowed: boolean;
  limit: number;
  /** Of the announced number; 0 while the burst is being used. */
  remaining: number;
  /** Milliseconds until the window ends and the count begins anew. */
  resetMs: number;
}

/** Counts, within windows. One implementation counts in this process, another over all nodes together. */
export interface Limits {
  /** Takes one of `limit` for `subject` (an address, a key, a user). */
  take(limit: Limit, subject: string): Promise<Allowance>;
  /** Gives back the one that was `taken`, unless its window has ended. */
  giveBack(limit: Limit, subject: string, taken: Allowance): Promise<void>;
  /** Whether one could be taken, and what is left as it is. */
  look(limit: Limit, subject: string): Promise<Allowance>;
  /** Forgets what `subject` took of `limit`. */
  clear(limit: Limit, subject: string): Promise<void>;
}
