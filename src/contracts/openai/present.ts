import type { Embedded } from '../../core/completions/embeddings.ts';
import type { OfferedModel } from '../../core/core.ts';

export function presentModel({ id, provider, released }: OfferedModel) {
  const created = released === null ? 0 : Math.floor(Date.parse(released) / 1000);
  return { id, object: 'model', created, owned_by: provider };
}

export function presentEmbeddings({ vectors, model, promptTokens }: Embedded, base64: boolean) {
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: base64 ? base64Of(vector) : [...vector],
    })),
    model,
    usage: { prompt_tokens: promptTokens, total_tokens: promptTokens },
  };
}

/** Little-endian 32-bit floats, as OpenAI's clients decode them. */
function base64Of(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
