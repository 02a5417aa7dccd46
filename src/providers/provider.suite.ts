import { singly } from './events.fixture.ts';
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createNetServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { after, before, beforeEach, describe, test } from 'node:test';
import { LLMock } from '@copilotkit/aimock';
import { ParleyError } from '../core/errors.ts';
import type { Part } from '../core/completions/messages.ts';
import type {
  ModelRequest,
  Provider,
  ProviderEvent,
  ProviderTimeouts,
} from '../core/completions/provider.ts';

export const apiKey = 'sk-test-0123456789abcdef';

/** A provider that the suite is run on, and what its vendor's wire looks like. */
export interface ProviderUnderTest {
  create(baseUrl: string, timeouts: ProviderTimeouts, connections?: number): Provider;
  /** The body of a whole answer. */
  whole(text: string): unknown;
  /** A stream's events before, for each of, and after the pieces of text; each with its blank line. */
  opening: string;
  piece(text: string): string;
  /** A message's image in the vendor's words. */
  image(url: string): unknown;
  closing: string;
  /** The error event that a vendor sends in the middle of a stream when it is overloaded. */
  overloaded: string;
}

const longTimeouts: ProviderTimeouts = {
  connectMs: 5_000,
  firstByteMs: 5_000,
  idleMs: 5_000,
  totalMs: 10_000,
};
const never = new AbortController().signal;

/** What every provider for an HTTP vendor must do, whatever its vendor's protocol. */
export function testProvider(name: string, subject: ProviderUnderTest): void {
  describe(`${name}: conformance`, () => {
    describe('with a mocked vendor', () => testWithMock(subject));
    describe('with a bare server', () => {
      testTimeouts(subject);
      testAborts(subject);
      testConnections(subject);
      testImages(subject);
      testStreamDetails(subject);
      testErrorAnswers(subject);
    });
  });
}

