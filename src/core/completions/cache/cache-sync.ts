import type { CacheClear } from '../../../storage/cache-clears.ts';
import { oneAtATime } from '../../one-at-a-time.ts';
import type { Entry } from './cache-replica.ts';
import { forgetRows, takeIn } from './cache-rows.ts';
import type { CacheState } from './cache-state.ts';
import { createCacheWords, createNoWords, hereEveryMs } from './cache-words.ts';
import { globTest } from './glob.ts';

const pageSize = 500;
const namesPageSize = 10_000;
/** Entries that others keep one right after the other are read together. */
const wakeEveryMs = 5;
const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Forgets what a clear is about. `unwritten`: whether what is not in the store yet, and did not know of it, is older. */
export function hearClear(state: CacheState, clear: CacheClear, unwritten: boolean): void {
  state.clears.add(clear);
  const matches = globTest(clear.pattern);
  const isOlder = ({ row: { revision, knew } }: Entry) =>
    revision === null ? unwritten && knew < clear.revision : revision < clear.revision;
  const { replica } = state;
  replica.forget(replica.entries().filter((entry) => isOlder(entry) && matches(entry.prompt)));
}

/** Brings back what is in the store, the least recently used first. */
export async function load(state: CacheState): Promise<void> {
  const { entries, runtime } = state.parts;
  await entries.removeExpired(runtime.now());
  const upTo = await entries.revision();
  for (const clear of await entries.clearsIn({ after: 0, upTo })) state.clears.add(clear);
  for (let after: { lastUsedAt: number; id: number } | null = null; ;) {
    const page = await entries.loadPage(after, pageSize);
    const unusable = page.filter(
      (row) => state.replica.peek(row.exactKey) === undefined && !takeIn(state, row),
    );
    await entries.remove(unusable.map(({ revision }) => revision));
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) break;
    after = { lastUsedAt: last.lastUsedAt, id: last.id };
    await turnOfTheLoop();
  }
  state.seen = Math.max(state.seen, upTo);
}

/** See `CacheState.catchUp`. */
export function createCatchUp(state: CacheState): () => Promise<void> {
  const { entries } = state.parts;
  return oneAtATime(async () => {
    await state.loaded;
    const upTo = await entries.revision();
    if (upTo <= state.seen) return;
    for (const clear of await entries.clearsIn({ after: state.seen, upTo })) hearClear(state, clear, true);
    for (let after = state.seen; ;) {
      const page = await entries.keptIn({ after, upTo }, pageSize);
      for (const row of page) takeIn(state, row);
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) break;
      after = last.revision;
      await turnOfTheLoop();
    }
    state.seen = Math.max(state.seen, upTo);
    for (const revision of state.removed) if (revision <= state.seen) state.removed.delete(revision);
  });
}

/** Forgets entries whose rows are gone, of which this node was not told. */
async function dropRemoved(state: CacheState): Promise<void> {
  const { entries } = state.parts;
  await state.catchUp();
  const upTo = state.seen;
  const stored = new Set<number>();
  for (let after = 0; ;) {
    const page = await entries.revisionsIn({ after, upTo }, namesPageSize);
    for (const revision of page) stored.add(revision);
    const last = page.at(-1);
    if (last === undefined || page.length < namesPageSize) break;
    after = last;
  }
  const isGone = (revision: number | null) => revision !== null && revision <= upTo && !stored.has(revision);
  state.replica.forget(state.replica.entries().filter(({ row }) => isGone(row.revision)));
}

/** Follows what other nodes keep and clear, until the returned function is called. Not for a process that is alone. */
export function follow(state: CacheState): () => void {
  const { bus, node, runtime, log } = state.parts;
  let failed = false;
  let stopped = false;
  const tried = (work: () => Promise<void>) => async () => {
    if (stopped) return;
    try {
      await work();
      failed = false;
    } catch (err) {
      if (!failed && !stopped)
        log.warn({ err }, 'the cache of the other nodes cannot be followed; it is tried again');
      failed = true;
    }
  };
  const look = tried(() => state.catchUp());
  const compare = tried(oneAtATime(() => dropRemoved(state)));
  const words = createCacheWords({
    bus,
    node,
    runtime,
    counts: () => state.counts,
    onKept: atMostEvery(wakeEveryMs, () => void look()),
    onRemoved: (revisions) => forgetRows(state, revisions),
    onUsed(revisions) {
      for (const revision of revisions) {
        const entry = state.replica.named(revision);
        if (entry !== undefined) state.replica.use(entry.exact);
      }
    },
    onBack: () => void compare(),
    onCleared(clear) {
      hearClear(state, clear, true);
      void look();
    },
  });
  state.words = words;
  const unsubscribe = bus.onRejoined(() => {
    words.back();
    void compare();
  });
  const timer = setInterval(() => {
    words.here();
    void look();
  }, hereEveryMs);
  timer.unref();
  words.here();
  return () => {
    clearInterval(timer);
    unsubscribe();
    words.stop();
    state.words = createNoWords();
    stopped = true;
  };
}

/** Does it at once, but not again within `ms`: calls in that time become one after it. */
function atMostEvery(ms: number, work: () => void): () => void {
  let pausing = false;
  let again = false;
  const run = () => {
    again = pausing;
    if (pausing) return;
    pausing = true;
    work();
    const pause = setTimeout(() => {
      pausing = false;
      if (again) run();
    }, ms);
    pause.unref();
  };
  return run;
}
