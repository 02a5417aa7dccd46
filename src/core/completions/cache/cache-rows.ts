import type { CacheEntryRow } from '../../../storage/cache-entries.ts';
import type { CachedAnswer, Entry, EntryRow } from './cache-replica.ts';
import { groupPrefix, type CacheState } from './cache-state.ts';
import { decodeEmbedding } from './embedding.ts';

/** A row that is yet to be written; `wrote` says under which name, or that it could not be. */
export function unwrittenRow(knew: number): { row: EntryRow; wrote: (revision: number | null) => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const row: EntryRow = { revision: null, knew, written: promise };
  return {
    row,
    wrote(revision) {
      row.revision = revision;
      resolve();
    },
  };
}

/** Notes that everything up to `revision` has been taken in, where it is the next; else false. */
export function followed(state: CacheState, revision: number): boolean {
  if (revision === state.seen + 1) state.seen = revision;
  return state.seen >= revision;
}

/** Keeps rows from being taken in; see `CacheState.removed`. */
function noteRemoved({ parts, removed, seen }: CacheState, revisions: readonly number[]): void {
  // Who is alone is not told of new rows.
  if (parts.bus.state() === 'alone') return;
  for (const revision of revisions) if (revision > seen) removed.add(revision);
}

/** Forgets entries whose rows are gone, or will be. */
export function forgetRows(state: CacheState, revisions: readonly number[]): void {
  noteRemoved(state, revisions);
  state.replica.forget(revisions.flatMap((revision) => state.replica.named(revision) ?? []));
}

/** Removes rows from the store, and their entries from the other nodes; what has replaced a row is left. Never rejects. */
export async function dropRows(state: CacheState, rows: readonly EntryRow[]): Promise<void> {
  await Promise.all(rows.map(({ written }) => written));
  const revisions = rows.flatMap(({ revision }) => revision ?? []);
  if (revisions.length === 0) return;
  forgetRows(state, revisions);
  state.words.removed(revisions);
  try {
    await state.parts.entries.remove(revisions);
  } catch (err) {
    state.parts.log.warn({ err }, 'a cache entry could not be deleted from disk');
  }
}

/** An entry left the memory. Where that was not for another's sake, its row goes too. */
export function left(state: CacheState, entry: Entry, why: 'evicted' | 'expired' | 'otherwise'): void {
  state.touched.delete(entry.row);
  if (why === 'otherwise') return;
  if (why === 'evicted') {
    state.counts.evictions++;
    state.counts.lastEvictionAt = state.parts.runtime.now();
  }
  noteRemoved(state, entry.row.revision === null ? [] : [entry.row.revision]);
  void dropRows(state, [entry.row]);
}

/** Places the entry of a row that was read, unless this node knows better; false where it is of no use to any node. */
export function takeIn(state: CacheState, row: CacheEntryRow): boolean {
  if (state.clears.cover(row) || state.removed.has(row.revision)) return false;
  const there = state.replica.peek(row.exactKey)?.row.revision ?? 0;
  if (there >= row.revision) return true;
  try {
    const { exactKey: exact, prompt, bytes, revision } = row;
    const answer = JSON.parse(row.answer) as CachedAnswer;
    const entry = { exact, prompt, answer, bytes, row: { revision, knew: 0, written: Promise.resolve() } };
    return state.replica.place(entry, row, vectorOf(state, row));
  } catch (err) {
    state.parts.log.warn({ err }, 'a cache entry on disk cannot be read; it is left out');
    return false;
  }
}

/** Null where the vector was made by another embedder, or in a format of another version. */
function vectorOf(state: CacheState, { groupKey: group, embedding }: CacheEntryRow) {
  if (embedding === null || !group.startsWith(groupPrefix(state))) return null;
  try {
    return { group, embedding: decodeEmbedding(embedding) };
  } catch {
    return null;
  }
}

/** Uses are written by the minute: exact enough to know what was not used for longest, and few statements. */
const touchMs = 60_000;

/** Writes down which entries were used last, and tells the other nodes, which would evict them sooner. */
export async function flushTouched(state: CacheState): Promise<void> {
  const minutes = Map.groupBy(state.touched, ([, usedAt]) => Math.floor(usedAt / touchMs));
  state.touched.clear();
  try {
    await Promise.all(
      [...minutes.values()].map(async (used) => {
        await Promise.all(used.map(([{ written }]) => written));
        const revisions = used.flatMap(([{ revision }]) => revision ?? []);
        state.words.used(revisions);
        await state.parts.entries.touch(revisions, Math.max(...used.map(([, usedAt]) => usedAt)));
      }),
    );
  } catch (err) {
    state.parts.log.warn({ err }, 'it could not be written down which cache entries were used last');
  }
}