function testWithMock(subject: ProviderUnderTest): void {
  const text = 'Grüße aus Köln: 你好, 世界! 👋 And a few more words.';
  const usage = { prompt_tokens: 11, completion_tokens: 22, total_tokens: 33 };
  const mock = new LLMock({ port: 0, logLevel: 'silent', chunkSize: 4, auth: { apiKeys: [apiKey] } });
  let provider: Provider;
  before(async () => {
    await mock.start();
    provider = subject.create(mock.url, longTimeouts);
  });
  beforeEach(() => {
    mock.clearChaos();
    mock.clearFixtures();
    mock.onMessage(/./, { content: text, usage });
  });
  after(async () => {
    await provider.close();
    await mock.stop();
  });

  test('whole answer', async () => {
    const answer = await provider.answer(ask('Hello'), never);
    assert.deepEqual(answer, {
      text,
      reason: 'stop',
      usage: { promptTokens: 11, completionTokens: 22, estimated: false },
    });
  });

  test('stream joins to the text and ends with one finish', async () => {
    const events = await collect(singly(provider.stream(ask('Hello'), never)));
    assert.ok(events.length > 5, 'the answer came in pieces');
    assert.equal(joined(events), text);
    assert.deepEqual(
      events.filter((event) => event.type === 'finish'),
      [
        {
          type: 'finish',
          reason: 'stop',
          usage: { promptTokens: 11, completionTokens: 22, estimated: false },
        },
      ],
    );
    assert.equal(events.at(-1)?.type, 'finish');
  });

  test('tool calls, whole and streamed', async () => {
    mock.clearFixtures();
    mock.onMessage(/./, { toolCalls: [{ name: 'weather', arguments: '{"city":"Köln"}', id: 'call_1' }] });
    const answer = await provider.answer(ask('Weather?'), never);
    assert.equal(answer.reason, 'tool_calls');
    const calls = answer.extra?.['tool_calls'] as
      { id: string; function: { name: string; arguments: string } }[] | undefined;
    const call = calls?.[0];
    assert.equal(call?.id, 'call_1');
    assert.equal(call.function.name, 'weather');
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Köln' });

    const events = await collect(singly(provider.stream(ask('Weather?'), never)));
    assert.deepEqual(JSON.parse(streamedArguments(events)), { city: 'Köln' });
    const finish = events.at(-1);
    assert.equal(finish?.type === 'finish' && finish.reason, 'tool_calls');
  });

  for (const [way, call] of ways(() => provider)) {
    test(`500 is retryable (${way})`, async () => {
      mock.setChaos({ dropRate: 1 });
      const error = await failure(call(never));
      assert.equal(error.code, 'provider_failed');
      assert.equal(error.retryable, true);
      assert.match(error.message, /^vendor answered with status 500: Chaos: request dropped$/);
      assert.equal(error.internal?.status, 500);
    });

    test(`429 carries Retry-After (${way})`, async () => {
      mock.clearFixtures();
      const limited = { message: 'Slow down', type: 'rate_limit_error' };
      mock.onMessage(/./, { error: limited, status: 429, retryAfter: 7 });
      const error = await failure(call(never));
      assert.equal(error.code, 'provider_failed');
      assert.equal(error.retryable, true);
      assert.equal(error.retryAfterMs, 7_000);
      assert.match(error.message, /429: Slow down/);
    });

    test(`400 is not retryable (${way})`, async () => {
      mock.clearFixtures();
      const refused = { message: 'Unknown parameter', type: 'invalid_request_error' };
      mock.onMessage(/./, { error: refused, status: 400 });
      const error = await failure(call(never));
      assert.equal(error.retryable, false);
      assert.match(error.message, /400: Unknown parameter/);
    });

    test(`malformed JSON (${way})`, async () => {
      mock.setChaos({ malformedRate: 1 });
      const error = await failure(call(never));
      assert.equal(error.code, 'provider_failed');
      assert.equal(error.retryable, true);
    });

    test(`disconnect before the headers (${way})`, async () => {
      mock.setChaos({ disconnectRate: 1 });
      const error = await failure(call(never));
      assert.equal(error.code, 'provider_failed');
      assert.equal(error.retryable, true);
    });
  }

  test('disconnect in mid-stream: what came before is delivered, then the failure', async () => {
    mock.clearFixtures();
    // Pauses, because the mock's disconnect throws away what it has not yet sent.
    mock.onMessage(/./, { content: text }, { truncateAfterChunks: 6, latency: 10 });
    const seen: ProviderEvent[] = [];
    const error = await failure(collect(singly(provider.stream(ask('Hello'), never)), seen));
    assert.equal(error.code, 'provider_failed');
    assert.equal(error.retryable, true);
    assert.notEqual(joined(seen), '');
    assert.ok(text.startsWith(joined(seen)));
    assert.ok(seen.every((event) => event.type !== 'finish'));
  });

  test('lists models', async () => {
    const ids = await provider.listModels?.(never);
    assert.ok(ids !== undefined && ids.length > 0);
    assert.ok(ids.every((id) => typeof id === 'string'));
  });
}

function testTimeouts(subject: ProviderUnderTest): void {
  const quick = (limit: Partial<ProviderTimeouts>) => ({ ...longTimeouts, ...limit });

  for (const [way] of ways(() => never as never)) {
    test(`silence before the headers is a first byte timeout (${way})`, async (t) => {
      const vendor = await listen(t, () => {});
      const provider = use(t, subject.create(vendor.url, quick({ firstByteMs: 100 })));
      const closed = vendor.socketClosed();
      const error = await failure(callBy(way, provider, never));
      assert.equal(error.code, 'provider_timeout');
      assert.match(error.message, /first byte timeout of 100 ms/);
      await closed;
    });

    test(`a body that stops is an idle timeout (${way})`, async (t) => {
      const vendor = await listen(t, (_, response) => startAnswer(response, subject, way));
      const provider = use(t, subject.create(vendor.url, quick({ idleMs: 100 })));
      const closed = vendor.socketClosed();
      const error = await failure(callBy(way, provider, never));
      assert.equal(error.code, 'provider_timeout');
      assert.match(error.message, /idle timeout of 100 ms/);
      await closed;
    });

    test(`a body that never ends is a total timeout (${way})`, async (t) => {
      const vendor = await listen(t, (_, response) => {
        startAnswer(response, subject, way);
        const timer = setInterval(() => response.write(way === 'stream' ? subject.piece('x') : ' '), 10);
        response.on('close', () => clearInterval(timer));
      });
      const provider = use(t, subject.create(vendor.url, quick({ totalMs: 200 })));
      const closed = vendor.socketClosed();
      const error = await failure(callBy(way, provider, never));
      assert.equal(error.code, 'provider_timeout');
      assert.equal(error.retryable, false);
      assert.match(error.message, /total timeout of 200 ms/);
      await closed;
    });
  }

  test('a handshake that is never answered is a connect timeout', async (t) => {
    const silent = createNetServer();
    const url = (await listening(t, silent)).replace('http:', 'https:');
    const provider = use(t, subject.create(url, quick({ connectMs: 100 })));
    const error = await failure(provider.answer(ask('Hello'), never));
    assert.equal(error.code, 'provider_timeout');
    assert.match(error.message, /connect timeout of 100 ms/);
  });
}

