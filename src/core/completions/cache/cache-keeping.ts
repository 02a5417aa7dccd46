import type { CacheKey } from './cache-key.ts';
import type { CachedAnswer, Entry, SimilarPlace } from './cache-replica.ts';
import { dropRows, followed, unwrittenRow } from './cache-rows.ts';
import { groupPrefix, type CacheState } from './cache-state.ts';
import { encodeEmbedding, type Embedding } from './embedding.ts';

/** Fixed cost of an entry beside its texts and its vector: keys, index postings, the row. */
const overheadBytes = 600;

/** An entry that is being kept. */
interface Kept {
  key: CacheKey;
  entry: Entry;
  similar: SimilarPlace | null;
  /** Its vector as it is stored. */
  encoded: Uint8Array | null;
  createdAt: number;
  expiresAt: number;
}

/** See `ResponseCache.keep`. */
export async function keep(state: CacheState, key: CacheKey, answer: CachedAnswer): Promise<void> {
  const { parts, replica } = state;
  const { exact, prompt } = key;
  const createdAt = parts.runtime.now();
  const text = JSON.stringify(answer);
  const { row, wrote } = unwrittenRow(state.clears.newest());
  const entry = { exact, prompt, answer, bytes: overheadBytes + 2 * (text.length + prompt.length), row };
  const earlier = replica.peek(exact)?.row;
  const life = { createdAt, expiresAt: createdAt + parts.ttlMs };
  let kept: Kept = { key, entry, similar: null, encoded: null, ...life };
  replica.place(entry, kept, null);
  try {
    kept = await withVector(state, kept);
    // What is kept while something is being cleared is younger than that, in the store too.
    if (state.clearing !== null) await state.clearing;
    const revision = isThere(state, entry) ? await store(state, kept, text) : null;
    wrote(revision);
    if (revision !== null) return settle(state, kept, revision);
  } catch (err) {
    wrote(null);
    return parts.log.warn(
      { err },
      'a cache entry could not be written to disk; it lives until the process ends',
    );
  }
  if (isThere(state, entry)) replica.forget([entry]);
  if (earlier !== undefined) await dropRows(state, [earlier]);
}

/** Whether it, and nothing else, is in memory under its key. */
function isThere({ replica }: CacheState, { exact, row }: Entry): boolean {
  return replica.peek(exact)?.row === row;
}

/** Lets an entry that can be similar to others be found by that. */
async function withVector(state: CacheState, kept: Kept): Promise<Kept> {
  const { key, entry } = kept;
  if (key.group === null || !isThere(state, entry)) return kept;
  const embedding = await embedOrNull(state, key.prompt);
  if (embedding === null || !isThere(state, entry)) return kept;
  const encoded = encodeEmbedding(embedding);
  const bytes = entry.bytes + encoded.length;
  const similar = { group: groupPrefix(state) + key.group, embedding };
  const changed = { ...kept, entry: { ...entry, bytes }, similar, encoded };
  state.replica.place(changed.entry, changed, similar);
  return changed;
}

/** Resolves to the row's revision; null where the entry is older than something that was cleared on another node. */
async function store(state: CacheState, kept: Kept, answer: string): Promise<number | null> {
  const { key, entry, encoded, createdAt, expiresAt } = kept;
  const row = {
    exactKey: key.exact,
    groupKey: key.group === null ? '' : groupPrefix(state) + key.group,
    owner: key.owner,
    model: key.model,
    prompt: key.prompt,
    answer,
    embedding: encoded,
    bytes: entry.bytes,
    createdAt,
    expiresAt,
    lastUsedAt: createdAt,
  };
  const { entries } = state.parts;
  const revision = await entries.put(row, state.seen);
  if (revision !== null) return revision;
  await state.catchUp();
  return isThere(state, entry) ? entries.put(row, state.seen) : null;
}

function settle(state: CacheState, { entry, ...kept }: Kept, revision: number): void {
  const { replica } = state;
  followed(state, revision);
  state.words.kept();
  const there = replica.peek(entry.exact);
  if (there === undefined) return;
  const isOwn = there.row === entry.row;
  // Another node had kept the same a little earlier, and that came in while this was being written.
  if (!isOwn && (there.row.revision ?? revision) < revision) replica.place(entry, kept, kept.similar);
  if (!isOwn) return;
  replica.note(there);
  // Another node has read it, and removed it, by now.
  if (state.removed.has(revision)) replica.forget([there]);
}

/** Null, and a line in the log, where it cannot be done. */
export async function embedOrNull(state: CacheState, text: string): Promise<Embedding | null> {
  try {
    return await state.parts.embed(text);
  } catch (err) {
    state.parts.log.warn({ err }, 'the cache could not embed a message; similar answers are not looked up');
    return null;
  }
}
