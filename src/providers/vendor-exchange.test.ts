import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dispatcher } from 'undici';
import { StreamExchange } from './vendor-exchange.ts';
import type { VendorStream } from './vendor-exchange.ts';

const vendor = {
  name: 'vendor',
  secrets: [],
  timeouts: { connectMs: 1_000, firstByteMs: 1_000, idleMs: 1_000, totalMs: 60_000 },
  now: () => 0,
};

// How full undici's and the kernel's buffers are cannot be seen from outside, so the connection is played here.
function createConnection() {
  const calls: string[] = [];
  const controller = {
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    abort: () => calls.push('abort'),
  } as unknown as Dispatcher.DispatchController;
  return { calls, controller };
}

async function openStream(exchangeSignal = new AbortController().signal) {
  const { calls, controller } = createConnection();
  let resolved!: (stream: VendorStream) => void;
  const opened = new Promise<VendorStream>((resolve) => (resolved = resolve));
  const exchange = new StreamExchange(vendor, exchangeSignal, resolved, () => {});
  exchange.onRequestStart(controller);
  exchange.onResponseStart(controller, 200, {});
  return { exchange, calls, controller, stream: await opened };
}

test('a vendor faster than its reader is held back, and let on when the reader has caught up', async () => {
  const { exchange, calls, controller, stream } = await openStream();
  const chunk = Buffer.alloc(100 * 1024);
  exchange.onResponseData(controller, chunk);
  exchange.onResponseData(controller, chunk);
  assert.deepEqual(calls, []);
  exchange.onResponseData(controller, chunk);
  assert.deepEqual(calls, ['pause']);
  const reader = stream.read();
  await reader.next();
  assert.deepEqual(calls, ['pause', 'resume']);
  await reader.return();
  assert.equal(calls.at(-1), 'abort');
});

test('a stream that is let go is not aborted, and what still comes is thrown away', async () => {
  const { exchange, calls, controller, stream } = await openStream();
  exchange.onResponseData(controller, Buffer.from('last'));
  const reader = stream.read();
  assert.equal(String((await reader.next()).value), 'last');
  stream.letGo();
  exchange.onResponseData(controller, Buffer.from('late'));
  assert.deepEqual(await reader.next(), { done: true, value: undefined });
  exchange.onResponseEnd();
  assert.ok(!calls.includes('abort'));
});

test('an abort throws away what was not read', async () => {
  const stop = new AbortController();
  const { exchange, controller, calls, stream } = await openStream(stop.signal);
  exchange.onResponseData(controller, Buffer.from('one'));
  const reader = stream.read();
  assert.equal(String((await reader.next()).value), 'one');
  exchange.onResponseData(controller, Buffer.from('two'));
  stop.abort();
  assert.equal(calls.at(-1), 'abort');
  await assert.rejects(reader.next(), { code: 'cancelled' });
});

test('what came together is read together', async () => {
  const { exchange, controller, stream } = await openStream(new AbortController().signal);
  exchange.onResponseData(controller, Buffer.from('one'));
  exchange.onResponseData(controller, Buffer.from('two'));
  const reader = stream.read();
  assert.equal(String((await reader.next()).value), 'onetwo');
  await reader.return();
});

test('informational answers are passed over', async () => {
  const { controller } = createConnection();
  let status: VendorStream | undefined;
  const exchange = new StreamExchange(
    vendor,
    new AbortController().signal,
    (stream) => (status = stream),
    assert.fail,
  );
  exchange.onRequestStart(controller);
  exchange.onResponseStart(controller, 103, {});
  assert.equal(status, undefined);
  exchange.onResponseStart(controller, 200, {});
  assert.equal(status, exchange);
  exchange.onResponseEnd();
});
