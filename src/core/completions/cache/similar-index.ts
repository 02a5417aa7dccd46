import { hash } from 'node:crypto';
import { cosine, decodeEmbedding, encodeEmbedding, type Embedding } from './embedding.ts';
import { meaningKey } from './similarity-guard.ts';

/** The nearest earlier message. */
export interface SimilarEntry {
  id: number;
  /** The cosine, 0 to 1. */
  score: number;
}

/** Earlier messages in groups (one owner, model, system prompt, parameters, and one way of embedding), by meaning. */
export interface SimilarIndex {
  /** Adds a message. An `id` that is there already is replaced. */
  add(group: string, id: number, text: string, embedding: Embedding): void;
  /** Unknown ids are ignored. */
  remove(id: number): void;
  /** The entry of `group` with the highest cosine of at least `threshold` that asks the same as `text`; the newest of equals. */
  find(group: string, text: string, embedding: Embedding, threshold: number): SimilarEntry | null;
  /** Whether `find` can succeed at all: false saves the caller making an embedding. */
  hasCandidate(group: string, text: string): boolean;
  readonly size: number;
}

interface Entry {
  key: string;
  /** Encoded: half the memory of the embedding. */
  embedding: Uint8Array;
}

/** Older rewordings of one question are dropped from the search: they could only repeat what the newer ones answer. */
const maxPerMeaning = 16;

/**
 * An index in memory. A hit must have the guard's `meaningKey`, so entries are looked up by its digest and only they
 * are compared: the time of a `find` does not depend on how many entries there are.
 */
export function createSimilarIndex(): SimilarIndex {
  const entries = new Map<number, Entry>();
  const idsByKey = new Map<string, number[]>();

  function remove(id: number): void {
    const entry = entries.get(id);
    if (entry === undefined) return;
    entries.delete(id);
    const rest = idsByKey.get(entry.key)?.filter((other) => other !== id) ?? [];
    if (rest.length > 0) idsByKey.set(entry.key, rest);
    else idsByKey.delete(entry.key);
  }

  return {
    add(group, id, text, embedding) {
      remove(id);
      const key = keyOf(group, text, embedding.kind);
      entries.set(id, { key, embedding: encodeEmbedding(embedding) });
      const ids = idsByKey.get(key);
      if (ids === undefined) idsByKey.set(key, [id]);
      else if (ids.push(id) > maxPerMeaning) ids.shift();
    },
    remove,
    find(group, text, embedding, threshold) {
      let best: SimilarEntry | null = null;
      for (const id of idsByKey.get(keyOf(group, text, embedding.kind)) ?? []) {
        const score = cosine(embedding, decodeEmbedding(entries.get(id)!.embedding));
        if (score >= (best?.score ?? threshold)) best = { id, score };
      }
      return best;
    },
    hasCandidate(group, text) {
      return idsByKey.has(keyOf(group, text, 'sparse')) || idsByKey.has(keyOf(group, text, 'dense'));
    },
    get size() {
      return entries.size;
    },
  };
}

/** 128 bits, so that no two meanings ever share a key by chance. */
function keyOf(group: string, text: string, kind: Embedding['kind']): string {
  return hash('sha256', `${kind}\0${group}\0${meaningKey(text, kind)}`, 'buffer').toString('latin1', 0, 16);
}
