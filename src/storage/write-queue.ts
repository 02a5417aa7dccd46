import type { Worker } from 'node:worker_threads';
import { createBatchEncoder } from './batch-encoder.ts';
import type { BatchEncoder } from './batch-encoder.ts';
import type { DatabaseStats, LateUnit, Statement, WriteOptions, WriteResult } from './database.ts';
import { StorageError } from './storage-error.ts';
import { storageErrorOf } from './sqlite-errors.ts';
import { refusalOf } from './statement-check.ts';
import { settleCommitted, settleLost } from './write-settlement.ts';
import type { WriterReply } from './writer-protocol.ts';

/** A unit waiting for its commit. */
export interface PendingUnit {
  /** Of a late unit: none until its batch leaves. */
  statements: readonly Statement[];
  readonly late: LateUnit | undefined;
  readonly resolve: (results: WriteResult[]) => void;
  readonly reject: (error: StorageError) => void;
}

/** What a write queue is made of. */
export interface WriteQueueParts {
  /** A running writer, as `startWriterThread` gives it; the queue owns it from here on. */
  thread: Worker;
  /** Units waiting at most; more are refused with `overloaded`. */
  maxPendingUnits: number;
  /** Called once if the writer dies: nothing can be written until the process is started again. */
  onFatal: (error: StorageError) => void;
}

/** The main thread's side of the writer. */
export interface WriteQueue {
  write(unit: readonly Statement[] | LateUnit, options?: WriteOptions): Promise<WriteResult[]>;
  flush(): Promise<void>;
  /** Settles what is queued, calls `beforeEnd` once, then ends the writer. */
  close(beforeEnd?: () => void): Promise<void>;
  stats(): DatabaseStats;
}

/** Units in one transaction at most: bounds how long the first of them waits for the last. */
const maxBatchUnits = 2000;
/** How long a patient unit waits for company at most. */
const patienceMs = 10;

interface State {
  readonly parts: WriteQueueParts;
  readonly encoder: BatchEncoder;
  readonly stats: Omit<DatabaseStats, 'pending'>;
  waiting: PendingUnit[];
  inFlight: PendingUnit[];
  scheduled: boolean;
  /** Whether somebody waits for one of `waiting`. */
  urgent: boolean;
  patience: NodeJS.Timeout | undefined;
  /** Why nothing is written any more, once that is so. */
  ended: StorageError | undefined;
  closing: Promise<void> | undefined;
}

/**
 * Groups units into batches. While one batch commits, units gather for the next; when the writer is idle, a
 * unit that somebody waits for leaves at the end of the event loop's turn, with everything else that came up in it.
 */
export function createWriteQueue(parts: WriteQueueParts): WriteQueue {
  const state: State = {
    parts,
    encoder: createBatchEncoder(),
    stats: { units: 0, failedUnits: 0, transactions: 0, largestBatch: 0 },
    waiting: [],
    inFlight: [],
    scheduled: false,
    urgent: false,
    patience: undefined,
    ended: undefined,
    closing: undefined,
  };
  parts.thread.on('message', (reply: WriterReply) => receive(state, reply));
  parts.thread.on('error', (cause) =>
    die(state, new StorageError('unavailable', 'The database writer crashed', { cause })),
  );
  parts.thread.on('exit', (code) => {
    die(state, new StorageError('unavailable', `The database writer ended unexpectedly with code ${code}`));
  });
  return {
    write: (unit, options) => write(state, unit, options),
    flush: () => flush(state),
    close: (beforeEnd = () => undefined) => (state.closing ??= shutDown(state, beforeEnd)),
    stats: () => ({ ...state.stats, pending: pendingOf(state) }),
  };
}

function pendingOf({ waiting, inFlight }: State): number {
  return waiting.length + inFlight.length;
}

function write(
  state: State,
  unit: readonly Statement[] | LateUnit,
  options?: WriteOptions,
): Promise<WriteResult[]> {
  if (state.ended) return refuse(state, state.ended);
  if (state.closing) return refuse(state, new StorageError('unavailable', 'The database is closing'));
  const { maxPendingUnits } = state.parts;
  if (pendingOf(state) >= maxPendingUnits) {
    return refuse(state, new StorageError('overloaded', `${maxPendingUnits} writes are waiting already`));
  }
  if (typeof unit === 'function') return enqueue(state, [], unit, options?.patient);
  const refusal = refusalOf(unit);
  return refusal ? refuse(state, refusal) : enqueue(state, unit, undefined, options?.patient);
}

