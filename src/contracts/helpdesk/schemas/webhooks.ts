import Type, { type Static } from 'typebox';
import { webhookEventTypes } from '../../../core/webhooks/event.ts';
import { OrNull, pageQuery, success, time } from './envelope.ts';

const fields = {
  url: Type.String({
    minLength: 1,
    maxLength: 2000,
    description: 'Of the public internet, `https://`; administrators of the server can allow others.',
  }),
  events: Type.Array(Type.Enum([...webhookEventTypes]), { minItems: 1, uniqueItems: true }),
};
const choices = {
  description: Type.Optional(Type.String({ maxLength: 500 })),
  enabled: Type.Optional(Type.Boolean()),
};

export const newWebhookSchema = Type.Object(
  { ...fields, ...choices },
  { examples: [{ url: 'https://shop.example/hooks/parley', events: ['message.created'] }] },
);
export type NewWebhookBody = Static<typeof newWebhookSchema>;

export const webhookChangesSchema = Type.Object(
  { ...Type.Partial(Type.Object(fields)).properties, ...choices },
  {
    minProperties: 1,
    description: 'What is left out stays as it is.',
    examples: [{ enabled: false }],
  },
);
export type WebhookChangesBody = Static<typeof webhookChangesSchema>;

const id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
export const webhookParamsSchema = Type.Object({ id });
export type WebhookParams = Static<typeof webhookParamsSchema>;
export const deliveryParamsSchema = Type.Object({ id, delivery_id: id });
export type DeliveryParams = Static<typeof deliveryParamsSchema>;

const outcome = {
  delivered: Type.Boolean(),
  status_code: OrNull(Type.Integer({ description: 'Null where there was no answer.' })),
  error: OrNull(Type.String()),
};

const webhook = {
  id: Type.Integer(),
  url: Type.String(),
  description: Type.String(),
  events: Type.Array(Type.String()),
  enabled: Type.Boolean(),
  disabled_reason: OrNull(Type.String({ description: 'Why Parley switched it off.' })),
  failing_since: OrNull(time),
  last_delivery: OrNull(Type.Object({ at: time, ...outcome })),
  created_by: Type.Integer(),
  created_at: time,
  updated_at: time,
};

export const webhookSchema = success(Type.Object(webhook));
export const webhookListSchema = success(
  Type.Object({
    webhooks: Type.Array(Type.Object(webhook)),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);
export const webhookWithSecretSchema = success(
  Type.Object({
    ...webhook,
    secret: OrNull(
      Type.String({
        description:
          '`whsec_…`, shown this once only; null where the answer is a repeat under the same `Idempotency-Key`.',
      }),
    ),
  }),
);
export const removedWebhookSchema = success(Type.Object({ id: Type.Integer() }));
export const webhookOutcomeSchema = success(Type.Object(outcome));

const delivery = Type.Object({
  id: Type.Integer(),
  event_id: Type.String({ description: 'Sent as `webhook-id`, the same at every attempt.' }),
  type: Type.String(),
  state: Type.Enum(['pending', 'delivered', 'failed']),
  attempts: Type.Integer(),
  status_code: OrNull(Type.Integer({ description: 'Of the last attempt.' })),
  error: OrNull(Type.String()),
  next_attempt_at: OrNull(time),
  created_at: time,
  delivered_at: OrNull(time),
});
export const deliverySchema = success(delivery);
export const deliveryListSchema = success(
  Type.Object({
    deliveries: Type.Array(delivery, { description: 'Newest first.' }),
    total: Type.Integer({ description: 'Counted up to 10,000.' }),
    has_more: Type.Boolean(),
  }),
);
export const deliveriesQuerySchema = Type.Object({
  ...pageQuery,
  offset: Type.Integer({ minimum: 0, maximum: 10_000, default: 0 }),
});
export type DeliveriesQuery = Static<typeof deliveriesQuerySchema>;
