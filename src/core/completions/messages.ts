/** One part of a message that is more than text. */
export type Part =
  | ({ type: 'text'; text: string } & AsItCame)
  | ({ type: 'image'; url: string; detail?: string } & AsItCame)
  | ({ type: 'video'; url: string } & AsItCame)
  /** A part that core does not interpret, in OpenAI's wire spelling (`input_audio`, `file` …). */
  | { type: 'other'; value: Record<string, unknown> };

interface AsItCame {
  /** The whole part in OpenAI's wire spelling, where that says more (`cache_control`, `fps` …); providers of this wire format send it so. */
  wire?: Record<string, unknown>;
}

/** What a person's message consists of. */
export type ContentPart = Extract<Part, { type: 'text' | 'image' | 'video' }>;

export type MessageRole = 'system' | 'developer' | 'user' | 'assistant' | 'tool';

/** One message of a model's context. */
export interface Message {
  role: MessageRole;
  content: string | Part[] | null;
  /** Further fields in OpenAI's wire spelling (`name`, `tool_calls`, `tool_call_id` …), passed on as they are. */
  extra?: Record<string, unknown>;
}

/** The text of a message's content, its other parts left out. */
export function textOf(content: Message['content']): string {
  if (content === null) return '';
  if (typeof content === 'string') return content;
  return content
    .filter((part) => part.type === 'text')
    .map((part) => part.text)
    .join('\n');
}
