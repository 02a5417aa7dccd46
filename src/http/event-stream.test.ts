import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import fastify from 'fastify';
import { eventually } from '../../test/support/eventually.ts';
import { lastEventIdOf, sendEventStream, type EventStreamOptions } from './event-stream.ts';
import { createRunning } from './running.ts';

const hour = 3_600_000;
const keptCharacters = 10_000;

interface Tested {
  /** What the client was sent so far, the newest of it where that is much. */
  received(): string;
  /** Resolves when the client was sent `text`. */
  receives(text: string): Promise<void>;
  client: Socket;
  response: Promise<ServerResponse>;
  /** How the route ended. */
  sent: Promise<'sent' | Error>;
  /** Resolves when the source has ended. */
  sourceEnded: Promise<void>;
}

type Source = (signal: AbortSignal) => AsyncGenerator<string[]>;

/** A server that sends `source` to a client that speaks HTTP by hand. */
async function openStream(
  t: TestContext,
  source: Source,
  changes: Partial<EventStreamOptions<string>> = {},
): Promise<Tested> {
  const app = fastify();
  t.after(() => app.close());
  app.server.keepAliveTimeout = 1;
  const response = Promise.withResolvers<ServerResponse>();
  const sent = Promise.withResolvers<'sent' | Error>();
  const ended = Promise.withResolvers<void>();
  const running = createRunning();
  app.get('/', async (_request, reply) => {
    response.resolve(reply.raw);
    reply.header('x-of-route', 'yes');
    const groups = noted(source(running.forResponse(reply.raw)), ended.resolve);
    try {
      await sendEventStream(reply, groups, { ...defaults, ...changes });
      sent.resolve('sent');
    } catch (thrown) {
      sent.resolve(thrown as Error);
      throw thrown;
    }
    return reply;
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  t.after(() => client.destroy());
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  let text = '';
  client.setEncoding('utf8').on('data', (piece: string) => (text = (text + piece).slice(-keptCharacters)));
  return {
    client,
    received: () => text,
    async receives(wanted) {
      while (!text.includes(wanted)) await once(client, 'data', { signal: AbortSignal.timeout(10_000) });
    },
    response: response.promise,
    sent: sent.promise,
    sourceEnded: ended.promise,
  };
}

const defaults: EventStreamOptions<string> = {
  frame: (event) => (event === 'hidden' ? null : JSON.stringify({ event })),
  failureFrame: (thrown) => JSON.stringify({ error: (thrown as Error).message }),
  holdMs: hour,
  heartbeatMs: hour,
  stallMs: hour,
};

async function* noted(groups: AsyncGenerator<string[]>, ended: () => void): AsyncGenerator<string[]> {
  try {
    yield* groups;
  } finally {
    ended();
  }
}

async function* groupsOf(...steps: (string[] | Error)[]): AsyncGenerator<string[]> {
  for (const step of steps) {
    if (step instanceof Error) throw step;
    yield await Promise.resolve(step);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('the client has gone')), { once: true });
  });
}

/** The body of a chunked response. */
function bodyOf(text: string): string {
  return text
    .slice(text.indexOf('\r\n\r\n') + 4)
    .replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '')
    .replace(/\r\n$/, '');
}

const lastChunk = '\r\n0\r\n\r\n';

describe('an event stream', () => {
  it('has a frame for each event that the client sees, and ends', async (t) => {
    const stream = await openStream(t, () => groupsOf(['a', 'hidden'], ['hidden'], ['b', 'c']));
    await stream.receives(lastChunk);
    const frames = ['a', 'b', 'c'].map((event) => `data: {"event":"${event}"}\n\n`);
    assert.equal(bodyOf(stream.received()), frames.join(''));
    assert.equal(await stream.sent, 'sent');
  });

  it('is one that proxies neither keep, change nor hold back, with the route’s own headers', async (t) => {
    const stream = await openStream(t, () => groupsOf(['a']));
    await stream.receives(lastChunk);
    const [head = ''] = stream.received().toLowerCase().split('\r\n\r\n');
    assert.match(head, /^http\/1\.1 200 ok\r\n/);
    for (const header of [
      'content-type: text/event-stream; charset=utf-8',
      'cache-control: no-cache, no-transform',
      'x-accel-buffering: no',
      'x-of-route: yes',
    ]) {
      assert.ok(head.includes(`\r\n${header}`), header);
    }
    assert.match(head, /\r\nx-process-time: \d+\.\d{3}(\r\n|$)/);
  });

  it('sends a group in one piece', async (t) => {
    const next = Promise.withResolvers<void>();
    const stream = await openStream(t, async function* () {
      yield await Promise.resolve(['a', 'b']);
      await next.promise;
      yield ['c'];
    });
    await stream.receives('"a"');
    assert.ok(stream.received().includes('"b"'));
    assert.equal(stream.received().includes('"c"'), false);
    next.resolve();
    await stream.receives('"c"');
  });

  it('ends with its terminator, where it has one', async (t) => {
    const stream = await openStream(t, () => groupsOf(['a']), { terminator: '[DONE]' });
    await stream.receives(lastChunk);
    assert.equal(bodyOf(stream.received()), 'data: {"event":"a"}\n\ndata: [DONE]\n\n');
  });

  it('has ids where its events have, for clients that come back', async (t) => {
    const frame = (event: string) => (event === 'a' ? 'a' : { id: `7-${event}`, data: event });
    const stream = await openStream(t, () => groupsOf(['a', 'b'], ['c']), { frame });
    await stream.receives(lastChunk);
    assert.equal(bodyOf(stream.received()), 'data: a\n\nid: 7-b\ndata: b\n\nid: 7-c\ndata: c\n\n');
  });

  it('may have no events', async (t) => {
    const stream = await openStream(t, () => groupsOf(['hidden']), { terminator: '[DONE]' });
    await stream.receives(lastChunk);
    assert.equal(bodyOf(stream.received()), 'data: [DONE]\n\n');
  });
});

