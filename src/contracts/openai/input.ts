import type { CachePolicy, CompletionInput } from '../../core/completions/completions.ts';
import type { Message, Part } from '../../core/completions/messages.ts';
import { ParleyError } from '../../core/errors.ts';
import type { ChatRequest, ContentPart, WireMessage } from './schemas.ts';

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
    messages: messages.map((message, index) => messageOf(message as WireMessage, `messages.${index}`)),
    temperature: temperature ?? undefined,
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    extra: Object.keys(extra).length === 0 ? undefined : extra,
    cache,
  };
}

function messageOf({ role, content, ...extra }: WireMessage, path: string): Message {
  if ((content === undefined || content === null) && role !== 'assistant') {
    throw new ParleyError('invalid_request', `${path}.content: is required`, { field: `${path}.content` });
  }
  const parts = Array.isArray(content)
    ? content.map((part, index) => partOf(part, `${path}.content.${index}`))
    : (content ?? null);
  return Object.keys(extra).length === 0 ? { role, content: parts } : { role, content: parts, extra };
}

function partOf(part: ContentPart, path: string): Part {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: required(part.text, `${path}.text`) };
    case 'image_url': {
      const { url, detail } = required(part.image_url, `${path}.image_url`);
      return detail === undefined ? { type: 'image', url } : { type: 'image', url, detail };
    }
    case 'video_url':
      return { type: 'video', url: required(part.video_url, `${path}.video_url`).url };
    default:
      return { type: 'other', value: part };
  }
}

function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new ParleyError('invalid_request', `${field}: is required`, { field });
  return value;
}