function testAborts(subject: ProviderUnderTest): void {
  for (const [way] of ways(() => never as never)) {
    test(`abort before the headers closes the socket within a second (${way})`, async (t) => {
      const vendor = await listen(t, () => {});
      const provider = use(t, subject.create(vendor.url, longTimeouts));
      const stop = new AbortController();
      const call = failure(callBy(way, provider, stop.signal));
      await once(vendor.events, 'request');
      await assertStops(vendor, () => call, stop);
    });

    test(`abort in mid-body closes the socket within a second (${way})`, async (t) => {
      const vendor = await listen(t, (_, response) => startAnswer(response, subject, way));
      const provider = use(t, subject.create(vendor.url, longTimeouts));
      const stop = new AbortController();
      const call = failure(callBy(way, provider, stop.signal));
      await once(vendor.events, 'request');
      await assertStops(vendor, () => call, stop);
    });

    test(`a call that is aborted before it begins reaches nobody (${way})`, async (t) => {
      const vendor = await listen(t, (_, response) => response.end());
      const provider = use(t, subject.create(vendor.url, longTimeouts));
      const error = await failure(callBy(way, provider, AbortSignal.abort()));
      assert.equal(error.code, 'cancelled');
      assert.equal(vendor.requests, 0);
    });

    test(`abort while waiting for a connection ends the call at once (${way})`, async (t) => {
      const vendor = await listen(t, (_, response) => {
        if (vendor.requests > 1) response.end(JSON.stringify(subject.whole('ok')));
      });
      const provider = use(t, subject.create(vendor.url, longTimeouts, 1));
      const first = new AbortController();
      const holder = failure(provider.answer(ask('First'), first.signal));
      await once(vendor.events, 'request');
      const stop = new AbortController();
      const waiting = failure(callBy(way, provider, stop.signal));
      stop.abort();
      assert.equal((await waiting).code, 'cancelled');
      first.abort();
      await holder;
      // It stood in front of this call, so it would have come to the vendor by now.
      assert.equal((await provider.answer(ask('Third'), never)).text, 'ok');
      assert.equal(vendor.requests, 2);
    });
  }

  test('abort in mid-stream closes the socket within a second and ends the stream as cancelled', async (t) => {
    const vendor = await listen(t, (_, response) => {
      startAnswer(response, subject, 'stream');
      response.write(subject.piece('second') + subject.piece('third'));
    });
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    const stop = new AbortController();
    const reader = singly(provider.stream(ask('Hello'), stop.signal))[Symbol.asyncIterator]();
    assert.deepEqual((await reader.next()).value, { type: 'text-delta', text: 'first' });
    await assertStops(vendor, () => failure(drain(reader)), stop);
  });

  test('a reader that leaves closes the socket', async (t) => {
    const vendor = await listen(t, (_, response) => startAnswer(response, subject, 'stream'));
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    const closed = vendor.socketClosed();
    for await (const event of singly(provider.stream(ask('Hello'), never))) {
      assert.equal(event.type, 'text-delta');
      break;
    }
    await closed;
  });
}

