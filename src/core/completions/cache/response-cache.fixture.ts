import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Storage } from '../../../storage/storage.ts';
import type { OwnerKey } from '../../identity/caller.ts';
import { createRecordedLog } from '../../log.fixture.ts';
import { createMemoryBus } from '../../realtime/bus.ts';
import { createFakeRuntime } from '../../runtime.fixture.ts';
import type { ModelRequest } from '../provider.ts';
import { cacheKeyOf, type CacheKey } from './cache-key.ts';
import { embedLexically } from './lexical-embedding.ts';
import { createResponseCache, type CachedAnswer, type ResponseCacheParts } from './response-cache.ts';

export const ttlMs = 3_600_000;
export const began = Date.UTC(2026, 8, 21, 12);

/** The key of a single question. */
export function keyOf(text: string, owner = 'key:1', request: Partial<ModelRequest> = {}): CacheKey {
  const messages = [{ role: 'user' as const, content: text }];
  return cacheKeyOf(owner as OwnerKey, 'fast', '', { model: '', messages, ...request });
}

/** The key of a question that is found by the very same only: an entry without a vector. */
export function historyKey(text: string): CacheKey {
  const messages = [
    { role: 'assistant' as const, content: 'Welcome.' },
    { role: 'user' as const, content: text },
  ];
  return keyOf('', 'key:1', { messages });
}

export function answerOf(text: string): CachedAnswer {
  return {
    text,
    model: 'fast',
    reason: 'stop',
    usage: { promptTokens: 1, completionTokens: 1, estimated: false },
  };
}

/** Bytes of an entry without a vector whose prompt has one character and whose answer is `x`. */
export const entryBytes = 600 + 2 * (1 + JSON.stringify(answerOf('x')).length);

/** A cache over `storage`, alone where no bus is given, whose time stands still. */
export function createCache(storage: Storage, changes: Partial<ResponseCacheParts> = {}, time = began) {
  const runtime = createFakeRuntime(time);
  runtime.sleep = (ms, signal) => sleep(ms, undefined, { signal });
  const log = createRecordedLog();
  const cache = createResponseCache({
    entries: storage.cacheEntries,
    bus: createMemoryBus({ onError: (thrown) => assert.fail(String(thrown)) }),
    node: 'node-1',
    runtime,
    log,
    maxBytes: 1_000_000,
    ttlMs,
    threshold: 0.95,
    embed: (text) => Promise.resolve(embedLexically(text)),
    embedder: 'lexical-test',
    ...changes,
  });
  const textOf = async (key: CacheKey) => (await cache.lookup(key))?.answer.text ?? null;
  return { cache, runtime, log, textOf };
}

/** What is in the store. */
export function rowsOf(storage: Storage) {
  const rows = async () => {
    // Removals begin a few turns of the promise queue after their cause.
    await new Promise((resolve) => setImmediate(resolve));
    await storage.flush();
    return storage.cacheEntries.loadPage(null, 1_000);
  };
  return { rows, prompts: async () => (await rows()).map(({ prompt }) => prompt) };
}
