import type { TestContext } from 'node:test';
import type { Storage } from '../../storage/storage.ts';
import {
  createBench,
  createScriptedProvider,
  finish,
  textDelta,
  type Bench,
  type BenchOptions,
} from '../completions/bench.fixture.ts';
import type { ModelRequest, ProviderEvent } from '../completions/provider.ts';
import { createConversations, type Conversations } from '../conversations/conversations.ts';
import { defaultDeskSettings } from '../desk/desk-settings.ts';
import { createHandoff } from '../handoff/create-handoff.ts';
import type { Handoff } from '../handoff/handoff.ts';
import { createIdempotency } from '../idempotency.ts';
import type { Participant, UserCaller } from '../identity/caller.ts';
import { createNodes, type Nodes } from '../nodes/nodes.ts';
import { createMemoryBus, type Bus } from '../realtime/bus.ts';
import { createBusLine, type BusLine, type LineBus } from '../realtime/bus.fixture.ts';
import { createFeed, type Feed } from '../realtime/feed.ts';
import { createRuntime, type Runtime } from '../runtime.ts';
import type { TurnsParts } from './state.ts';
import type { Asked, Question, TurnEvent } from './turn.ts';
import { createTurns, type RunningTurns } from './turns.ts';

/** A model's call that says what the test tells it to. */
export interface Speaker {
  request: ModelRequest;
  signal: AbortSignal;
  say(...texts: string[]): void;
  finish(): void;
  fail(error: Error): void;
}

export interface Speakers {
  /** The next call that has come, or comes. */
  next(): Promise<Speaker>;
  /** Calls so far. */
  count(): number;
  provider: ReturnType<typeof createScriptedProvider>;
}

export function createSpeakers(): Speakers {
  const come: Speaker[] = [];
  const awaited: ((speaker: Speaker) => void)[] = [];
  let count = 0;
  const provider = createScriptedProvider('acme', {
    stream(request, signal) {
      count++;
      const { speaker, events } = createSpeaker(request, signal);
      const taker = awaited.shift();
      if (taker === undefined) come.push(speaker);
      else taker(speaker);
      return events;
    },
  });
  return {
    provider,
    count: () => count,
    next() {
      const speaker = come.shift();
      return speaker === undefined
        ? new Promise((resolve) => awaited.push(resolve))
        : Promise.resolve(speaker);
    },
  };
}

