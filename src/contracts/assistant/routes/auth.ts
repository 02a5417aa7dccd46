import type { FastifyInstance } from 'fastify';
import { limitAddress } from '../../../http/address-limit.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import type { AssistantOptions } from '../options.ts';
import { presentAccount, presentToken } from '../present.ts';
import {
  accountSchema,
  errorSchema,
  loginRequestSchema,
  registerRequestSchema,
  tokenSchema,
  type LoginRequest,
  type RegisterRequest,
} from '../schemas.ts';

/** `POST /api/v1/auth/token` and `POST /api/v1/auth/register`, which share one limit. */
export function registerAuthRoutes(app: FastifyInstance, options: AssistantOptions): void {
  const { accounts } = options.core;
  const onRequest = limitAddress(options, options.authLimit);

  app.post<{ Body: LoginRequest }>(
    '/api/v1/auth/token',
    {
      onRequest,
      schema: {
        tags: ['assistant'],
        summary: 'Log in',
        security: [],
        body: loginRequestSchema,
        response: { 200: tokenSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async (request, reply) => {
      const { username, password } = request.body;
      const ip = options.clientAddress(request.raw);
      reply.header('cache-control', 'no-store');
      return presentToken(await accounts.logIn({ login: username, password, contract: 'assistant', ip }));
    },
  );

  app.post<{ Body: RegisterRequest }>(
    '/api/v1/auth/register',
    {
      onRequest,
      schema: {
        tags: ['assistant'],
        summary: 'Make an account',
        description: 'A repeat under the same `Idempotency-Key` gets the account that was made.',
        security: [],
        body: registerRequestSchema,
        response: { 200: accountSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async (request) => {
      const { username, email, password } = request.body;
      const sent = { ip: options.clientAddress(request.raw), idempotency: idempotencyOf(request) };
      return presentAccount(await accounts.register({ username, email, password }, sent));
    },
  );
}
