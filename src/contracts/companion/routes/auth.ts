import type { FastifyInstance } from 'fastify';
import { limitAddress } from '../../../http/address-limit.ts';
import { requireUser } from '../../../http/user-access.ts';
import type { CompanionOptions } from '../options.ts';
import { presentToken } from '../present.ts';
import {
  errorSchema,
  loggedOutSchema,
  loginRequestSchema,
  tokenSchema,
  type LoginRequest,
} from '../schemas.ts';

/** `POST /api/v1/login`, for those who have no token yet. */
export function registerLogin(app: FastifyInstance, options: CompanionOptions): void {
  app.post<{ Body: LoginRequest }>(
    '/api/v1/login',
    {
      onRequest: limitAddress(options, options.loginLimit),
      schema: {
        tags: ['companion'],
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
      const input = { login: username, password, contract: 'companion', ip };
      return presentToken(await options.core.accounts.logIn(input));
    },
  );
}

/** `POST /api/v1/logout`. */
export function registerLogout(app: FastifyInstance, { core }: CompanionOptions): void {
  app.post(
    '/api/v1/logout',
    {
      schema: {
        tags: ['companion'],
        summary: 'Log out',
        description: 'Ends the login of the token at once, at every door.',
        security: [{ bearer: [] }],
        response: { 200: loggedOutSchema, '4xx': errorSchema, '5xx': errorSchema },
      },
    },
    async (request) => {
      await core.accounts.logOut(requireUser(request.caller));
      return { message: 'Successfully logged out' };
    },
  );
}
