import Type, { type Static } from 'typebox';

/** The wire shapes of gateway.md. */

export const usageSchema = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
});

const messageText = Type.String({
  minLength: 1,
  pattern: '\\S',
  description: 'What is asked; at least one visible character.',
});

const modelName = Type.String({
  minLength: 1,
  maxLength: 200,
  description: 'A model id of GET /api/v1/models; the configured default where it is left out.',
});

export const chatRequestSchema = Type.Object(
  {
    message: messageText,
    model: Type.Optional(modelName),
    temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2 })),
    max_tokens: Type.Optional(Type.Integer({ minimum: 1 })),
    stream: Type.Optional(Type.Boolean({ description: 'true: answer as /api/v1/chat/stream does.' })),
    system_prompt: Type.Optional(Type.String()),
    conversation_history: Type.Optional(
      Type.Array(
        Type.Object({
          role: Type.Union([Type.Literal('user'), Type.Literal('assistant'), Type.Literal('system')]),
          content: Type.String(),
        }),
        { maxItems: 1000 },
      ),
    ),
  },
  {
    examples: [
      {
        message: 'Hello, how are you?',
        model: 'gpt-3.5-turbo',
        temperature: 0.7,
        max_tokens: 1000,
        stream: false,
        system_prompt: 'You are a helpful assistant',
        conversation_history: [
          { role: 'user', content: 'Previous message' },
          { role: 'assistant', content: 'Previous response' },
        ],
      },
    ],
  },
);
export type ChatRequest = Static<typeof chatRequestSchema>;

export const chatResponseSchema = Type.Object({
  response: Type.String(),
  model: Type.String({ description: 'The model that really answered.' }),
  request_id: Type.String(),
  timestamp: Type.String({ format: 'date-time' }),
  cached: Type.Boolean(),
  cache_key: Type.String(),
  similarity_score: Type.Union([Type.Number(), Type.Null()], {
    description: '1 for an exact hit, the cosine for a similar one, null for a miss.',
  }),
  usage: usageSchema,
});

export const modelSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  provider: Type.String(),
  context_length: Type.Union([Type.Integer(), Type.Null()]),
  description: Type.String(),
  capabilities: Type.Array(Type.String()),
  available: Type.Boolean(),
  cost_per_token: Type.Union(
    [
      Type.Object({
        input: Type.Number(),
        output: Type.Number(),
        currency: Type.String(),
        unit: Type.String(),
      }),
      Type.Null(),
    ],
    { description: 'Price of 1,000 tokens, as the published examples have it; null where it is not known.' },
  ),
});

const modelSortKeys = ['id', 'name', 'provider', 'context_length', 'created_at'] as const;
export type ModelSort = (typeof modelSortKeys)[number];

export const pageQuerySchema = Type.Object({
  page: Type.Optional(Type.Integer({ minimum: 1 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  sort: Type.Optional(Type.Enum([...modelSortKeys])),
  order: Type.Optional(Type.Enum(['asc', 'desc'])),
});
export type PageQuery = Static<typeof pageQuerySchema>;

export const modelListSchema = Type.Union([
  Type.Array(modelSchema),
  Type.Object({
    data: Type.Array(modelSchema),
    pagination: Type.Object({
      page: Type.Integer(),
      limit: Type.Integer(),
      total: Type.Integer(),
      pages: Type.Integer(),
      has_next: Type.Boolean(),
      has_prev: Type.Boolean(),
    }),
  }),
]);

export const modelParamsSchema = Type.Object({ model_id: Type.String() });

export const cacheStatsSchema = Type.Object({
  hits: Type.Integer(),
  misses: Type.Integer(),
  hit_rate: Type.Number(),
  total_requests: Type.Integer(),
  cache_size_bytes: Type.Integer(),
  cache_size_human: Type.String(),
  entries: Type.Integer(),
  avg_response_time_ms: Type.Number(),
  memory_usage_percent: Type.Number(),
  evictions: Type.Integer(),
  last_eviction: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
});

export const warmRequestSchema = Type.Object({
  patterns: Type.Array(Type.String({ minLength: 1, maxLength: 4000, pattern: '\\S' }), {
    minItems: 1,
    maxItems: 100,
    description: 'Names of prompt sets of the configuration (greeting, help, about …) or prompts themselves.',
  }),
  models: Type.Optional(Type.Array(modelName, { maxItems: 20 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 10 })),
});

export const warmResponseSchema = Type.Object({
  warmed: Type.Integer(),
  skipped: Type.Integer(),
  failed: Type.Integer(),
  entries: Type.Array(
    Type.Object({
      model: Type.String(),
      prompt: Type.String(),
      cache_key: Type.Union([Type.String(), Type.Null()]),
    }),
  ),
});

export const clearQuerySchema = Type.Object({
  pattern: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 500,
      description: 'A glob over the prompts: * and ? are wildcards.',
    }),
  ),
});

export const clearResponseSchema = Type.Object({ cleared: Type.Integer() });

export const healthSchema = Type.Object({
  status: Type.String(),
  version: Type.String(),
  service: Type.String(),
  timestamp: Type.String({ format: 'date-time' }),
  environment: Type.String(),
  providers_configured: Type.Record(Type.String(), Type.Boolean()),
});

export const errorSchema = Type.Object({
  error: Type.String(),
  code: Type.String(),
  status_code: Type.Integer(),
  request_id: Type.String(),
  timestamp: Type.String({ format: 'date-time' }),
  details: Type.Union([Type.Record(Type.String(), Type.Unknown()), Type.Null()]),
});

/** Frames that a client sends on `/ws/chat`. */
export const chatFrameSchema = Type.Object({
  type: Type.Literal('chat'),
  id: Type.String({ minLength: 1, maxLength: 200 }),
  data: chatRequestSchema,
});
export type ChatFrame = Static<typeof chatFrameSchema>;