function testImages(subject: ProviderUnderTest): void {
  test('images, by address and within the message, reach the vendor in its words and in their order', async (t) => {
    const bodies: { messages: { content: unknown }[] }[] = [];
    const vendor = await listen(t, (request, response) => {
      void json(request).then((body) => {
        bodies.push(body as (typeof bodies)[number]);
        if (request.headers.accept === 'application/json') response.end(JSON.stringify(subject.whole('ok')));
        else response.end(subject.opening + subject.piece('ok') + subject.closing);
      });
    });
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    const [address, data] = [
      'https://example.com/a.png?x=1&y=%20',
      `data:image/png;base64,${'iVBO'.repeat(9)}`,
    ];
    const content: Part[] = [
      { type: 'image', url: address },
      { type: 'text', text: 'Which is larger?' },
      { type: 'image', url: data },
    ];
    const request: ModelRequest = { model: 'm', messages: [{ role: 'user', content }] };
    await provider.answer(request, never);
    await collect(singly(provider.stream(request, never)));
    const expected = [
      subject.image(address),
      { type: 'text', text: 'Which is larger?' },
      subject.image(data),
    ];
    assert.deepEqual(
      bodies.map(({ messages }) => messages[0]?.content),
      [expected, expected],
    );
  });
}

function testConnections(subject: ProviderUnderTest): void {
  test('connection refused', async (t) => {
    const vendor = await listen(t, () => {});
    await vendor.close();
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    for (const [way] of ways(() => provider)) {
      const error = await failure(callBy(way, provider, never));
      assert.equal(error.code, 'provider_failed');
      assert.equal(error.retryable, true);
      assert.match(error.message, /^The connection to vendor failed \(ECONNREFUSED\)$/);
    }
  });

  test('a body shorter than it was announced', async (t) => {
    const vendor = await listen(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{', () => response.destroy());
    });
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    const error = await failure(provider.answer(ask('Hello'), never));
    assert.equal(error.code, 'provider_failed');
    assert.equal(error.retryable, true);
  });

  test('whole answers and finished streams leave their connection for the next call', async (t) => {
    const vendor = await listen(t, (request, response) => {
      request.resume().on('end', () => {
        if (request.headers.accept === 'application/json') response.end(JSON.stringify(subject.whole('ok')));
        else response.end(subject.opening + subject.piece('ok') + subject.closing);
      });
    });
    const provider = use(t, subject.create(vendor.url, longTimeouts, 1));
    for (let round = 0; round < 3; round++) {
      assert.equal(joined(await collect(singly(provider.stream(ask('Hello'), never)))), 'ok');
      assert.equal((await provider.answer(ask('Hello'), never)).text, 'ok');
    }
    assert.equal(vendor.requests, 6);
    assert.equal(vendor.connections, 1);
  });

  test('a stream is finished before its connection says so, and leaves it for the next call', async (t) => {
    const open: ServerResponse[] = [];
    const vendor = await listen(t, (_, response) => {
      response.write(subject.opening + subject.piece('ok') + subject.closing);
      open.push(response);
    });
    const provider = use(t, subject.create(vendor.url, longTimeouts, 1));
    for (let round = 0; round < 3; round++) {
      assert.equal(joined(await collect(singly(provider.stream(ask('Hello'), never)))), 'ok');
      open.at(-1)?.end();
    }
    assert.equal(vendor.connections, 1);
  });

  test('close ends the calls that still run', async (t) => {
    const vendor = await listen(t, (_, response) => startAnswer(response, subject, 'stream'));
    const provider = subject.create(vendor.url, longTimeouts);
    const reader = singly(provider.stream(ask('Hello'), never))[Symbol.asyncIterator]();
    await reader.next();
    const [error] = await Promise.all([failure(drain(reader)), provider.close()]);
    assert.equal(error.code, 'provider_failed');
  });
}

