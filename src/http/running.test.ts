import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { ParleyError } from '../core/errors.ts';
import { createRunning, shuttingDown } from './running.ts';

/** A server that answers with `handle`, and a request to it. */
async function createRequest(t: TestContext, handle: (response: ServerResponse) => void) {
  const server = createServer((_request, response) => handle(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const request = get({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  request.on('error', () => {});
  return request;
}

const handled = <T>() => Promise.withResolvers<T>();

describe('work for a response', () => {
  it('aborts when its client goes away, and is over', async (t) => {
    const running = createRunning();
    const started = handled<AbortSignal>();
    const request = await createRequest(t, (response) => started.resolve(running.forResponse(response)));
    const signal = await started.promise;
    assert.deepEqual([signal.aborted, running.size()], [false, 1]);
    const aborted = once(signal, 'abort');
    request.destroy();
    await aborted;
    await running.idle();
    assert.equal(running.size(), 0);
  });

  it('is over when the response is finished, and does not abort', async (t) => {
    const running = createRunning();
    const started = handled<AbortSignal>();
    const request = await createRequest(t, (response) => {
      started.resolve(running.forResponse(response));
      response.end('done');
    });
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    response.resume();
    await once(response, 'end');
    const signal = await started.promise;
    await running.idle();
    assert.deepEqual([signal.aborted, running.size()], [false, 0]);
  });

  it('that begins after its client has gone aborts at once, and does not hold up a shutdown', async (t) => {
    const running = createRunning();
    const arrived = handled<ServerResponse>();
    const request = await createRequest(t, (response) => arrived.resolve(response));
    const response = await arrived.promise;
    request.destroy();
    await once(response, 'close');
    assert.equal(running.forResponse(response).aborted, true);
    assert.equal(running.size(), 0);
    await running.idle();
  });
});

describe('work of a socket', () => {
  it('is waited for until all of it is over', async () => {
    const running = createRunning();
    const [first, second] = [running.begin(), running.begin()];
    let idle = false;
    const waited = running.idle().then(() => (idle = true));
    first.end();
    first.end();
    await Promise.resolve();
    assert.deepEqual([idle, running.size()], [false, 1]);
    second.end();
    await waited;
  });

  it('aborts with the reason that is given, all of it', () => {
    const running = createRunning();
    const works = [running.begin(), running.begin()];
    const over = running.begin();
    over.end();
    const reason = shuttingDown();
    running.abortAll(reason);
    for (const { controller } of works) assert.equal(controller.signal.reason, reason);
    assert.equal(over.controller.signal.aborted, false);
  });
});

it('nothing is idle from the start', () => createRunning().idle());

it('while draining, new work is refused and old work runs on', async (t) => {
  const running = createRunning();
  const work = running.begin();
  running.drain();
  const refusal = { code: 'overloaded', retryable: true, retryAfterMs: 2_000 };
  assert.throws(() => running.begin(), refusal);
  const refused = handled<unknown>();
  await createRequest(t, (response) => {
    try {
      running.forResponse(response);
    } catch (thrown) {
      refused.resolve(thrown);
    }
  });
  const thrown = await refused.promise;
  assert.ok(thrown instanceof ParleyError && thrown.code === 'overloaded');
  assert.deepEqual([work.controller.signal.aborted, running.size()], [false, 1]);
});
