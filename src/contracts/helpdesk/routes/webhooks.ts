import type { FastifyInstance } from 'fastify';
import type { WithSecret } from '../../../core/webhooks/webhooks.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentDelivery, presentOutcome, presentWebhook } from '../present-administration.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import {
  deliveriesQuerySchema,
  deliveryListSchema,
  deliveryParamsSchema,
  deliverySchema,
  newWebhookSchema,
  removedWebhookSchema,
  webhookChangesSchema,
  webhookListSchema,
  webhookOutcomeSchema,
  webhookParamsSchema,
  webhookSchema,
  webhookWithSecretSchema,
  type DeliveriesQuery,
  type DeliveryParams,
  type NewWebhookBody,
  type WebhookChangesBody,
  type WebhookParams,
} from '../schemas/webhooks.ts';

const path = '/api/v1/admin/webhooks';
const webhookPath = `${path}/:id`;
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const ofWebhook = { ...about, params: webhookParamsSchema };
const repeatable = { headers: repeatableSchema };

/** Receivers of events, for administrators. */
export function registerWebhookRoutes(app: FastifyInstance, options: HelpdeskOptions): void {
  registerReads(app, options);
  registerCreation(app, options);
  registerChanges(app, options);
  registerDeliveries(app, options);
}

function registerReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.get(
    path,
    { schema: { ...about, summary: 'The webhooks', response: { 200: webhookListSchema, ...refusals } } },
    async () => {
      const webhooks = (await core.webhooks.list()).map(presentWebhook);
      return { success: true, data: { webhooks, total: webhooks.length, has_more: false } };
    },
  );

  app.get<{ Params: WebhookParams }>(
    webhookPath,
    { schema: { ...ofWebhook, summary: 'A webhook', response: { 200: webhookSchema, ...refusals } } },
    async ({ params }) => ({ success: true, data: presentWebhook(await core.webhooks.get(params.id)) }),
  );
}

function registerCreation(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.post<{ Body: NewWebhookBody }>(
    path,
    {
      schema: {
        ...about,
        ...repeatable,
        summary: 'Tell an address of what happens from now on',
        body: newWebhookSchema,
        response: { 201: webhookWithSecretSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const caller = requireUser(request.caller);
      const made = await core.webhooks.create(caller, request.body, idempotencyOf(request));
      reply.code(201).header('cache-control', 'no-store');
      return { success: true, data: withSecret(made) };
    },
  );

  app.post<{ Params: WebhookParams }>(
    `${webhookPath}/rotate-secret`,
    {
      schema: {
        ...ofWebhook,
        ...repeatable,
        summary: 'Give a webhook a new secret',
        description: 'For a day, messages carry a signature with each of the two secrets.',
        response: { 200: webhookWithSecretSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const caller = requireUser(request.caller);
      const rotated = await core.webhooks.rotate(caller, request.params.id, idempotencyOf(request));
      reply.header('cache-control', 'no-store');
      return { success: true, data: withSecret(rotated) };
    },
  );
}

function registerChanges(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.put<{ Params: WebhookParams; Body: WebhookChangesBody }>(
    webhookPath,
    {
      schema: {
        ...ofWebhook,
        ...repeatable,
        summary: 'Change a webhook',
        body: webhookChangesSchema,
        response: { 200: webhookSchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { params, body } = request;
      const webhook = await core.webhooks.update(caller, params.id, body, idempotencyOf(request));
      return { success: true, data: presentWebhook(webhook) };
    },
  );

  app.delete<{ Params: WebhookParams }>(
    webhookPath,
    {
      schema: {
        ...ofWebhook,
        ...repeatable,
        summary: 'Remove a webhook, with its deliveries',
        response: { 200: removedWebhookSchema, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      await core.webhooks.remove(requireUser(request.caller), id, idempotencyOf(request));
      return { success: true, data: { id } };
    },
  );
}

function registerDeliveries(app: FastifyInstance, { core, running }: HelpdeskOptions): void {
  app.post<{ Params: WebhookParams }>(
    `${webhookPath}/test`,
    {
      schema: {
        ...ofWebhook,
        summary: 'Send an event `ping` now, and say what came of it',
        response: { 200: webhookOutcomeSchema, ...refusals },
      },
    },
    async ({ caller, params }, reply) => {
      const signal = running.forResponse(reply.raw);
      const outcome = await core.webhooks.test(requireUser(caller), params.id, signal);
      return { success: true, data: presentOutcome(outcome) };
    },
  );

  app.get<{ Params: WebhookParams; Querystring: DeliveriesQuery }>(
    `${webhookPath}/deliveries`,
    {
      schema: {
        ...ofWebhook,
        summary: 'What was sent to a webhook, and what came of it',
        querystring: deliveriesQuerySchema,
        response: { 200: deliveryListSchema, ...refusals },
      },
    },
    async ({ params, query: { limit, offset } }) => {
      const { deliveries, total } = await core.webhooks.deliveries(params.id, { skip: offset, limit });
      const hasMore = offset + deliveries.length < total;
      return {
        success: true,
        data: { deliveries: deliveries.map(presentDelivery), total, has_more: hasMore },
      };
    },
  );

  app.post<{ Params: DeliveryParams }>(
    `${webhookPath}/deliveries/:delivery_id/retry`,
    {
      schema: {
        ...about,
        ...repeatable,
        summary: 'Send a delivery that has not arrived once more, now',
        params: deliveryParamsSchema,
        response: { 200: deliverySchema, ...refusals },
      },
    },
    async (request) => {
      const caller = requireUser(request.caller);
      const { id, delivery_id } = request.params;
      const delivery = await core.webhooks.retry(caller, id, delivery_id, idempotencyOf(request));
      return { success: true, data: presentDelivery(delivery) };
    },
  );
}

function withSecret({ webhook, secret }: WithSecret) {
  return { ...presentWebhook(webhook), secret };
}
