/** A seat that is taken. */
export interface Seat {
  /** Gives it back; once is enough. */
  release(): void;
}

/** Seats that are held for a while, such as open sockets: at most so many at once. One implementation counts in this process, another over all nodes together. */
export interface Seats {
  /** Takes a seat of `subject` (a user, an address) at `door`; null where `most` are taken already. */
  take(door: string, subject: string, most: number): Promise<Seat | null>;
  close(): Promise<void>;
}