function createSpeaker(request: ModelRequest, signal: AbortSignal) {
  const steps: (ProviderEvent[] | Error)[] = [];
  let wake = () => {};
  const push = (step: ProviderEvent[] | Error) => {
    steps.push(step);
    wake();
  };
  const cut = () => push(new Error('the socket was closed'));
  if (signal.aborted) cut();
  else signal.addEventListener('abort', cut);
  async function* events(): AsyncGenerator<ProviderEvent[]> {
    for (;;) {
      const step = steps.shift();
      if (step instanceof Error) throw step;
      if (step !== undefined) yield step;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  }
  const speaker: Speaker = {
    request,
    signal,
    say: (...texts) => push(texts.map(textDelta)),
    finish: () => push([finish()]),
    fail: push,
  };
  return { speaker, events: events() };
}

export interface TurnsBench {
  bench: Bench;
  storage: Storage;
  turns: AnsweringTurns;
  handoff: Handoff;
  /** Of another process. */
  handoffOf(turns: Pick<RunningTurns, 'alone' | 'changeOwner'>): Handoff;
  conversations: Conversations;
  feed: Feed;
  speakers: Speakers;
  /** Another process over the same store, with changed parts. */
  another(changes?: Partial<TurnsParts>): AnsweringTurns;
}

/** Turns of which a test expects that each question gets an answer, but through `put`. */
export type AnsweringTurns = Omit<RunningTurns, 'ask'> & {
  ask(caller: Participant, question: Question): Promise<Asked & { turnId: number }>;
  put: RunningTurns['ask'];
};

function answering(turns: RunningTurns): AnsweringTurns {
  return {
    ...turns,
    put: (caller, question) => turns.ask(caller, question),
    async ask(caller, question) {
      const { turnId, ...asked } = await turns.ask(caller, question);
      if (turnId === null) throw new Error('no answer was begun');
      return { ...asked, turnId };
    },
  };
}

export const mina: UserCaller = {
  kind: 'user',
  ip: '192.0.2.3',
  userId: 7,
  loginId: 1,
  contract: 'assistant',
  role: 'user',
};
export const otto: UserCaller = { ...mina, userId: 8, loginId: 2 };

export function question(text: string, changes: Partial<Question> = {}): Question {
  return {
    contract: 'assistant',
    endpoint: '/ask',
    requestId: 'req_1',
    place: { kind: 'new' },
    text,
    ...changes,
  };
}

let lastNode = 0;

/** A process by a name of its own. */
export function nodeOver(bus: Bus, runtime: Pick<Runtime, 'sleep'>): Nodes {
  const onError = (thrown: unknown) => {
    throw thrown;
  };
  return createNodes({ id: `node-${++lastNode}`, bus, runtime, onError });
}

/** Turns over a store of their own and a model that says what the test tells it to. */
export async function createTurnsBench(
  test: TestContext,
  changes: Partial<TurnsParts> = {},
  options: BenchOptions = {},
): Promise<TurnsBench> {
  const speakers = createSpeakers();
  const bench = await createBench(test, { providers: [speakers.provider], ...options });
  const { storage, runtime, log, catalogue, completions } = bench;
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const bus = createMemoryBus({
    onError(thrown) {
      throw thrown;
    },
  });
  const feed = createFeed({ rows: storage.feed, messages: storage.messages, bus });
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  const parts: TurnsParts = {
    rows: storage.turns,
    posts: storage.posts,
    ownership: storage.ownership,
    calls: storage.apiCalls,
    conversations: storage.conversations,
    messages: storage.messages,
    completions,
    ground: () => null,
    catalogue,
    idempotency,
    feed,
    bus,
    nodes: nodeOver(bus, runtime),
    shared: false,
    dayOf,
    runtime,
    log,
    atOnce: 200,
    conversationsPerUser: 200,
    idleMs: 60_000,
    settings: () => defaultDeskSettings,
    onWaiting: () => {},
    onFree: () => {},
    ...changes,
  };
  const turns = answering(createTurns(parts));
  const conversations = createConversations({
    conversations: storage.conversations,
    messages: storage.messages,
    feed: storage.feed,
    idempotency,
    idleMs: parts.idleMs,
    conversationsPerUser: parts.conversationsPerUser,
    runtime,
    dayOf,
    wake: feed.wake,
    textOf: turns.textOf,
    catalogue,
    defaultModel: completions.defaultModel,
    stopTurnsOf: turns.stopOf,
    stopTurns: async (id) => void (await turns.stopAll(id)),
  });
  const handoffOf = (process: Pick<RunningTurns, 'alone' | 'changeOwner'>) =>
    createHandoff({
      ...storage,
      turns: process,
      idempotency,
      feed,
      dayOf,
      runtime,
      defaultModel: completions.defaultModel,
    });
  return {
    bench,
    storage,
    turns,
    handoff: handoffOf(turns),
    handoffOf,
    conversations,
    feed,
    speakers,
    another: (more = {}) => answering(createTurns({ ...parts, nodes: nodeOver(bus, runtime), ...more })),
  };
}

/** One of several nodes over a store. */
export interface TestNode {
  turns: AnsweringTurns;
  handoff: Handoff;
  conversations: Conversations;
  feed: Feed;
  bus: LineBus;
}

export interface NodesBench extends Pick<TurnsBench, 'bench' | 'storage' | 'speakers'> {
  line: BusLine;
  one: TestNode;
  other: TestNode;
  /** One more. */
  join(changes?: Partial<TurnsParts>): TestNode;
  /** Lets so many seconds pass, in which these nodes look after their turns. */
  pass(seconds: number, ...living: TestNode[]): Promise<void>;
}

/** How much faster time goes that somebody waits for; the wall clock stands still, until a test lets it pass. */
const haste = 10;

/** Two nodes over one store, joined by a bus that can be cut. */
export async function createNodesBench(
  test: TestContext,
  changes: Partial<TurnsParts> = {},
): Promise<NodesBench> {
  const tested = await createTurnsBench(test);
  const { bench, storage, speakers } = tested;
  const { completions, catalogue } = bench;
  const runtime: Runtime = {
    ...bench.runtime,
    now: () => bench.runtime.time,
    elapsed: () => performance.now() * haste,
    sleep: (ms, signal) => createRuntime().sleep(ms / haste, signal),
  };
  const line = createBusLine();
  const idempotency = createIdempotency({ keys: storage.idempotencyKeys, runtime });
  const { messages } = storage;
  const { defaultModel } = completions;
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  const join = (more: Partial<TurnsParts> = {}): TestNode => {
    const bus = line.join();
    const feed = createFeed({ rows: storage.feed, messages, bus });
    const nodes = nodeOver(bus, runtime);
    const shares = { bus, nodes, feed, runtime, idempotency, shared: true };
    const turns = tested.another({ ...shares, ...changes, ...more });
    turns.resume();
    const conversations = createConversations({
      ...storage,
      feed: storage.feed,
      idempotency,
      idleMs: 60_000,
      conversationsPerUser: 200,
      runtime,
      dayOf,
      wake: feed.wake,
      textOf: turns.textOf,
      catalogue,
      defaultModel,
      stopTurnsOf: turns.stopOf,
      stopTurns: async (id) => void (await turns.stopAll(id)),
    });
    const handoff = createHandoff({ ...storage, turns, idempotency, feed, dayOf, runtime, defaultModel });
    return { turns, handoff, conversations, feed, bus };
  };
  return {
    bench,
    storage,
    speakers,
    line,
    one: join(),
    other: join(),
    join,
    async pass(seconds, ...living) {
      for (let second = 0; second < seconds; second++) {
        bench.runtime.time += 1_000;
        for (const { turns } of living) await turns.look();
      }
    },
  };
}

/** The text that events tell, each piece at the place where it belongs; fails on gaps and repetitions. */
export function textOf(events: readonly TurnEvent[], start = 0): string {
  let text = '';
  for (const event of events) {
    if (event.type !== 'delta') continue;
    if (event.start !== start + text.length) {
      throw new Error(`a piece at ${event.start} follows text up to ${start + text.length}`);
    }
    text += event.text;
  }
  return text;
}