function testStreamDetails(subject: ProviderUnderTest): void {
  const text = 'Grüße 你好 👋 end';
  const frames = () =>
    subject.opening + Array.from(text, (character) => subject.piece(character)).join('') + subject.closing;
  const serve = async (t: TestContext, write: (response: ServerResponse) => void) => {
    const vendor = await listen(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      write(response);
    });
    return use(t, subject.create(vendor.url, longTimeouts));
  };

  test('characters and lines that are split between pieces of the body', async (t) => {
    const vendor = await listen(t, ({ socket }) => {
      // Every byte as an HTTP chunk of its own, which node's server would have put together again.
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      for (const byte of Buffer.from(frames())) socket.write(Buffer.from([0x31, 13, 10, byte, 13, 10]));
      socket.write('0\r\n\r\n');
    });
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    const events = await collect(singly(provider.stream(ask('Hello'), never)));
    assert.equal(joined(events), text);
    assert.equal(events.at(-1)?.type, 'finish');
  });

  test('CRLF line ends, comments, a byte order mark and unknown fields', async (t) => {
    const provider = await serve(t, (response) => {
      const noisy = `\uFEFF: connected\n\n${frames().replaceAll('\n\n', '\n\n: keep-alive\nfoo: bar\n\n')}`;
      response.end(noisy.replaceAll('\n', '\r\n'));
    });
    assert.equal(joined(await collect(singly(provider.stream(ask('Hello'), never)))), text);
  });

  test('a stream that ends before the answer does', async (t) => {
    const provider = await serve(t, (response) => response.end(subject.opening + subject.piece('first')));
    const seen: ProviderEvent[] = [];
    const error = await failure(collect(singly(provider.stream(ask('Hello'), never)), seen));
    assert.equal(joined(seen), 'first');
    assert.equal(error.code, 'provider_failed');
    assert.equal(error.retryable, true);
    assert.match(error.message, /ended before the answer did/);
  });

  test('an error in mid-stream', async (t) => {
    const provider = await serve(t, (response) =>
      response.end(subject.opening + subject.piece('first') + subject.overloaded),
    );
    const error = await failure(collect(singly(provider.stream(ask('Hello'), never))));
    assert.equal(error.code, 'provider_failed');
    assert.equal(error.retryable, true);
    assert.match(error.message, /Overloaded/);
  });

  test('an event that is not JSON', async (t) => {
    const provider = await serve(t, (response) => response.end(`${subject.opening}data: {oops\n\n`));
    const error = await failure(collect(singly(provider.stream(ask('Hello'), never))));
    assert.equal(error.code, 'provider_failed');
    assert.equal(error.retryable, true);
    assert.match(error.message, /not JSON/);
  });

  test('a connection lost after the answer was complete takes nothing away', async (t) => {
    const provider = await serve(t, (response) => {
      const untilReason = subject.closing.split('\n\n').slice(0, -2).join('\n\n');
      response.write(`${subject.opening + subject.piece('done') + untilReason}\n\n`, () =>
        response.destroy(),
      );
    });
    const events = await collect(singly(provider.stream(ask('Hello'), never)));
    assert.equal(joined(events), 'done');
    assert.equal(events.at(-1)?.type, 'finish');
  });

  test('a large answer read slowly arrives whole', async (t) => {
    const piece = 'x'.repeat(10_000);
    const provider = await serve(t, (response) =>
      response.end(subject.opening + subject.piece(piece).repeat(400) + subject.closing),
    );
    let length = 0;
    for await (const event of singly(provider.stream(ask('Hello'), never))) {
      if (event.type === 'text-delta') length += event.text.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(length, 4_000_000);
  });
}

function testErrorAnswers(subject: ProviderUnderTest): void {
  const answerWith = async (
    t: TestContext,
    status: number,
    headers: Record<string, string>,
    body: string,
  ) => {
    const vendor = await listen(t, (_, response) => response.writeHead(status, headers).end(body));
    const provider = use(t, subject.create(vendor.url, longTimeouts));
    return failure(provider.answer(ask('Hello'), never));
  };

  test('the API key never shows, and long messages are cut', async (t) => {
    const message = `Incorrect API key provided: ${apiKey}. ${'Really. '.repeat(100)}`;
    const error = await answerWith(t, 401, {}, JSON.stringify({ error: { message } }));
    assert.equal(error.retryable, false);
    assert.match(error.message, /401: Incorrect API key provided: \*\*\*\./);
    assert.ok(error.message.length <= 300);
    assert.ok(!JSON.stringify([error.message, error.internal, String(error.cause)]).includes(apiKey));
  });

  test('an error page that is not JSON', async (t) => {
    const error = await answerWith(t, 502, { 'content-type': 'text/html' }, '<h1>Bad gateway</h1>');
    assert.equal(error.message, 'vendor answered with status 502');
    assert.equal(error.retryable, true);
    assert.deepEqual(error.internal, { status: 502, body: '<h1>Bad gateway</h1>' });
  });

  test('a redirection is a failure, not an answer', async (t) => {
    const error = await answerWith(t, 301, { location: '/elsewhere' }, '');
    assert.equal(error.message, 'vendor answered with status 301');
    assert.equal(error.retryable, false);
  });

  test('a whole answer without content', async (t) => {
    const error = await answerWith(t, 200, {}, '{}');
    assert.equal(error.code, 'provider_failed');
    assert.equal(error.retryable, true);
  });
}

