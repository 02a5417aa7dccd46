import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { ApiCall } from '../../storage/api-calls.ts';
import { openStorage, type Storage } from '../../storage/storage.ts';
import type { Caller } from '../identity/caller.ts';
import { createRecordedLog, type RecordedLog } from '../log.fixture.ts';
import { createBudgets, type BudgetsParts } from '../money/budgets.ts';
import { createLedger } from '../money/ledger.ts';
import { createMemoryBus } from '../realtime/bus.ts';
import { createFakeRuntime, type FakeRuntime } from '../runtime.fixture.ts';
import { createBreaker, type BreakerPolicy } from './breaker.ts';
import { embedLexically } from './cache/lexical-embedding.ts';
import { createResponseCache } from './cache/response-cache.ts';
import { createCatalogue, type Catalogue, type ModelEntry } from './catalogue.ts';
import type { CompletionInput, CompletionsParts } from './completions.ts';
import { createMeter } from './meter.ts';
import type { CompletionObserver, SettledCall } from './observer.ts';
import type { Answer, ModelRequest, Provider, ProviderEvent, Usage } from './provider.ts';
import type { RetryPolicy } from './retry.ts';
import { createRouter, type FallbackPolicy, type ProviderSlot, type RouterParts } from './router.ts';

/** A vendor that does what a test's script says, and remembers what it was asked. */
export interface ScriptedProvider extends Provider {
  readonly requests: ModelRequest[];
  readonly signals: AbortSignal[];
}

/** `call` counts from 1. */
export interface Script {
  answer?: (request: ModelRequest, signal: AbortSignal, call: number) => Answer | Promise<Answer>;
  stream?: (request: ModelRequest, signal: AbortSignal, call: number) => AsyncIterable<ProviderEvent[]>;
  embed?: Provider['embed'];
  listModels?: Provider['listModels'];
  revision?: () => string;
}

export function createScriptedProvider(name: string, script: Script = {}): ScriptedProvider {
  const requests: ModelRequest[] = [];
  const signals: AbortSignal[] = [];
  const note = (request: ModelRequest, signal: AbortSignal) => {
    requests.push(request);
    signals.push(signal);
  };
  const { answer = () => answerOf('Hello!'), stream = () => groups([textDelta('Hello!'), finish()]) } =
    script;
  return {
    name,
    requests,
    signals,
    async answer(request, signal) {
      note(request, signal);
      return answer(request, signal, requests.length);
    },
    stream(request, signal) {
      note(request, signal);
      return stream(request, signal, requests.length);
    },
    ...(script.embed && { embed: script.embed }),
    ...(script.listModels && { listModels: script.listModels }),
    ...(script.revision && { revision: script.revision }),
    close: () => Promise.resolve(),
  };
}

export const usage: Usage = { promptTokens: 12, completionTokens: 3, estimated: false };

export function answerOf(text: string, changes: Partial<Answer> = {}): Answer {
  return { text, reason: 'stop', usage, ...changes };
}

export const textDelta = (text: string): ProviderEvent => ({ type: 'text-delta', text });

export function finish(changes: Partial<Extract<ProviderEvent, { type: 'finish' }>> = {}): ProviderEvent {
  return { type: 'finish', reason: 'stop', usage, ...changes };
}

/** A stream of these groups; a thrown error where one stands instead of a group. */
export async function* groups(...steps: (ProviderEvent[] | Error)[]): AsyncGenerator<ProviderEvent[]> {
  for (const step of steps) {
    if (step instanceof Error) throw step;
    yield await Promise.resolve(step);
  }
}

