import { createBreaker, type Breaker } from '../core/completions/breaker.ts';
import type { Log } from '../core/log.ts';
import type { Runtime } from '../core/runtime.ts';
import { readAddress } from './address.ts';
import { bounded } from './bounded.ts';
import { keepClient, type Client, type KeptClient } from './client.ts';
import { RedisUnavailable } from './unavailable.ts';

/** `up`: commands are answered in time, and messages arrive. */
export type RedisState = 'up' | 'down';

/** A Lua script, to be run with its keys and arguments. */
export type Script = (keys: readonly string[], args: readonly (string | number)[]) => Promise<unknown>;

/** A Redis that may be away or hang: whoever asks it knows soon. Connects in the background, and never gives up. */
export interface Redis {
  /** What all keys and channels begin with. */
  readonly prefix: string;
  /** The channel whose messages `onMessage` tells of. */
  readonly channel: string;
  /** Runs commands; all answers together take 250 ms at most. Rejects with `RedisUnavailable`, at once while Redis is known to be away. */
  run<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** A script, which runs as `run` does. */
  script(lua: string): Script;
  state(): RedisState;
  /** Calls `listener`, which must not throw, at every change of the state, until the returned function is called. */
  onChange(listener: (state: RedisState) => void): () => void;
  /** Calls `listener`, which must not throw, for each message on the channel, until the returned function is called. */
  onMessage(listener: (text: string) => void): () => void;
  /** Resolves as soon as the state is `up`, true, or after `ms`, false. */
  isUpWithin(ms: number): Promise<boolean>;
  close(): Promise<void>;
}

export interface RedisParts {
  /** `redis://` or `rediss://`; never logged. */
  url: string;
  log: Log;
  runtime: Pick<Runtime, 'elapsed' | 'random' | 'token'>;
  /** Keeps what belongs together apart from all else in the same Redis. */
  prefix?: string;
}

const commandMs = 250;
/** Failures in a row after which nothing is asked for `openMs`. */
const failures = 3;
const openMs = 1_000;
const beatMs = 500;
/** A message to oneself that was sent longer ago than this was lost. */
const echoMs = 900;
const aliveMs = 10_000;

interface State {
  parts: RedisParts;
  prefix: string;
  channel: string;
  /** This process' own, for messages to itself. */
  echoChannel: string;
  breaker: Breaker;
  commands: KeptClient;
  subscriber: KeptClient;
  /** Whether the last beat was answered, and no connection or breaker broke since. */
  answers: boolean;
  /** Whether a message to oneself came back by the present subscription. */
  hears: boolean;
  /** How many messages this process has sent to itself, and which was the last to come back. */
  echoes: { sent: number; heard: number };
  /** When the message to oneself was sent that has not come back; null where none is awaited. */
  awaitingSince: number | null;
  up: boolean;
  /** When Redis was said to be away. */
  reportedAt: number | null;
  timer: NodeJS.Timeout | undefined;
  beating: boolean;
  beatAgain: boolean;
  closed: boolean;
  scripts: number;
  onChange: Set<(state: RedisState) => void>;
  onMessage: Set<(text: string) => void>;
}

/** Throws a `RangeError` where the address names no database; never because Redis is away. */
export function createRedis(parts: RedisParts): Redis {
  const state = createState(parts);
  const { prefix, channel } = state;
  const run = <T>(work: (client: Client) => Promise<T>) =>
    state.answers ? ask(state, work) : Promise.reject(new RedisUnavailable('Redis is away'));
  const on = <T>(listeners: Set<T>, listener: T) => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  };
  return {
    prefix,
    channel,
    run,
    script(lua) {
      const script = defineScript(state, lua);
      return (keys, args) => run((client) => script(client, keys, args));
    },
    state: () => (state.up ? 'up' : 'down'),
    onChange: (listener) => on(state.onChange, listener),
    onMessage: (listener) => on(state.onMessage, listener),
    isUpWithin: (ms) => waitUntilUp(state, ms),
    async close() {
      state.closed = true;
      state.answers = false;
      clearTimeout(state.timer);
      await Promise.all([state.commands.close(), state.subscriber.close()]);
      fall(state, 'it is closed');
    },
  };
}

function createState(parts: RedisParts): State {
  const { runtime, prefix = 'parley:' } = parts;
  const address = readAddress(parts.url);
  const keep = (onReady: () => void, onClosed: (reason: string) => void) =>
    keepClient({ address, runtime, onReady, onClosed });
  const state: State = {
    parts,
    prefix,
    channel: `${prefix}bus`,
    echoChannel: `${prefix}echo:${runtime.token(9)}`,
    breaker: createBreaker({ failures, windowMs: Number.POSITIVE_INFINITY, openMs }, runtime),
    commands: keep(
      () => void beat(state),
      (reason) => goDumb(state, reason),
    ),
    subscriber: keep(
      () => void subscribe(state),
      (reason) => goDeaf(state, reason),
    ),
    answers: false,
    hears: false,
    echoes: { sent: 0, heard: 0 },
    awaitingSince: null,
    up: false,
    reportedAt: null,
    timer: undefined,
    beating: false,
    beatAgain: false,
    closed: false,
    scripts: 0,
    onChange: new Set(),
    onMessage: new Set(),
  };
  state.subscriber.client.on('message', (channel: string, text: string) => hear(state, channel, text));
  return state;
}

