/** Entry of the writer thread on PostgreSQL: preparing and reading what goes over the wire never stops the event loop. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { createPostgresBatchRunner } from './postgres-batch-runner.ts';
import type { WriterData, WriterReply, WriterRequest } from './writer-protocol.ts';

function serve(port: MessagePort, { path: url }: WriterData): void {
  const runner = createPostgresBatchRunner(url);
  const answer = async (request: WriterRequest) => {
    if (request.kind === 'close') {
      await runner.close().finally(() => port.close());
      return;
    }
    const reply = await runner.run(request);
    port.postMessage(reply, reply.kind === 'committed' ? [reply.changes.buffer] : []);
  };
  let last = Promise.resolve();
  port.on('message', (request: WriterRequest) => void (last = last.then(() => answer(request))));
  port.postMessage({ kind: 'ready' } satisfies WriterReply);
}

if (parentPort) serve(parentPort, workerData as WriterData);
