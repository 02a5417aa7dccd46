import Type, { type Static, type TSchema } from 'typebox';
import type { CompletionInput } from '../core/completions/completions.ts';
import type { Message, Part } from '../core/completions/messages.ts';
import { invalidField } from '../core/errors.ts';

/** OpenAI takes null for an optional field left out. */
export const Nullable = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

const contentPartSchema = Type.Object({
  type: Type.String(),
  text: Type.Optional(Type.String()),
  image_url: Type.Optional(
    Type.Object({ url: Type.String({ minLength: 1 }), detail: Type.Optional(Type.String()) }),
  ),
  video_url: Type.Optional(Type.Object({ url: Type.String({ minLength: 1 }) })),
});
type WirePart = Static<typeof contentPartSchema>;

/** Where neither fits, the first of them is said to be wrong: in a list, which part. */
const messageSchema = Type.Object({
  role: Type.Enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Nullable(Type.Union([Type.Array(contentPartSchema), Type.String()])),
});

type WireMessage = Static<typeof messageSchema>;

/** The fields of a chat completion ("Chat Completions" in OpenAI's API reference), as far as Parley reads them. */
export const chatFields = {
  model: Type.String({ minLength: 1, maxLength: 200 }),
  messages: Type.Array(messageSchema, { minItems: 1, maxItems: 10_000 }),
  temperature: Nullable(Type.Number({ minimum: 0, maximum: 2 })),
  max_tokens: Nullable(Type.Integer({ minimum: 1 })),
  max_completion_tokens: Nullable(Type.Integer({ minimum: 1 })),
  stream: Nullable(Type.Boolean()),
  stream_options: Nullable(Type.Object({ include_usage: Nullable(Type.Boolean()) })),
};

/** A chat completion as a client asks for it. */
export type ChatBody = Static<Type.TObject<typeof chatFields>> & { n?: number | null };

/** What is asked in core's words; what core does not know goes along in `extra`. Throws `invalid_request`. */
export function chatInputOf(
  body: ChatBody,
): Pick<CompletionInput, 'model' | 'messages' | 'temperature' | 'maxTokens' | 'extra'> {
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
    model,
    messages: messages.map((message, index) => messageOf(message, `messages.${index}`)),
    temperature: temperature ?? undefined,
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    extra: Object.keys(extra).length === 0 ? undefined : extra,
  };
}

function messageOf({ role, content, ...extra }: WireMessage, path: string): Message {
  if ((content === undefined || content === null) && role !== 'assistant') {
    throw invalidField(`${path}.content`, { kind: 'required' });
  }
  const parts = Array.isArray(content)
    ? content.map((part, index) => partOf(part, `${path}.content.${index}`))
    : (content ?? null);
  return Object.keys(extra).length === 0 ? { role, content: parts } : { role, content: parts, extra };
}

function partOf(part: WirePart, path: string): Part {
  switch (part.type) {
    case 'text':
      return { type: 'text', text: required(part.text, `${path}.text`), ...beyond(part) };
    case 'image_url': {
      const { url, detail, ...rest } = required(part.image_url, `${path}.image_url`);
      return { type: 'image', url, ...(detail !== undefined && { detail }), ...beyond(part, rest) };
    }
    case 'video_url': {
      const { url, ...rest } = required(part.video_url, `${path}.video_url`);
      return { type: 'video', url, ...beyond(part, rest) };
    }
    default:
      return { type: 'other', value: part };
  }
}

/** The part as it came, where it has more than its type, its content and what core knows of that. */
function beyond(part: WirePart, rest: object = {}): { wire?: WirePart } {
  return Object.keys(part).length > 2 || Object.keys(rest).length > 0 ? { wire: part } : {};
}

function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw invalidField(field, { kind: 'required' });
  return value;
}
