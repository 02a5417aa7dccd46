import Type, { type Static } from 'typebox';
import { budgetSchema } from './budget.ts';
import { OrNull, success, time } from './envelope.ts';

/** The wire shapes of the administrators' addresses. */

const scope = Type.Enum(['completions', 'cache', 'admin']);

export const newApiKeySchema = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
    scopes: Type.Array(scope, { minItems: 1, uniqueItems: true }),
    expires_at: Type.Optional(OrNull(time)),
    requests_per_minute: Type.Optional(OrNull(Type.Integer({ minimum: 1, maximum: 1_000_000_000 }))),
    budget: Type.Optional(OrNull(budgetSchema)),
  },
  { examples: [{ name: 'Shop', scopes: ['completions'], requests_per_minute: 60 }] },
);
export type NewApiKeyBody = Static<typeof newApiKeySchema>;

const apiKeySchema = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(Type.String()),
  requests_per_minute: OrNull(Type.Integer()),
  expires_at: OrNull(time),
  budget: OrNull(budgetSchema),
  created_at: time,
  revoked_at: OrNull(time),
  last_used_at: OrNull(time),
});

export const apiKeyListSchema = success(
  Type.Object({ api_keys: Type.Array(apiKeySchema), total: Type.Integer(), has_more: Type.Boolean() }),
);
export const createdApiKeySchema = success(Type.Object({ id: Type.Integer(), api_key: Type.String() }));
export const revokedApiKeySchema = success(Type.Object({ id: Type.Integer() }));
export const apiKeyParamsSchema = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});

export const maintenanceRequestSchema = Type.Object(
  { enabled: Type.Boolean(), message: Type.Optional(OrNull(Type.String({ maxLength: 500 }))) },
  { examples: [{ enabled: true, message: 'We are back at 18:00.' }] },
);
export type MaintenanceBody = Static<typeof maintenanceRequestSchema>;

export const maintenanceSchema = success(
  Type.Object({ enabled: Type.Boolean(), message: OrNull(Type.String()), since: OrNull(time) }),
);
