import type { FastifyInstance } from 'fastify';
import { invalidField, ParleyError } from '../../../core/errors.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import { budgetFrom } from '../input.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentApiKey } from '../present.ts';
import {
  apiKeyListSchema,
  apiKeyParamsSchema,
  createdApiKeySchema,
  newApiKeySchema,
  revokedApiKeySchema,
  type NewApiKeyBody,
} from '../schemas/administration.ts';

const path = '/api/v1/admin/api-keys';
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const repeatable = { ...about, headers: repeatableSchema };

/** API keys, for administrators: made, listed, revoked. */
export function registerApiKeyRoutes(app: FastifyInstance, { core, runtime }: HelpdeskOptions): void {
  app.get(
    path,
    { schema: { ...about, summary: 'The API keys', response: { 200: apiKeyListSchema, ...refusals } } },
    async () => {
      const keys = await core.apiKeys.list();
      return {
        success: true,
        data: { api_keys: keys.map(presentApiKey), total: keys.length, has_more: false },
      };
    },
  );

  app.post<{ Body: NewApiKeyBody }>(
    path,
    {
      schema: {
        ...repeatable,
        summary: 'Make an API key',
        description:
          'The key is in this answer and is never shown again: a repeat under the same `Idempotency-Key` is refused with 409, naming the key that was made.',
        body: newApiKeySchema,
        response: { 201: createdApiKeySchema, ...refusals },
      },
    },
    async (request, reply) => {
      const { name, scopes, expires_at = null, requests_per_minute = null, budget } = request.body;
      const expiresAt = expires_at === null ? null : Date.parse(expires_at);
      if (expiresAt !== null && expiresAt <= runtime.now()) {
        throw invalidField('expires_at', { kind: 'future' });
      }
      const made = await core.apiKeys.create(
        { name, scopes, expiresAt, requestsPerMinute: requests_per_minute, budget: budgetFrom(budget) },
        requireUser(request.caller),
        idempotencyOf(request),
      );
      reply.code(201).header('cache-control', 'no-store');
      return { success: true, data: { id: made.id, api_key: made.secret } };
    },
  );

  app.delete<{ Params: { id: number } }>(
    `${path}/:id`,
    {
      schema: {
        ...repeatable,
        summary: 'Revoke an API key at once',
        params: apiKeyParamsSchema,
        response: { 200: revokedApiKeySchema, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      if (!(await core.apiKeys.revoke(id, requireUser(request.caller), idempotencyOf(request)))) {
        throw new ParleyError('not_found', 'There is no such API key, or it was revoked before.');
      }
      return { success: true, data: { id } };
    },
  );
}
