/** Somebody who has begun a conversation: a user, or a guest by the id that the page gave. Times are milliseconds since the epoch. */
export interface Customer {
  id: number;
  /** Null for a guest. */
  userId: number | null;
  /** Null for a user. */
  guestId: string | null;
  /** A user's name; a guest's id. */
  name: string;
  email: string | null;
  conversationCount: number;
  firstSeenAt: number;
  lastSeenAt: number;
}

/** Who begins a conversation: a user by the account, a guest by the id that the page gave. */
export type NewCustomer = { userId: number } | { guestId: string };

/** Customers. They are written with the conversations that they begin. */
export interface Customers {
  find(id: number): Promise<Customer | undefined>;
  findMany(ids: readonly number[]): Promise<Map<number, Customer>>;
  /** Who was seen last first. With `search`: those in whose name, address or guest id every word of it occurs. */
  list(
    search: string | undefined,
    page: { skip: number; limit: number },
  ): Promise<{ customers: Customer[]; total: number }>;
}
