import { Worker } from 'node:worker_threads';
import { storageErrorOf } from './sqlite-errors.ts';
import { StorageError } from './storage-error.ts';
import type { WriterData, WriterReply } from './writer-protocol.ts';

/** Starts the thread that writes to the SQLite file, or the PostgreSQL, at `path`; rejects with `StorageError` when it cannot open it. */
export function startWriterThread(kind: 'sqlite' | 'postgres', path: string): Promise<Worker> {
  const thread = new Worker(new URL(`./${kind}-writer.ts`, import.meta.url), {
    name: `${kind}-writer`,
    workerData: { path } satisfies WriterData,
    execArgv: [],
  });
  return new Promise((resolve, reject) => {
    const onError = (cause: unknown) => {
      reject(
        new StorageError('unavailable', 'The thread that writes to the database did not start', { cause }),
      );
    };
    thread.once('error', onError);
    thread.once('message', (reply: WriterReply) => {
      thread.off('error', onError);
      if (reply.kind === 'unusable') reject(storageErrorOf(reply.failure));
      else resolve(thread);
    });
  });
}
