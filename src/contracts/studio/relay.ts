import type { Completion, CompletionInput } from '../../core/completions/completions.ts';
import { checkMediaUrl } from '../../core/completions/media.ts';
import type { Message } from '../../core/completions/messages.ts';
import { invalidField } from '../../core/errors.ts';
import { presentCompletion, type AnswerHead } from '../../http/openai-answer.ts';
import { chatInputOf } from '../../http/openai-request.ts';
import type { RelayedRequest } from './schemas/bailian.ts';

export const bailianPath = '/api/bailian/chat/completions';

/** A request in core's words, and as it goes to the provider: as it came. Throws `invalid_request`. */
export function relayInputOf(body: RelayedRequest, requestId: string): CompletionInput {
  const { conversation_id: conversationId, ...wire } = body;
  const input = chatInputOf(wire);
  for (const [index, { content }] of input.messages.entries()) {
    checkParts(content, `messages.${index}.content`);
  }
  const about = typeof conversationId === 'number' ? { conversationId, messageId: null } : undefined;
  return { contract: 'studio', endpoint: bailianPath, requestId, ...input, wire, about, cache: null };
}

function checkParts(content: Message['content'], field: string): void {
  if (!Array.isArray(content)) return;
  if (content.length === 0) throw invalidField(field, { kind: 'count', min: 1 });
  for (const [index, part] of content.entries()) {
    if (part.type !== 'image' && part.type !== 'video') continue;
    checkMediaUrl(part.url, part.type, `${field}.${index}.${part.type}_url.url`);
  }
}

/** The vendor's answer as it came, but for texts, which the document shows as lists of parts; or ours in the same shape. */
export function presentRelayed(completion: Completion, head: AnswerHead): object {
  const { wire = presentCompletion(completion, head) } = completion;
  const { choices } = wire;
  return Array.isArray(choices) ? { ...wire, choices: choices.map(withParts) } : wire;
}

function withParts(choice: unknown): unknown {
  if (!isObject(choice) || !isObject(choice.message)) return choice;
  const { message } = choice;
  if (typeof message.content !== 'string') return choice;
  return { ...choice, message: { ...message, content: [{ type: 'text', text: message.content }] } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
