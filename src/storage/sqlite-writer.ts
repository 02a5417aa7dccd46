/** Entry of the writer thread: it alone writes, so that no sync or checkpoint ever stops the event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { createBatchRunner } from './batch-runner.ts';
import type { BatchRunner } from './batch-runner.ts';
import { openWriteConnection } from './sqlite-connection.ts';
import { failureOf } from './sqlite-errors.ts';
import type { WriterData, WriterReply, WriterRequest } from './writer-protocol.ts';

function serve(port: MessagePort, runner: BatchRunner): void {
  port.on('message', (request: WriterRequest) => {
    if (request.kind === 'close') {
      runner.close();
      port.close();
      return;
    }
    const reply = runner.run(request);
    port.postMessage(reply, reply.kind === 'committed' ? [reply.changes.buffer] : []);
  });
  port.postMessage({ kind: 'ready' } satisfies WriterReply);
}

function start(port: MessagePort, { path }: WriterData): void {
  try {
    serve(
      port,
      createBatchRunner(() => openWriteConnection(path)),
    );
  } catch (error) {
    port.postMessage({ kind: 'unusable', failure: failureOf(error) } satisfies WriterReply);
  }
}

if (parentPort) start(parentPort, workerData as WriterData);