describe('an event stream that fails', () => {
  it('before its first frame is an honest HTTP error', async (t) => {
    const failure = Object.assign(new Error('No.'), { statusCode: 502 });
    const stream = await openStream(t, () => groupsOf(['hidden'], failure));
    await stream.receives('\r\n\r\n');
    assert.match(stream.received(), /^HTTP\/1\.1 502 /);
    assert.doesNotMatch(stream.received(), /event-stream/);
    assert.equal(await stream.sent, failure);
  });

  it('after its first frame says so in its last, without the terminator', async (t) => {
    const stream = await openStream(t, () => groupsOf(['a'], new Error('No.')), { terminator: '[DONE]' });
    await stream.receives(lastChunk);
    assert.equal(bodyOf(stream.received()), 'data: {"event":"a"}\n\ndata: {"error":"No."}\n\n');
    assert.equal(await stream.sent, 'sent');
  });

  it('after it was held says so in a frame: the status is on its way', async (t) => {
    const fail = Promise.withResolvers<string[]>();
    const stream = await openStream(
      t,
      async function* () {
        yield await fail.promise;
      },
      { holdMs: 1 },
    );
    await stream.receives(': waiting\n\n');
    assert.match(stream.received(), /^HTTP\/1\.1 200 /);
    fail.reject(new Error('No.'));
    await stream.receives(lastChunk);
    assert.equal(bodyOf(stream.received()), ': waiting\n\ndata: {"error":"No."}\n\n');
  });

  it('for an event that cannot be framed ends its source', async (t) => {
    const stream = await openStream(t, () => groupsOf(['a'], ['b'], ['c']), {
      frame: (event) => (event === 'b' ? assert.fail('cannot be framed') : event),
    });
    await stream.receives(lastChunk);
    assert.equal(bodyOf(stream.received()), 'data: a\n\ndata: {"error":"cannot be framed"}\n\n');
    await stream.sourceEnded;
  });

  it('ends for its client though its source cannot be put away', async (t) => {
    const stream = await openStream(
      t,
      async function* () {
        try {
          yield await Promise.resolve(['a']);
          yield ['b'];
        } finally {
          // oxlint-disable-next-line no-unsafe-finally -- what a store that fails does
          throw new Error('the store is away');
        }
      },
      { frame: (event) => (event === 'b' ? assert.fail('cannot be framed') : event) },
    );
    await stream.receives(lastChunk);
    const sent = await stream.sent;
    assert.ok(sent instanceof Error && sent.message === 'the store is away');
  });
});

describe('an event stream that has nothing to say', () => {
  it('shows life when it was held long enough, and again and again', async (t) => {
    const next = Promise.withResolvers<void>();
    const stream = await openStream(
      t,
      async function* () {
        await next.promise;
        yield ['a'];
      },
      { holdMs: 1, heartbeatMs: 1 },
    );
    await stream.receives(': waiting\n\n');
    await eventually(() => (stream.received().split(': keep-alive\n\n').length > 3 ? true : undefined));
    next.resolve();
    await stream.receives(lastChunk);
    assert.match(bodyOf(stream.received()), /^: waiting\n\n(: keep-alive\n\n){3,}data: \{"event":"a"\}\n\n$/);
  });

  it('shows life between two events too', async (t) => {
    const next = Promise.withResolvers<void>();
    const stream = await openStream(
      t,
      async function* () {
        yield await Promise.resolve(['a']);
        await next.promise;
        yield ['b'];
      },
      { heartbeatMs: 1 },
    );
    await stream.receives('data: {"event":"a"}\n\n');
    await stream.receives(': keep-alive\n\n');
    next.resolve();
    await stream.receives('data: {"event":"b"}\n\n');
  });
});