function refuse(state: State, error: StorageError): Promise<never> {
  state.stats.failedUnits++;
  return Promise.reject(error);
}

function enqueue(
  state: State,
  statements: readonly Statement[],
  late?: LateUnit,
  patient = false,
): Promise<WriteResult[]> {
  return new Promise((resolve, reject) => {
    state.waiting.push({ statements, late, resolve, reject });
    if (!patient) state.urgent = true;
    schedule(state);
  });
}

/** Urgent units leave at the end of this turn, patient ones with the next urgent one or after a moment. */
function schedule(state: State): void {
  if (state.inFlight.length > 0) return;
  if (!state.urgent) {
    state.patience ??= setTimeout(send, patienceMs, state);
  } else if (!state.scheduled) {
    state.scheduled = true;
    setImmediate(send, state);
  }
}

function send(state: State): void {
  clearTimeout(state.patience);
  state.patience = undefined;
  state.scheduled = false;
  if (state.waiting.length === 0 || state.inFlight.length > 0 || state.ended) return;
  state.urgent = state.waiting.length > maxBatchUnits;
  state.inFlight = takeBatch(state);
  // The writer answers each batch, also one of nothing: its answer would be taken for the next one's.
  if (state.inFlight.length === 0) {
    if (state.waiting.length > 0) schedule(state);
    return;
  }
  try {
    const batch = state.encoder.encode(state.inFlight.map((unit) => unit.statements));
    state.parts.thread.postMessage(batch, [batch.layout.buffer]);
  } catch (cause) {
    die(
      state,
      new StorageError('unavailable', 'A batch could not be handed to the database writer', { cause }),
    );
  }
}

/** The units that leave next, the late ones asked for their statements. */
function takeBatch(state: State): PendingUnit[] {
  const taken = state.waiting.splice(0, maxBatchUnits);
  return taken.filter((unit) => {
    if (unit.late === undefined) return true;
    const refusal = ask(unit, unit.late);
    if (refusal === undefined) return true;
    state.stats.failedUnits++;
    unit.reject(refusal);
    return false;
  });
}

/** Asks a late unit for its statements; what is wrong with them is its own. */
function ask(unit: PendingUnit, late: LateUnit): StorageError | undefined {
  try {
    unit.statements = late();
    return refusalOf(unit.statements);
  } catch (cause) {
    return new StorageError('invalid', `A unit could not say what is to be written: ${String(cause)}`, {
      cause,
    });
  }
}

function receive(state: State, reply: WriterReply): void {
  const { stats, inFlight: units } = state;
  state.inFlight = [];
  // Whoever closes does not wait until a database that is away has been asked for each batch in turn.
  if (reply.kind === 'lost' && state.closing) refuseWaiting(state, storageErrorOf(reply.failure));
  if (state.urgent) send(state);
  else if (state.waiting.length > 0) schedule(state);
  if (reply.kind === 'committed') {
    if (reply.changes.length > 0) stats.transactions++;
    stats.units += units.length - reply.failures.length;
    stats.failedUnits += reply.failures.length;
    stats.largestBatch = Math.max(stats.largestBatch, units.length);
    settleCommitted(units, reply);
  } else if (reply.kind === 'lost') {
    stats.failedUnits += units.length;
    settleLost(units, reply.failure);
  }
}

function refuseWaiting(state: State, error: StorageError): void {
  const units = state.waiting.splice(0);
  state.stats.failedUnits += units.length;
  for (const unit of units) unit.reject(error);
}

function end(state: State, error: StorageError): void {
  if (state.ended) return;
  state.ended = error;
  const units = state.inFlight;
  state.inFlight = [];
  state.stats.failedUnits += units.length;
  for (const unit of units) unit.reject(error);
  refuseWaiting(state, error);
}

function die(state: State, error: StorageError): void {
  if (state.ended) return;
  end(state, error);
  void state.parts.thread.terminate();
  state.parts.onFatal(error);
}

async function flush(state: State): Promise<void> {
  if (state.ended) throw state.ended;
  if (pendingOf(state) > 0) await enqueue(state, []);
}

async function shutDown(state: State, beforeEnd: () => void): Promise<void> {
  await flush(state).catch(() => undefined);
  beforeEnd();
  const wasRunning = !state.ended;
  end(state, new StorageError('unavailable', 'The database is closed'));
  if (!wasRunning) return;
  const { thread } = state.parts;
  const exited = new Promise((resolve) => thread.once('exit', resolve));
  thread.postMessage({ kind: 'close' });
  await exited;
}
