import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqlRow, SqlValue } from './database.ts';
import { failureOf } from './sqlite-errors.ts';
import type { BatchCommitted, BatchLost, BatchMessage, UnitFailure } from './writer-protocol.ts';
import { layoutStride } from './writer-protocol.ts';

/** Runs batches on one connection at a time. */
export interface BatchRunner {
  run(batch: BatchMessage): BatchCommitted | BatchLost;
  close(): void;
}

interface PreparedStatement {
  statement: StatementSync;
  returnsRows: boolean;
}

interface Connection {
  database: DatabaseSync;
  prepared: (PreparedStatement | undefined)[];
  begin: StatementSync;
  commit: StatementSync;
  savepoint: StatementSync;
  release: StatementSync;
}

/** Where decoding stands in a batch, and what was found so far. */
interface Progress {
  layoutAt: number;
  parameterAt: number;
  statementAt: number;
  changes: Float64Array<ArrayBuffer>;
  rows: [number, SqlRow[]][];
  failures: UnitFailure[];
}

class ExpectationFailed extends Error {}

/**
 * Each batch is one transaction, each unit of several statements a savepoint in it. After a failure that concerns the
 * whole transaction the connection is dropped, and the next batch opens a new one with `open`.
 */
export function createBatchRunner(open: () => DatabaseSync): BatchRunner {
  let sqls: string[] = [];
  let connection: Connection | undefined = prepareConnection(open());

  function drop(): void {
    try {
      connection?.database.close();
    } catch {
      // A connection that fails to close is abandoned; its transaction was never committed.
    }
    connection = undefined;
  }

  function run(batch: BatchMessage): BatchCommitted | BatchLost {
    if (batch.resetSqls) {
      sqls = [];
      if (connection) connection.prepared = [];
    }
    sqls.push(...batch.newSqls);
    try {
      connection ??= prepareConnection(open());
      return runTransaction(connection, sqls, batch);
    } catch (error) {
      drop();
      return { kind: 'lost', failure: { ...failureOf(error), code: 'unavailable' } };
    }
  }

  return { run, close: drop };
}

function prepareConnection(database: DatabaseSync): Connection {
  return {
    database,
    prepared: [],
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    savepoint: database.prepare('SAVEPOINT unit'),
    release: database.prepare('RELEASE unit'),
  };
}

function runTransaction(connection: Connection, sqls: string[], batch: BatchMessage): BatchCommitted {
  const progress: Progress = {
    layoutAt: 0,
    parameterAt: 0,
    statementAt: 0,
    changes: new Float64Array(batch.statements),
    rows: [],
    failures: [],
  };
  if (batch.statements > 0) {
    connection.begin.run();
    for (let unit = 0; unit < batch.units; unit++) runUnit(connection, sqls, batch, progress, unit);
    connection.commit.run();
  }
  return { kind: 'committed', changes: progress.changes, rows: progress.rows, failures: progress.failures };
}

function runUnit(
  connection: Connection,
  sqls: string[],
  batch: BatchMessage,
  progress: Progress,
  unit: number,
): void {
  const { layout } = batch;
  const size = layout[progress.layoutAt++] as number;
  const end = progress.layoutAt + size * layoutStride;
  const endStatement = progress.statementAt + size;
  const endParameter = progress.parameterAt + parametersBetween(layout, progress.layoutAt, end);
  const rowsBefore = progress.rows.length;
  // A single statement undoes itself when it fails, unless it is its success that is not wanted.
  const savepoint = size > 1 || (size === 1 && layout[progress.layoutAt + 2] !== -1);
  if (savepoint) connection.savepoint.run();
  try {
    while (progress.layoutAt < end) runStatement(connection, sqls, batch, progress);
    if (savepoint) connection.release.run();
  } catch (error) {
    undoUnit(connection, savepoint, error);
    progress.rows.length = rowsBefore;
    progress.failures.push({ unit, ...unitFailureOf(error) });
  }
  progress.layoutAt = end;
  progress.statementAt = endStatement;
  progress.parameterAt = endParameter;
}

/** Throws `cause` again where SQLite has already rolled back the whole transaction (disk full, I/O error …). */
function undoUnit(connection: Connection, savepoint: boolean, cause: unknown): void {
  if (!connection.database.isTransaction) throw cause;
  if (savepoint) connection.database.exec('ROLLBACK TO unit; RELEASE unit');
}

function unitFailureOf(error: unknown): Omit<UnitFailure, 'unit'> {
  return error instanceof ExpectationFailed ? { code: 'conflict', message: error.message } : failureOf(error);
}

function parametersBetween(layout: Int32Array, start: number, end: number): number {
  let sum = 0;
  for (let at = start; at < end; at += layoutStride) sum += layout[at + 1] as number;
  return sum;
}

function runStatement(connection: Connection, sqls: string[], batch: BatchMessage, progress: Progress): void {
  const id = batch.layout[progress.layoutAt] as number;
  const count = batch.layout[progress.layoutAt + 1] as number;
  const expected = batch.layout[progress.layoutAt + 2] as number;
  const prepared = (connection.prepared[id] ??= prepare(connection.database, sqls[id] as string));
  const parameters = batch.parameters.slice(progress.parameterAt, progress.parameterAt + count);
  const changes = execute(prepared, parameters, progress);
  if (expected !== -1 && changes !== expected) {
    throw new ExpectationFailed(`${changes} rows changed instead of ${expected}: ${sqls[id]}`);
  }
  progress.layoutAt += layoutStride;
  progress.parameterAt += count;
  progress.statementAt++;
}

function execute(prepared: PreparedStatement, parameters: SqlValue[], progress: Progress): number {
  const at = progress.statementAt;
  if (prepared.returnsRows) {
    const rows = prepared.statement.all(...parameters) as SqlRow[];
    progress.rows.push([at, rows]);
    progress.changes[at] = rows.length;
    return rows.length;
  }
  const changes = prepared.statement.run(...parameters).changes as number;
  progress.changes[at] = changes;
  return changes;
}

function prepare(database: DatabaseSync, sql: string): PreparedStatement {
  const statement = database.prepare(sql);
  return { statement, returnsRows: statement.columns().length > 0 };
}
