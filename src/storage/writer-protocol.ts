import type { SqlRow, SqlValue } from './database.ts';
import type { Failure } from './sqlite-errors.ts';

/** What the writer thread is started with. */
export interface WriterData {
  /** The SQLite file, or PostgreSQL's address. */
  path: string;
}

/**
 * Many units in one message. `layout` is flat: for each unit its number of statements, then for each statement
 * three numbers: SQL id, number of parameters, expected changes (-1: any). Flat arrays of plain values are what
 * structured cloning copies fastest.
 */
export interface BatchMessage {
  kind: 'batch';
  /** True when the ids start over: forget every SQL text known so far. */
  resetSqls: boolean;
  /** SQL texts that were not sent before; each takes the next id. */
  newSqls: string[];
  units: number;
  statements: number;
  layout: Int32Array<ArrayBuffer>;
  parameters: SqlValue[];
}

/** Main thread → writer. After `close` the writer closes its connection and ends. */
export type WriterRequest = BatchMessage | { kind: 'close' };

/** A unit of a batch that failed alone. */
export interface UnitFailure extends Failure {
  /** Position in the batch. */
  unit: number;
}

/** Outcome of a batch whose transaction committed. */
export interface BatchCommitted {
  kind: 'committed';
  /** For each statement of the batch: how many rows it changed. */
  changes: Float64Array<ArrayBuffer>;
  /** Returned rows by position of their statement in the batch. */
  rows: [statement: number, rows: SqlRow[]][];
  /** In the order of the units. */
  failures: UnitFailure[];
}

/** Outcome of a batch of which nothing was committed. */
export interface BatchLost {
  kind: 'lost';
  failure: Failure;
}

/** Writer → main thread. */
export type WriterReply =
  { kind: 'ready' } | { kind: 'unusable'; failure: Failure } | BatchCommitted | BatchLost;

/** Numbers in `layout` per statement. */
export const layoutStride = 3;
