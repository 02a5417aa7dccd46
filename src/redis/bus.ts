import { createListeners, type Bus, type Listeners } from '../core/realtime/bus.ts';
import type { Runtime } from '../core/runtime.ts';
import type { Redis } from './connection.ts';
import { decodeEnvelope, encodeBeginning, encodeEnvelope, encodeMessage, splitMessages } from './envelope.ts';
import { createSenders, type Senders } from './senders.ts';
import { RedisUnavailable } from './unavailable.ts';

export interface RedisBusParts {
  redis: Redis;
  nodeId: string;
  runtime: Pick<Runtime, 'token' | 'sleep'>;
  /** Is told of a listener that threw, of a message that could not be sent, and, once, of one that could not be read. */
  onError: (thrown: unknown) => void;
}

/** A longer payload leaves in several; in characters. */
const longest = 256 * 1024;
const checkMs = 1_000;
/** What could not be sent is announced as lost after so long, if nothing else was sent until then. */
const announceMs = 1_000;

interface State extends RedisBusParts {
  /** This process: a node that is started again counts from 1 again. */
  sender: string;
  /** How all that it sends begins. */
  own: string;
  listeners: Listeners;
  rejoined: Listeners;
  senders: Senders;
  /** To be sent at the end of this tick of the event loop. */
  outgoing: string[];
  /** Those of `outgoing` that say nothing but that there is something new: once is enough. */
  wakes: Set<string>;
  /** Of the last envelope. */
  number: number;
  sending: Set<Promise<void>>;
  announcement: NodeJS.Timeout | undefined;
  /** Checks that are under way, by what they send. */
  checks: Map<string, () => void>;
  unreadable: boolean;
  closed: boolean;
}

/**
 * A bus over all nodes that share a Redis, which is not closed with it. Where a node was cut, all are told that they may have missed something as
 * soon as it is joined again.
 */
export function createRedisBus(parts: RedisBusParts): Bus {
  const { redis, runtime, onError } = parts;
  const listeners = createListeners({ onError });
  const sender = `${parts.nodeId}:${runtime.token(6)}`;
  const state: State = {
    ...parts,
    sender,
    own: encodeBeginning(sender),
    listeners,
    rejoined: createListeners({ onError }),
    senders: createSenders(),
    outgoing: [],
    wakes: new Set(),
    number: 0,
    sending: new Set(),
    announcement: undefined,
    checks: new Map(),
    unreadable: false,
    closed: false,
  };
  const stops = [
    redis.onMessage((text) => receive(state, text)),
    redis.onChange((now) => now === 'up' && rejoin(state)),
  ];
  return {
    publish(topic, message) {
      listeners.tell(topic, message);
      post(state, topic, message);
    },
    wake: listeners.tell,
    subscribe: listeners.subscribe,
    state: () => (redis.state() === 'up' ? 'joined' : 'cut'),
    onRejoined: (listener) => state.rejoined.subscribe('', listener),
    check: () => check(state),
    async close() {
      flush(state);
      state.closed = true;
      for (const stop of stops) stop();
      clearTimeout(state.announcement);
      await Promise.all(state.sending);
    },
  };
}

function post(state: State, topic: string, message: unknown): void {
  if (state.closed) return;
  if (state.redis.state() === 'down') return lose(state);
  try {
    const text = encodeMessage(topic, message);
    if (message === undefined && state.wakes.has(text)) return;
    if (message === undefined) state.wakes.add(text);
    if (state.outgoing.push(text) === 1) setImmediate(() => flush(state));
  } catch (thrown) {
    state.onError(thrown);
  }
}

/** A number that nobody sends tells the others that there was something. */
function lose(state: State): void {
  state.number++;
}

function flush(state: State): void {
  const messages = state.outgoing;
  state.outgoing = [];
  state.wakes.clear();
  for (const group of splitMessages(messages, longest)) send(state, group);
}

function send(state: State, messages: readonly string[]): void {
  const { redis, sending } = state;
  if (redis.state() === 'down') return lose(state);
  clearTimeout(state.announcement);
  const text = encodeEnvelope(state.sender, ++state.number, messages);
  const sent = redis
    .run((client) => client.publish(redis.channel, text))
    .then(
      () => {},
      () => announceLater(state),
    )
    .finally(() => sending.delete(sent));
  sending.add(sent);
}

/** The number of whatever comes next shows what is lost; where nothing comes, an empty envelope does. */
function announceLater(state: State): void {
  clearTimeout(state.announcement);
  if (state.closed) return;
  state.announcement = setTimeout(() => send(state, []), announceMs);
  state.announcement.unref();
}

function rejoin(state: State): void {
  if (state.number > 0) send(state, []);
  state.rejoined.tell('', undefined);
}

function receive(state: State, text: string): void {
  if (text.startsWith(state.own)) return state.checks.get(text)?.();
  const envelope = read(state, text);
  if (envelope === undefined) return;
  const heard = state.senders.hear(envelope.from, envelope.number);
  if (heard === 'old') return;
  for (const [topic, message] of envelope.messages) state.listeners.tell(topic, message);
  if (heard === 'missed') state.rejoined.tell('', undefined);
}

function read(state: State, text: string) {
  try {
    return decodeEnvelope(text);
  } catch (cause) {
    if (!state.unreadable) {
      state.onError(new Error('A message on the bus could not be read, and is ignored', { cause }));
    }
    state.unreadable = true;
    return undefined;
  }
}

async function check(state: State): Promise<void> {
  const { redis, runtime, checks } = state;
  // The others take what has no number for old.
  const text = encodeEnvelope(state.sender, 0, [encodeMessage(runtime.token(9), undefined)]);
  const back = Promise.withResolvers<void>();
  const patience = new AbortController();
  checks.set(text, back.resolve);
  const late = runtime.sleep(checkMs, patience.signal).then(() => {
    throw new RedisUnavailable(`a message to this node did not come back within ${checkMs} ms`);
  });
  late.catch(() => {});
  try {
    await redis.run((client) => client.publish(redis.channel, text));
    await Promise.race([back.promise, late]);
  } finally {
    checks.delete(text);
    patience.abort();
  }
}