/** A source that has no end but its client's, and counts what was taken from it. */
function createFlood(limit = Number.POSITIVE_INFINITY) {
  const flood = { taken: 0, source };
  async function* source(signal: AbortSignal): AsyncGenerator<string[]> {
    while (flood.taken < limit) {
      if (signal.aborted) throw new Error('the client has gone');
      flood.taken++;
      yield await Promise.resolve(['x'.repeat(64 * 1024)]);
    }
  }
  return flood;
}

/** Resolves when the response waits for its client: nothing was taken while the event loop turned many times. */
async function stalled(response: ServerResponse, flood: { taken: number }): Promise<void> {
  let before = -1;
  await eventually(() => {
    const quiet = response.writableNeedDrain && flood.taken === before;
    before = flood.taken;
    return quiet ? true : undefined;
  });
}

describe('an event stream to a slow client', () => {
  it('takes no more than fits, and goes on when the client reads', async (t) => {
    const flood = createFlood(1_000);
    const stream = await openStream(t, flood.source);
    await once(stream.client, 'data');
    stream.client.pause();
    const response = await stream.response;
    await stalled(response, flood);
    assert.ok(flood.taken < 500, `${flood.taken} of 1,000 were taken from the source`);
    assert.ok(response.writableLength < 1024 * 1024, 'little is held in memory');
    stream.client.resume();
    await stream.receives(lastChunk);
    assert.equal(flood.taken, 1_000);
    assert.equal(await stream.sent, 'sent');
  });

  it('is cut off when the client reads nothing for too long, and its source ends', async (t) => {
    const flood = createFlood();
    const stream = await openStream(t, flood.source, { stallMs: 50 });
    const response = await stream.response;
    const closed = once(response, 'close');
    stream.client.pause();
    await closed;
    await stream.sourceEnded;
    assert.equal(response.destroyed, true);
    assert.equal(await stream.sent, 'sent');
  });
});

describe('an event stream whose client goes away', () => {
  it('ends its source between two events', async (t) => {
    const stream = await openStream(t, async function* (signal) {
      yield await Promise.resolve(['a']);
      yield await aborted(signal);
    });
    await stream.receives('"a"');
    stream.client.destroy();
    await stream.sourceEnded;
    assert.equal(await stream.sent, 'sent');
  });

  it('ends its source before the first', async (t) => {
    const stream = await openStream(t, async function* (signal) {
      yield await aborted(signal);
    });
    await stream.response;
    stream.client.destroy();
    await stream.sourceEnded;
    const sent = await stream.sent;
    assert.ok(sent instanceof Error && sent.message === 'the client has gone');
  });

  it('lets a source that does not listen come to its end', async (t) => {
    const gone = Promise.withResolvers<void>();
    const stream = await openStream(t, async function* () {
      yield await Promise.resolve(['a']);
      await gone.promise;
      for (let i = 0; i < 10; i++) yield ['b'];
    });
    await stream.receives('"a"');
    const closed = once(await stream.response, 'close');
    stream.client.destroy();
    await closed;
    gone.resolve();
    await stream.sourceEnded;
    assert.equal(await stream.sent, 'sent');
  });

  it('ends its source while it waits for the client to read', async (t) => {
    const flood = createFlood();
    const stream = await openStream(t, flood.source);
    await once(stream.client, 'data');
    stream.client.pause();
    await stalled(await stream.response, flood);
    stream.client.destroy();
    await stream.sourceEnded;
    assert.equal(await stream.sent, 'sent');
  });
});

describe('the id of the last event that a client saw', () => {
  const read = (header?: string, query: object = {}) =>
    lastEventIdOf({ headers: header === undefined ? {} : { 'last-event-id': header }, query });

  it('is the header’s, or the address’s where there is no header', () => {
    assert.equal(read('42'), '42');
    assert.equal(read(undefined, { last_event_id: '42-7' }), '42-7');
    assert.equal(read('42', { last_event_id: '7' }), '42');
    assert.equal(read('x'.repeat(64)), 'x'.repeat(64));
  });

  it('is none on the first visit', () => {
    assert.deepEqual(
      [read(), read(''), read(undefined, { last_event_id: '' })],
      [undefined, undefined, undefined],
    );
  });

  it('is refused where it cannot be one', () => {
    for (const header of ['x'.repeat(65), 'a b', 'é', '\t']) {
      assert.throws(() => read(header), { code: 'invalid_request', field: 'Last-Event-ID' }, header);
    }
    for (const asked of ['a b', ['1', '2'], '\u0000']) {
      const refusal = { code: 'invalid_request', field: 'last_event_id' };
      assert.throws(() => read(undefined, { last_event_id: asked }), refusal);
    }
  });
});
