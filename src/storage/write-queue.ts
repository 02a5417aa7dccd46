import type { Worker } from 'node:worker_threads';
import { createBatchEncoder } from './batch-encoder.ts';
import type { DatabaseStats, Statement, WriteResult } from './database.ts';
import { StorageError } from './storage-error.ts';
import { refusalOf } from './statement-check.ts';
import { settleCommitted, settleLost } from './write-settlement.ts';
import type { WriterReply } from './writer-protocol.ts';

/** A unit waiting for its commit. */
export interface PendingUnit {
  readonly statements: readonly Statement[];
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
  write(unit: readonly Statement[]): Promise<WriteResult[]>;
  flush(): Promise<void>;
  /** Settles what is queued, calls `beforeEnd` once, then ends the writer. */
  close(beforeEnd?: () => void): Promise<void>;
  stats(): DatabaseStats;
}

/** Units in one transaction at most: bounds how long the first of them waits for the last. */
const maxBatchUnits = 2000;

/**
 * Groups units into batches. While one batch commits, units gather for the next; when the writer is idle, a
 * unit leaves at the end of the event loop's turn, with everything else that came up in it.
 */
export function createWriteQueue({ thread, maxPendingUnits, onFatal }: WriteQueueParts): WriteQueue {
  const encoder = createBatchEncoder();
  const stats = { units: 0, failedUnits: 0, transactions: 0, largestBatch: 0 };
  let waiting: PendingUnit[] = [];
  let inFlight: PendingUnit[] = [];
  let scheduled = false;
  let ended: StorageError | undefined;
  let closing: Promise<void> | undefined;

  function send(): void {
    scheduled = false;
    if (waiting.length === 0 || inFlight.length > 0 || ended) return;
    if (waiting.length <= maxBatchUnits) {
      inFlight = waiting;
      waiting = [];
    } else {
      inFlight = waiting.splice(0, maxBatchUnits);
    }
    try {
      const batch = encoder.encode(inFlight.map((unit) => unit.statements));
      thread.postMessage(batch, [batch.layout.buffer]);
    } catch (cause) {
      die(new StorageError('unavailable', 'A batch could not be handed to the database writer', { cause }));
    }
  }

  function schedule(): void {
    if (scheduled || inFlight.length > 0) return;
    scheduled = true;
    setImmediate(send);
  }

  function receive(reply: WriterReply): void {
    const units = inFlight;
    inFlight = [];
    send();
    if (reply.kind === 'committed') {
      if (reply.numbers.length > 0) stats.transactions++;
      stats.units += units.length - reply.failures.length;
      stats.failedUnits += reply.failures.length;
      stats.largestBatch = Math.max(stats.largestBatch, units.length);
      settleCommitted(units, reply);
    } else if (reply.kind === 'lost') {
      stats.failedUnits += units.length;
      settleLost(units, reply.failure);
    }
  }

  function end(error: StorageError): void {
    if (ended) return;
    ended = error;
    const units = [...inFlight, ...waiting];
    inFlight = [];
    waiting = [];
    stats.failedUnits += units.length;
    for (const unit of units) unit.reject(error);
  }

  function die(error: StorageError): void {
    if (ended) return;
    end(error);
    void thread.terminate();
    onFatal(error);
  }

  function enqueue(statements: readonly Statement[]): Promise<WriteResult[]> {
    return new Promise((resolve, reject) => {
      waiting.push({ statements, resolve, reject });
      schedule();
    });
  }

  function refuse(error: StorageError): Promise<never> {
    stats.failedUnits++;
    return Promise.reject(error);
  }

  async function flush(): Promise<void> {
    if (ended) throw ended;
    if (waiting.length + inFlight.length > 0) await enqueue([]);
  }

  async function shutDown(beforeEnd: () => void): Promise<void> {
    await flush().catch(() => undefined);
    beforeEnd();
    const wasRunning = !ended;
    end(new StorageError('unavailable', 'The database is closed'));
    if (!wasRunning) return;
    const exited = new Promise((resolve) => thread.once('exit', resolve));
    thread.postMessage({ kind: 'close' });
    await exited;
  }

  thread.on('message', receive);
  thread.on('error', (cause) =>
    die(new StorageError('unavailable', 'The database writer crashed', { cause })),
  );
  thread.on('exit', (code) => {
    die(new StorageError('unavailable', `The database writer ended unexpectedly with code ${code}`));
  });

  return {
    write(unit) {
      if (ended) return refuse(ended);
      if (closing) return refuse(new StorageError('unavailable', 'The database is closing'));
      if (waiting.length + inFlight.length >= maxPendingUnits) {
        return refuse(new StorageError('overloaded', `${maxPendingUnits} writes are waiting already`));
      }
      const refusal = refusalOf(unit);
      return refusal ? refuse(refusal) : enqueue(unit);
    },
    flush,
    close: (beforeEnd = () => undefined) => (closing ??= shutDown(beforeEnd)),
    stats: () => ({ ...stats, pending: waiting.length + inFlight.length }),
  };
}
