import type { Completion } from '../../core/completions/completions.ts';
import type { Embedded } from '../../core/completions/embeddings.ts';
import type { Usage } from '../../core/completions/provider.ts';
import type { OfferedModel } from '../../core/core.ts';

export function presentUsage({ promptTokens, completionTokens, cachedPromptTokens = 0 }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens },
  };
}

export function presentCompletion(completion: Completion, id: string, now: number) {
  const { text, extra, model, reason, usage } = completion;
  const content = text === '' && extra !== undefined ? null : text;
  return {
    id,
    object: 'chat.completion',
    created: Math.floor(now / 1000),
    model,
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null, ...extra },
        logprobs: null,
        finish_reason: reason,
      },
    ],
    usage: presentUsage(usage),
  };
}

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
