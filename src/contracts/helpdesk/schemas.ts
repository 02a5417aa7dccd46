import Type, { type Static } from 'typebox';

/** The wire shapes of the administrators' addresses. */

const scope = Type.Enum(['completions', 'cache', 'admin']);
const time = Type.String({ format: 'date-time' });
const OrNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

export const newApiKeySchema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
  scopes: Type.Array(scope, { minItems: 1, uniqueItems: true }),
  expires_at: Type.Optional(OrNull(time)),
  requests_per_minute: Type.Optional(OrNull(Type.Integer({ minimum: 1, maximum: 1_000_000_000 }))),
});
export type NewApiKeyBody = Static<typeof newApiKeySchema>;

const apiKeySchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(Type.String()),
  requests_per_minute: OrNull(Type.Integer()),
  expires_at: OrNull(time),
  created_at: time,
  revoked_at: OrNull(time),
  last_used_at: OrNull(time),
});

const success = <T extends Parameters<typeof Type.Union>[0][number]>(data: T) =>
  Type.Object({ success: Type.Literal(true), data });

export const apiKeyListSchema = success(
  Type.Object({ api_keys: Type.Array(apiKeySchema), total: Type.Integer(), has_more: Type.Boolean() }),
);
export const createdApiKeySchema = success(Type.Object({ id: Type.Integer(), api_key: Type.String() }));
export const revokedApiKeySchema = success(Type.Object({ id: Type.Integer() }));
export const apiKeyParamsSchema = Type.Object({ id: Type.Integer({ minimum: 1 }) });

export const maintenanceRequestSchema = Type.Object(
  { enabled: Type.Boolean(), message: Type.Optional(OrNull(Type.String({ maxLength: 500 }))) },
  { examples: [{ enabled: true, message: 'We are back at 18:00.' }] },
);
export type MaintenanceBody = Static<typeof maintenanceRequestSchema>;

export const maintenanceSchema = success(
  Type.Object({ enabled: Type.Boolean(), message: OrNull(Type.String()), since: OrNull(time) }),
);

export const sessionParamsSchema = Type.Object({
  session_id: Type.String({ description: '`sess_…`; digits are a session of the assistant contract.' }),
});
export type SessionParams = Static<typeof sessionParamsSchema>;

export const messagesQuerySchema = Type.Object({
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 50 }),
  offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
});
export type MessagesQuery = Static<typeof messagesQuerySchema>;

export const messagesSchema = success(
  Type.Object({
    messages: Type.Array(
      Type.Object({
        id: Type.String({ description: '`msg_` and a number.' }),
        session_id: Type.String(),
        sender_type: Type.Enum(['user', 'ai', 'human']),
        content: Type.String({ description: 'Of an answer on its way: what it has said so far.' }),
        message_type: Type.Literal('text'),
        created_at: time,
        status: Type.String({
          description:
            'Of a question `sent` or `failed`; of an answer `queued`, `running`, `completed`, `failed`, `cancelled` or `interrupted`.',
        }),
      }),
      { description: 'Oldest first.' },
    ),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);

export const errorSchema = Type.Object({
  success: Type.Literal(false),
  error: Type.Object({
    code: Type.String(),
    message: Type.String(),
    details: OrNull(Type.Record(Type.String(), Type.Unknown())),
  }),
});
