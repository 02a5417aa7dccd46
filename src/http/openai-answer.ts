import type { Completion } from '../core/completions/completions.ts';
import type { Usage } from '../core/completions/provider.ts';

/** What one answer in OpenAI's wire format is known by. */
export interface AnswerHead {
  id: string;
  /** Seconds since the epoch. */
  created: number;
}

/** A head for an answer that begins at `now`; `token` is random. */
export function answerHead(token: string, now: number): AnswerHead {
  return { id: `chatcmpl-${token}`, created: Math.floor(now / 1000) };
}

/** OpenAI's `usage`. */
export function presentUsage({ promptTokens, completionTokens, cachedPromptTokens = 0 }: Usage) {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedPromptTokens },
  };
}

/** A whole answer as a `chat.completion` object. */
export function presentCompletion(completion: Completion, { id, created }: AnswerHead) {
  const { text, extra, model, reason, usage } = completion;
  const content = text === '' && extra !== undefined ? null : text;
  return {
    id,
    object: 'chat.completion',
    created,
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
