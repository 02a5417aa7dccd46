import Type, { type Static } from 'typebox';
import { chatFields, Nullable } from '../../http/openai-request.ts';

/**
 * The wire shapes of OpenAI's API reference ("Chat Completions", "Embeddings", "Models"), as far as Parley reads them.
 * Whatever else a request holds goes to the provider untouched.
 */
export const chatRequestSchema = Type.Object({
  ...chatFields,
  n: Nullable(Type.Integer({ minimum: 1, maximum: 1, description: 'One choice a request.' })),
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
  dimensions: Nullable(Type.Integer({ minimum: 8, maximum: 4096 })),
  encoding_format: Nullable(Type.Enum(['float', 'base64'])),
});
export type EmbeddingRequest = Static<typeof embeddingRequestSchema>;

export const modelParamsSchema = Type.Object({ model: Type.String() });
