import type { CachePolicy, CompletionInput } from '../../core/completions/completions.ts';
import { chatInputOf } from '../../http/openai-request.ts';
import type { ChatRequest } from './schemas.ts';

export const chatPath = '/v1/chat/completions';

/** A chat request in core's words. */
export function completionInput(
  body: ChatRequest,
  requestId: string,
  cache: CachePolicy | null,
): CompletionInput {
  return { contract: 'openai', endpoint: chatPath, requestId, ...chatInputOf(body), cache };
}
