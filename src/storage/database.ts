/** What can be bound to a parameter or comes back in a row. Booleans are stored as 0 and 1. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** A row as the database returns it. */
export type SqlRow = Record<string, SqlValue>;

/** A read; `Row` is what each row looks like. The parameters are positional (`?`). */
export interface Query<Row = SqlRow> {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /** Never set: it only carries the row's type. */
  readonly row?: Row;
}

/** One statement of a unit. The parameters must not be changed until the unit's promise has settled. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /** How many rows must change; otherwise the unit is rolled back and rejects with `conflict`. */
  readonly expect?: number;
}

/** What one statement did. */
export interface WriteResult {
  /** Rows inserted, updated or deleted; for a statement that returns rows, their number. */
  changes: number;
  /** Rows of RETURNING; empty otherwise. */
  rows: readonly SqlRow[];
}

/** Counters since the database was opened. */
export interface DatabaseStats {
  /** Units that committed. */
  units: number;
  /** Units that were refused, rolled back or lost. */
  failedUnits: number;
  /** Commits that carried these units; fewer than `units` where writes were grouped. */
  transactions: number;
  /** Most units that ever shared a commit. */
  largestBatch: number;
  /** Units waiting or being committed now. */
  pending: number;
}

/** How a unit may be written. */
export interface WriteOptions {
  /** Nobody waits for it: it may take some milliseconds longer, to share its transaction with others. */
  patient?: boolean | undefined;
}

/**
 * A unit whose statements are asked for when its batch leaves, once: until then its noun can let more join it. It is not
 * asked where the unit is refused.
 */
export type LateUnit = () => readonly Statement[];

/** A database as this room's nouns see it. Every failure is a `StorageError`. */
export interface Database {
  /** Runs one query. It sees every unit whose promise has resolved. */
  read<Row = SqlRow>(query: Query<Row>): Promise<Row[]>;
  /**
   * Runs the statements as one atomic unit; once it resolves, the unit survives a power failure.
   * Units run in the order of their calls, and a unit that fails takes no other unit with it.
   */
  write(unit: readonly Statement[] | LateUnit, options?: WriteOptions): Promise<WriteResult[]>;
  /** Resolves when every unit queued before this call has settled. */
  flush(): Promise<void>;
  /** Settles what is queued, then closes; every later call rejects with `unavailable`. Safe to repeat. */
  close(): Promise<void>;
  stats(): DatabaseStats;
}