type TestContext = { after(fn: () => unknown): void };
type Way = 'answer' | 'stream';

/** The two ways to ask, as one: a failure must look the same by both. */
function ways(provider: () => Provider): [Way, (signal: AbortSignal) => Promise<unknown>][] {
  return [
    ['answer', (signal) => callBy('answer', provider(), signal)],
    ['stream', (signal) => callBy('stream', provider(), signal)],
  ];
}

function callBy(way: Way, provider: Provider, signal: AbortSignal): Promise<unknown> {
  return way === 'answer'
    ? provider.answer(ask('Hello'), signal)
    : collect(singly(provider.stream(ask('Hello'), signal)));
}

function ask(content: string): ModelRequest {
  return { model: 'test-model', messages: [{ role: 'user', content }] };
}

async function collect(
  stream: AsyncIterable<ProviderEvent>,
  events: ProviderEvent[] = [],
): Promise<ProviderEvent[]> {
  for await (const event of stream) events.push(event);
  return events;
}

async function drain(reader: AsyncIterator<ProviderEvent>): Promise<void> {
  while (!(await reader.next()).done);
}

function joined(events: ProviderEvent[]): string {
  return events.map((event) => (event.type === 'text-delta' ? event.text : '')).join('');
}

function streamedArguments(events: ProviderEvent[]): string {
  return events
    .filter((event) => event.type === 'extra-delta')
    .flatMap((event) => event.delta.tool_calls as { function?: { arguments?: string } }[])
    .map((call) => call.function?.arguments ?? '')
    .join('');
}

/** The `ParleyError` that `call` must fail with. */
async function failure(call: Promise<unknown>): Promise<ParleyError> {
  const error = await call.then(
    (value) => assert.fail(`expected a failure, got ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ParleyError, `expected a ParleyError, got ${String(error)}`);
  return error;
}

function use(t: TestContext, provider: Provider): Provider {
  t.after(() => provider.close());
  return provider;
}

/** The beginning of an answer that is then left hanging. */
function startAnswer(response: ServerResponse, subject: ProviderUnderTest, way: Way): void {
  response.writeHead(200, { 'content-type': way === 'stream' ? 'text/event-stream' : 'application/json' });
  response.write(way === 'stream' ? subject.opening + subject.piece('first') : '{');
}

async function assertStops(
  vendor: Vendor,
  call: () => Promise<ParleyError>,
  stop: AbortController,
): Promise<void> {
  const closed = vendor.socketClosed();
  const began = performance.now();
  stop.abort();
  assert.equal((await call()).code, 'cancelled');
  await closed;
  assert.ok(performance.now() - began < 1_000);
}

interface Vendor {
  url: string;
  requests: number;
  connections: number;
  /** Emits `request`. */
  events: EventEmitter;
  /** Resolves when the next, or the only, connection is closed. */
  socketClosed(): Promise<unknown>;
  close(): Promise<void>;
}

async function listen(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Vendor> {
  const events = new EventEmitter();
  const server = createServer((request, response) => {
    vendor.requests++;
    answer(request, response);
    events.emit('request');
  });
  server.on('connection', (socket: Socket) => {
    vendor.connections++;
    socket.on('close', () => events.emit('socket-closed'));
  });
  const vendor: Vendor = {
    url: '',
    requests: 0,
    connections: 0,
    events,
    socketClosed: () => once(events, 'socket-closed'),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  t.after(() => vendor.close());
  vendor.url = await listening(t, server);
  return vendor;
}

async function listening(t: TestContext, server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
