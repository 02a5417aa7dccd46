import Type, { type Static, type TSchema } from 'typebox';

/**
 * The wire shapes of OpenAI's API reference ("Chat Completions", "Embeddings", "Models"), as far as Parley reads them.
 * Whatever else a request holds goes to the provider untouched. OpenAI takes null for an optional field left out.
 */
const Optional = <T extends TSchema>(schema: T) => Type.Optional(Type.Union([schema, Type.Null()]));

const contentPartSchema = Type.Object({
  type: Type.String(),
  text: Type.Optional(Type.String()),
  image_url: Type.Optional(
    Type.Object({ url: Type.String({ minLength: 1 }), detail: Type.Optional(Type.String()) }),
  ),
  video_url: Type.Optional(Type.Object({ url: Type.String({ minLength: 1 }) })),
});
export type ContentPart = Static<typeof contentPartSchema>;

const messageSchema = Type.Object({
  role: Type.Enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: Optional(Type.Union([Type.String(), Type.Array(contentPartSchema)])),
});
export type WireMessage = Static<typeof messageSchema> & Record<string, unknown>;

export const chatRequestSchema = Type.Object({
  model: Type.String({ minLength: 1, maxLength: 200 }),
  messages: Type.Array(messageSchema, { minItems: 1, maxItems: 10_000 }),
  temperature: Optional(Type.Number({ minimum: 0, maximum: 2 })),
  max_tokens: Optional(Type.Integer({ minimum: 1 })),
  max_completion_tokens: Optional(Type.Integer({ minimum: 1 })),
  n: Optional(Type.Integer({ minimum: 1, maximum: 1, description: 'One choice a request.' })),
  stream: Optional(Type.Boolean()),
  stream_options: Optional(Type.Object({ include_usage: Optional(Type.Boolean()) })),
});
export type ChatRequest = Static<typeof chatRequestSchema> & Record<string, unknown>;

export const embeddingRequestSchema = Type.Object({
  model: Type.String({ minLength: 1, maxLength: 200 }),
  input: Type.Union([
    Type.String({ minLength: 1 }),
    Type.Array(Type.String({ minLength: 1 }), { minItems: 1, maxItems: 2048 }),
    Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }),
    Type.Array(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 1 }), { minItems: 1, maxItems: 2048 }),
  ]),
  dimensions: Optional(Type.Integer({ minimum: 8, maximum: 4096 })),
  encoding_format: Optional(Type.Enum(['float', 'base64'])),
});
export type EmbeddingRequest = Static<typeof embeddingRequestSchema>;

export const modelParamsSchema = Type.Object({ model: Type.String() });
