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

/**
 * What an image or a video costs where neither the vendor nor the catalogue says. One figure for all: what an image costs follows from its
 * width and height, and a video's from its length besides, which nobody knows without fetching and reading it. An image: 1024 × 1024
 * pixels, a token for each 28 × 28 of them, as Anthropic and Qwen2.5-VL count. A video: half a minute of 640 × 360, at Qwen's two frames a second
 * of which each pair costs as an image.
 */
export const commonTokens = { image: 1_369, video: 9_000 };
