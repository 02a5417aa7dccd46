import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ParleyError } from '../core/errors.ts';

/** `id` must hold no line breaks. */
export type Frame = string | { id: string; data: string };

export interface EventStreamOptions<T> {
  /** The `data:` of an event, with its `id:` where the client may resume after it; null for events that it does not see. */
  frame: (event: T) => Frame | null;
  /** The `data:` that tells of a failure after the stream began. */
  failureFrame: (thrown: unknown) => string;
  /** Sent after the last event of a stream that did not fail: OpenAI's `[DONE]`. */
  terminator?: string;
  /**
   * How long the status line waits for the first event: until then a failure is an honest HTTP error, after it the
   * stream begins with a heartbeat so that proxies see life.
   */
  holdMs: number;
  heartbeatMs: number;
  /** A client that reads nothing for so long, with its buffer full, is cut off. */
  stallMs: number;
}

/** Production's times. */
export const eventStreamTimes = { holdMs: 5_000, heartbeatMs: 15_000, stallMs: 60_000 };

/**
 * Sends groups of events as Server-Sent Events (WHATWG HTML, 9.2). Throws what the source throws as long as nothing was sent;
 * afterwards a failure is a frame. The caller's abort signal must end the source when the client goes away.
 */
export async function sendEventStream<T>(
  reply: FastifyReply,
  groups: AsyncGenerator<T[]>,
  options: EventStreamOptions<T>,
): Promise<void> {
  const pending = nextFrames(groups, options.frame);
  pending.catch(() => {});
  const first = await settledWithin(pending, options.holdMs);
  const response = begin(reply);
  if (first === null) response.write(': waiting\n\n');
  const heartbeat = setInterval(() => response.write(': keep-alive\n\n'), options.heartbeatMs);
  try {
    for (let frames = first ? first.value : await pending; frames !== null;) {
      if (!response.write(frames)) await drained(response, options.stallMs);
      frames = await nextFrames(groups, options.frame);
    }
    if (options.terminator !== undefined) response.write(framed(options.terminator));
  } catch (thrown) {
    if (response.writable) response.write(framed(options.failureFrame(thrown)));
  } finally {
    clearInterval(heartbeat);
    response.end();
    await groups.return(undefined);
  }
}

/** The frames of the next group that the client sees anything of; null at the end. */
async function nextFrames<T>(
  groups: AsyncGenerator<T[]>,
  frame: (event: T) => Frame | null,
): Promise<string | null> {
  for (let next = await groups.next(); next.done !== true; next = await groups.next()) {
    let frames = '';
    for (const event of next.value) {
      const data = frame(event);
      if (data !== null) frames += framed(data);
    }
    if (frames !== '') return frames;
  }
  return null;
}

function framed(frame: Frame): string {
  return typeof frame === 'string' ? `data: ${frame}\n\n` : `id: ${frame.id}\ndata: ${frame.data}\n\n`;
}

/**
 * The id of the last event that the client saw before it lost the stream: the header that an `EventSource` sends, or
 * `?last_event_id=` for clients that cannot set it. Throws `invalid_request` for what cannot be an id.
 */
export function lastEventIdOf({
  headers,
  query,
}: Pick<FastifyRequest, 'headers' | 'query'>): string | undefined {
  const asked = (query as { last_event_id?: unknown } | undefined)?.last_event_id;
  const id: unknown = headers['last-event-id'] ?? asked;
  if (id === undefined || id === '') return undefined;
  if (typeof id === 'string' && /^[\x21-\x7e]{1,64}$/u.test(id)) return id;
  const field = headers['last-event-id'] === undefined ? 'last_event_id' : 'Last-Event-ID';
  throw new ParleyError('invalid_request', `${field}: must be 1 to 64 visible ASCII characters`, { field });
}

async function settledWithin<T>(promise: Promise<T>, ms: number): Promise<{ value: T } | null> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<null>((resolve) => (timer = setTimeout(resolve, ms, null)));
  try {
    return await Promise.race([promise.then((value) => ({ value })), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function begin(reply: FastifyReply): ServerResponse {
  const response = reply.raw;
  reply.hijack();
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'x-process-time': (reply.elapsedTime / 1000).toFixed(3),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
  });
  return response;
}

function drained(response: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve();
    const stalled = setTimeout(() => response.destroy(), stallMs);
    const done = () => {
      clearTimeout(stalled);
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}