async function subscribe(state: State): Promise<void> {
  const { channel, echoChannel, subscriber } = state;
  // Where it fails, no message comes back, and the connection is replaced.
  await subscriber.client
    .subscribe(channel, echoChannel)
    .catch((thrown: unknown) => goDeaf(state, reasonOf(thrown)));
  await beat(state);
}

function hear(state: State, channel: string, text: string): void {
  state.awaitingSince = null;
  if (channel === state.channel) {
    for (const listener of state.onMessage) listener(text);
    return;
  }
  state.echoes.heard = Number(text);
  state.hears = state.subscriber.isReady();
  rise(state);
}

/** What is answered, and what is not, decides whether further commands are sent. */
async function ask<T>(state: State, work: (client: Client) => Promise<T>): Promise<T> {
  const { breaker, commands } = state;
  const call = breaker.admit();
  if (call === null) throw new RedisUnavailable('Redis has failed repeatedly and is left alone for a moment');
  try {
    const result = await bounded(work(commands.client), commandMs);
    call.end('success');
    return result;
  } catch (thrown) {
    const reason = reasonOf(thrown);
    const wasOpen = breaker.retryAfterMs() > 0;
    // That a connection is lost is known without counting, and the next one may well do.
    call.end(commands.isReady() ? 'failure' : 'neutral');
    if (!wasOpen && breaker.retryAfterMs() > 0) giveUp(state, reason);
    throw new RedisUnavailable(`Redis: ${reason}`);
  }
}

/** Proves that commands are answered and messages arrive; again and again, soon after what fails. */
async function beat(state: State): Promise<void> {
  if (state.closed) return;
  // What has changed meanwhile, such as a connection that is ready, the present one does not prove.
  state.beatAgain = state.beating;
  if (state.beating) return;
  state.beating = true;
  clearTimeout(state.timer);
  // What has arrived while the process was busy is read before anything is judged.
  await new Promise((resolve) => setImmediate(resolve));
  judgeEcho(state);
  const pauseMs = await prove(state);
  state.beating = false;
  if (state.closed) return;
  state.timer = setTimeout(() => void beat(state), state.beatAgain ? 0 : pauseMs);
  state.timer.unref();
}

/** Milliseconds until the next time. */
async function prove(state: State): Promise<number> {
  const { commands, subscriber, breaker, echoes, parts } = state;
  if (!commands.isReady()) return beatMs;
  const sentAt = parts.runtime.elapsed();
  const number = ++echoes.sent;
  try {
    await ask(state, (client) => writeAndSend(client, state, number));
  } catch {
    return breaker.retryAfterMs();
  }
  if (echoes.heard < number && subscriber.isReady()) state.awaitingSince ??= sentAt;
  state.answers = commands.isReady();
  commands.proven();
  rise(state);
  return beatMs;
}

/** A Redis that can be read, but not written, is of no use. */
async function writeAndSend(client: Client, { prefix, echoChannel }: State, number: number): Promise<void> {
  const beats = client
    .pipeline()
    .set(`${prefix}alive`, 1, 'PX', aliveMs)
    .publish(echoChannel, String(number));
  for (const [error] of (await beats.exec()) ?? []) if (error !== null) throw error;
}

function judgeEcho(state: State): void {
  if (state.awaitingSince === null || state.parts.runtime.elapsed() - state.awaitingSince <= echoMs) return;
  state.subscriber.replace();
  goDeaf(state, `a message did not arrive within ${echoMs} ms`);
}

/** Commands are not answered: whatever these connections hang on, others may not. */
function giveUp(state: State, reason: string): void {
  state.commands.replace();
  state.subscriber.replace();
  goDumb(state, reason);
  goDeaf(state, reason);
}

function goDumb(state: State, reason: string): void {
  state.answers = false;
  fall(state, reason);
}

function goDeaf(state: State, reason: string): void {
  state.hears = false;
  state.awaitingSince = null;
  fall(state, reason);
}

function rise(state: State): void {
  const { parts, reportedAt } = state;
  if (state.up || !state.answers || !state.hears) return;
  state.up = true;
  state.subscriber.proven();
  if (reportedAt !== null)
    parts.log.info({ awayMs: Math.round(parts.runtime.elapsed() - reportedAt) }, 'Redis is back');
  state.reportedAt = null;
  for (const listener of state.onChange) listener('up');
}

function fall(state: State, reason: string): void {
  const { parts, up } = state;
  if (!state.closed && state.reportedAt === null) {
    state.reportedAt = parts.runtime.elapsed();
    parts.log.warn({ reason }, 'Redis is away: this node counts by itself, and is not told what others do');
  }
  state.up = false;
  if (up) for (const listener of state.onChange) listener('down');
}

/** The whole error may hold what was sent, the password too. */
function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function defineScript(
  state: State,
  lua: string,
): (client: Client, ...call: Parameters<Script>) => Promise<unknown> {
  const name = `parley${++state.scripts}`;
  state.commands.client.defineCommand(name, { lua });
  type Defined = Record<string, (...args: (string | number)[]) => Promise<unknown>>;
  return (client, keys, args) => (client as unknown as Defined)[name]!(keys.length, ...keys, ...args);
}

function waitUntilUp(state: State, ms: number): Promise<boolean> {
  if (state.up) return Promise.resolve(true);
  return new Promise((resolve) => {
    const settle = (isUp: boolean) => {
      clearTimeout(timer);
      state.onChange.delete(onChange);
      resolve(isUp);
    };
    const onChange = (now: RedisState) => now === 'up' && settle(true);
    const timer = setTimeout(() => settle(false), ms);
    state.onChange.add(onChange);
  });
}
