import type { CachePolicy, CompletionInput } from '../../core/completions/completions.ts';
import type { ChatRequest } from './schemas.ts';

/** A chat request of this contract in core's words. */
export function completionInput(
  body: ChatRequest,
  from: { endpoint: string; requestId: string; cache: CachePolicy },
): CompletionInput {
  const { message, model, temperature, max_tokens, system_prompt, conversation_history = [] } = body;
  const system = system_prompt ? [{ role: 'system' as const, content: system_prompt }] : [];
  return {
    contract: 'gateway',
    ...from,
    model,
    temperature,
    maxTokens: max_tokens,
    messages: [...system, ...conversation_history, { role: 'user', content: message }],
  };
}

/** What `Cache-Control` allows: `no-cache` skips reading, `no-store` both. */
export function cachePolicyOf(enabled: boolean, header: string | undefined): CachePolicy {
  if (!enabled) return { read: false, write: false };
  if (header === undefined) return { read: true, write: true };
  const directives = header.split(',').map((directive) => directive.trim().toLowerCase());
  const noStore = directives.includes('no-store');
  return { read: !noStore && !directives.includes('no-cache'), write: !noStore };
}
