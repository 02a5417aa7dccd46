import type { CachePolicy, CompletionInput } from '../../core/completions/completions.ts';
import { messagesOf } from '../../http/openai-messages.ts';
import type { ChatRequest } from './schemas.ts';

export const chatPath = '/v1/chat/completions';

/** A chat request in core's words; what core does not know goes along in `extra`. */
export function completionInput(
  body: ChatRequest,
  requestId: string,
  cache: CachePolicy | null,
): CompletionInput {
  const {
    model,
    messages,
    temperature,
    max_tokens,
    max_completion_tokens,
    n: _n,
    stream: _stream,
    stream_options: _options,
    ...extra
  } = body;
  return {
    contract: 'openai',
    endpoint: chatPath,
    requestId,
    model,
    messages: messagesOf(messages),
    temperature: temperature ?? undefined,
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    extra: Object.keys(extra).length === 0 ? undefined : extra,
    cache,
  };
}
