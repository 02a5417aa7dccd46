import { ParleyError } from '../core/errors.ts';
import { textOf } from '../core/completions/messages.ts';
import type { Message, Part } from '../core/completions/messages.ts';
import type { ModelRequest } from '../core/completions/provider.ts';
import { toAnthropicTools, toToolUses } from './anthropic-tools.ts';
import { arrayOf, countOf, stringOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

interface WireMessage {
  role: 'user' | 'assistant';
  content: WireObject[];
}

/**
 * The body of `POST /v1/messages`. What core says in OpenAI's spelling becomes Anthropic's, and parameters that
 * Anthropic does not have are left out. Throws `invalid_request` where a message cannot be expressed.
 * https://docs.anthropic.com/en/api/messages
 */
export function toAnthropicRequest(request: ModelRequest, defaultMaxTokens: number): WireObject {
  const extra = request.extra ?? {};
  const system = toSystem(request.messages);
  const stops = toStopSequences(extra.stop);
  const body: WireObject = {
    model: request.model,
    max_tokens: request.maxTokens ?? countOf(extra.max_completion_tokens) ?? defaultMaxTokens,
    messages: toAnthropicMessages(request.messages),
    ...toAnthropicTools(extra),
  };
  if (system !== '') body.system = system;
  if (stops.length > 0) body.stop_sequences = stops;
  // Models from Claude Opus 4.1 on refuse a request that names both.
  if (request.temperature !== undefined) body.temperature = Math.min(1, Math.max(0, request.temperature));
  else if (typeof extra.top_p === 'number') body.top_p = extra.top_p;
  return body;
}

function toSystem(messages: Message[]): string {
  return messages
    .filter(isInstruction)
    .map((message) => textOf(message.content))
    .filter((text) => text !== '')
    .join('\n\n');
}

function isInstruction(message: Message): boolean {
  return message.role === 'system' || message.role === 'developer';
}

// Anthropic refuses stop sequences of nothing but white space, which OpenAI's clients may send.
function toStopSequences(stop: unknown): string[] {
  const stops = typeof stop === 'string' ? [stop] : arrayOf(stop);
  return stops.filter((text): text is string => typeof text === 'string' && text.trim() !== '');
}

function toAnthropicMessages(messages: Message[]): WireMessage[] {
  const wire: WireMessage[] = [];
  for (const [index, message] of messages.entries()) {
    if (isInstruction(message)) continue;
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const content = toBlocks(message, index);
    const last = wire.at(-1);
    if (content.length === 0) continue;
    if (last?.role === role) last.content.push(...content);
    else wire.push({ role, content });
  }
  if (wire.length === 0) {
    const text = 'At least one message besides the system message must have content';
    throw new ParleyError('invalid_request', text, { field: 'messages' });
  }
  // A conversation has to begin with the user. One that begins with a greeting of ours keeps the greeting where it
  // was; the full stop is the least that can stand before it, as white space is refused.
  if (wire[0]?.role === 'assistant') wire.unshift({ role: 'user', content: [textBlock('.')] });
  trimPrefill(wire);
  return wire;
}

// A last message of the assistant is continued, and may not end with white space.
function trimPrefill(wire: WireMessage[]): void {
  const last = wire.at(-1);
  const block = last?.role === 'assistant' ? last.content.at(-1) : undefined;
  if (block?.type === 'text') block.text = stringOf(block.text).trimEnd();
}

function toBlocks(message: Message, index: number): WireObject[] {
  if (message.role === 'tool') return [toToolResult(message, index)];
  const blocks = toContent(message.content, index);
  if (message.role === 'assistant') blocks.push(...toToolUses(message.extra?.tool_calls));
  return blocks;
}

function toToolResult(message: Message, index: number): WireObject {
  const id = stringOf(message.extra?.tool_call_id);
  return { type: 'tool_result', tool_use_id: id, content: toContent(message.content, index) };
}

function toContent(content: Message['content'], index: number): WireObject[] {
  if (content === null) return [];
  const parts: Part[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const blocks = parts.map((part, at) => toBlock(part, `messages.${index}.content.${at}`));
  // Text of nothing but white space is refused.
  return blocks.filter(({ type, text }) => type !== 'text' || stringOf(text).trim() !== '');
}

function toBlock(part: Part, field: string): WireObject {
  switch (part.type) {
    case 'text':
      return textBlock(part.text);
    case 'image':
      return { type: 'image', source: toImageSource(part.url, field) };
    case 'video':
      throw unsupported('Videos', field);
    case 'other':
      throw unsupported(`Parts of type ${stringOf(part.value.type) || 'unknown'}`, field);
  }
}

function textBlock(text: string): WireObject {
  return { type: 'text', text };
}

function toImageSource(url: string, field: string): WireObject {
  if (/^https:/i.test(url)) return { type: 'url', url };
  // Only the beginning is looked at: behind it there may be megabytes.
  const data = /^data:([\w.+-]+\/[\w.+-]+)(?:;[^,;]+)*;base64,/i.exec(url.slice(0, 1024));
  if (data === null) throw unsupported('Images that are neither an https URL nor a base64 data URL', field);
  return { type: 'base64', media_type: stringOf(data[1]).toLowerCase(), data: url.slice(data[0].length) };
}

function unsupported(what: string, field: string): ParleyError {
  return new ParleyError('invalid_request', `${field}: ${what} are not supported by this model`, { field });
}