/** Never resolves; rejects when the signal aborts, as a vendor's call does. */
export function hang(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = () => reject(new Error('the socket was closed'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

export interface BenchOptions {
  models?: ModelEntry[];
  providers?: ScriptedProvider[];
  fallback?: Partial<FallbackPolicy>;
  retries?: Partial<RetryPolicy>;
  breaker?: Partial<BreakerPolicy>;
  cacheScope?: CompletionsParts['cacheScope'];
  budgets?: Partial<BudgetsParts['defaults']>;
  /** Where it is not to be a new one in SQLite. */
  storage?: Storage;
}

/** What happened, in the observer's words. */
export interface Observed {
  providerCalls: { provider: string; model: string; outcome: string; durationMs: number }[];
  fallbacks: string[];
  settled: SettledCall[];
}

export interface RouterBench {
  parts: RouterParts & { slots: Map<string, ProviderSlot> };
  catalogue: Catalogue;
  runtime: FakeRuntime;
  log: RecordedLog;
  observed: Observed;
}

/** A router over scripted providers: no fallbacks, one attempt, a breaker that opens at the third failure. */
export function createRouterBench(options: BenchOptions = {}): RouterBench {
  const runtime = createFakeRuntime();
  const log = createRecordedLog();
  const observed: Observed = { providerCalls: [], fallbacks: [], settled: [] };
  const catalogue = createCatalogue(options.models ?? [{ id: 'fast', provider: 'acme' }], []);
  const retries = { attempts: 1, baseMs: 100, maxMs: 1_000, ...options.retries };
  const policy = { failures: 3, windowMs: 30_000, openMs: 10_000, ...options.breaker };
  const slots = new Map(
    (options.providers ?? []).map((provider): [string, ProviderSlot] => [
      provider.name,
      { provider, retries, breaker: createBreaker(policy, runtime) },
    ]),
  );
  const fallback = { enabled: true, default: [], models: {}, ...options.fallback };
  const observer = createObserver(observed);
  return {
    parts: { catalogue, slots, fallback, runtime, observer, log },
    catalogue,
    runtime,
    log,
    observed,
  };
}

function createObserver({ providerCalls, fallbacks, settled }: Observed): CompletionObserver {
  return {
    providerCalled: (provider, model, outcome, durationMs) =>
      void providerCalls.push({ provider, model, outcome, durationMs }),
    fellBack: (from, to) => void fallbacks.push(`${from} → ${to}`),
    callSettled: (call) => void settled.push(call),
  };
}

export interface Bench extends RouterBench {
  completions: CompletionsParts;
  storage: Storage;
  /** The rows of `api_calls`, the first first. */
  calls(): Promise<ApiCall[]>;
}

/** Completions over scripted providers and a store of their own. */
export async function createBench(test: TestContext, options: BenchOptions = {}): Promise<Bench> {
  const bench = createRouterBench(options);
  const { runtime, log } = bench;
  const storage = options.storage ?? (await openTemporaryStorage(test));
  const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
  const ledger = createLedger({ rows: storage.reservations, node: 'node-1', dayOf, runtime, log });
  const meter = createMeter({
    apiCalls: storage.apiCalls,
    runtime,
    dayOf,
    observer: bench.parts.observer,
    log,
  });
  const cache = createResponseCache({
    entries: storage.cacheEntries,
    bus: createMemoryBus({ onError: (err) => log.error({ err }, 'a listener failed') }),
    node: 'node-1',
    runtime,
    log,
    maxBytes: 1_000_000,
    ttlMs: 3_600_000,
    threshold: 0.95,
    embed: (text) => Promise.resolve(embedLexically(text)),
    embedder: 'lexical-test',
  });
  const completions: CompletionsParts = {
    router: createRouter(bench.parts),
    cache,
    meter,
    budgets: createBudgets({
      rows: storage.budgets,
      ledger,
      defaults: { perUser: null, perKey: null, ...options.budgets },
      cnyPerUsd: 7,
      dayOf,
      runtime,
    }),
    runtime,
    log,
    defaultModel: () => 'fast',
    cacheScope: options.cacheScope ?? 'caller',
  };
  const calls = async () => {
    await storage.flush();
    return (await storage.apiCalls.list({ limit: 100 })).reverse();
  };
  return { ...bench, completions, storage, calls };
}

/** A store in a folder of its own, both gone after the test. */
export async function openTemporaryStorage(test: TestContext): Promise<Storage> {
  const folder = mkdtempSync(join(tmpdir(), 'parley-core-'));
  const storage = await openStorage({ path: join(folder, 'parley.db') });
  test.after(async () => {
    await storage.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return storage;
}

export const anonymous: Caller = { kind: 'anonymous', ip: '192.0.2.1' };

export function keyCaller(keyId: number): Caller {
  return { kind: 'key', ip: '192.0.2.2', keyId, scopes: new Set(['completions']), requestsPerMinute: null };
}

export function userCaller(userId: number): Caller {
  return { kind: 'user', ip: '192.0.2.3', userId, loginId: 1, contract: 'assistant', role: 'user' };
}

/** A question through a door that uses the cache. */
export function question(text: string, changes: Partial<CompletionInput> = {}): CompletionInput {
  return {
    contract: 'gateway',
    endpoint: '/ask',
    requestId: 'req_1',
    model: 'fast',
    messages: [{ role: 'user', content: text }],
    cache: { read: true, write: true },
    ...changes,
  };
}
