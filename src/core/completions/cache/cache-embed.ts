import { embed, type EmbeddingsParts } from '../embeddings.ts';
import type { Embedding } from './embedding.ts';
import { embedLexically, lexicalEmbedder } from './lexical-embedding.ts';

/** The cache must not wait longer for a vector than an answer is worth waiting for. */
const timeoutMs = 3_000;

/**
 * How the cache turns messages into vectors: by the configured model where its provider is there, else lexically. What a
 * vendor charges for it is in the books under the endpoint `cache`.
 */
export function createCacheEmbed(
  parts: EmbeddingsParts,
  modelId: string | null,
): (text: string) => Promise<Embedding> {
  return async (text) => {
    const model = modelId === null ? undefined : parts.catalogue.get(modelId);
    const slot = model && parts.slots.get(model.provider);
    if (modelId === null || slot?.provider.embed === undefined) return embedLexically(text);
    const input = { contract: 'core', endpoint: 'cache', requestId: 'cache', model: modelId, inputs: [text] };
    const caller = { kind: 'anonymous', ip: '' } as const;
    const { vectors } = await embed(parts, caller, input, AbortSignal.timeout(timeoutMs));
    return unit(vectors[0] ?? new Float32Array());
  };
}

/**
 * Names what `createCacheEmbed` makes vectors with: those of two names must never be compared. The lexical embedding is in
 * every name because it stands in for a model whose provider is not there.
 */
export function embedderOf(modelId: string | null): string {
  return modelId === null ? lexicalEmbedder : `${modelId} ${lexicalEmbedder}`;
}

function unit(vector: Float32Array): Embedding {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares) || 1;
  return { kind: 'dense', vector: vector.map((value) => value / length) };
}
