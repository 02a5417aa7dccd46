import type { FastifyInstance } from 'fastify';
import { ParleyError } from '../../../core/errors.ts';
import { limitAddress } from '../../../http/address-limit.ts';
import { requireUser } from '../../../http/user-access.ts';
import { loginFrom } from '../input.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentAccess, presentUser } from '../present.ts';
import {
  accessSchema,
  loggedOutSchema,
  loginSchema,
  oneUserSchema,
  type LoginBody,
} from '../schemas/accounts.ts';
import { refusals } from '../schemas/envelope.ts';

const about = { tags: ['helpdesk'] };
const ofUser = { ...about, security: [{ bearer: [] }] };

/** `POST /api/v1/auth/login`, limited per address. */
export function registerLogin(app: FastifyInstance, options: HelpdeskOptions): void {
  const { accounts } = options.core;
  app.post<{ Body: LoginBody }>(
    '/api/v1/auth/login',
    {
      onRequest: limitAddress(options, options.loginLimit),
      schema: {
        ...about,
        summary: 'Log in',
        security: [],
        body: loginSchema,
        response: { 200: accessSchema, ...refusals },
      },
    },
    async ({ body: { email, password }, raw }, reply) => {
      const ip = options.clientAddress(raw);
      const login = loginFrom(email);
      reply.header('cache-control', 'no-store');
      const loggedIn = await accounts.logIn({ login, password, contract: 'helpdesk', ip });
      return { success: true, data: presentAccess(loggedIn) };
    },
  );
}

/** What those do with their login who have one, of any contract. */
export function registerOwnLogin(app: FastifyInstance, { core }: HelpdeskOptions): void {
  const { accounts } = core;
  app.post(
    '/api/v1/auth/refresh',
    {
      schema: {
        ...ofUser,
        summary: 'A new access token of the same login',
        description: 'A login lasts 30 days; the token that is shown stays good until it expires.',
        response: { 200: accessSchema, ...refusals },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      return { success: true, data: presentAccess(await accounts.renew(requireUser(request.caller))) };
    },
  );

  app.get(
    '/api/v1/auth/me',
    { schema: { ...ofUser, summary: 'Who is logged in', response: { 200: oneUserSchema, ...refusals } } },
    async (request) => {
      const account = await accounts.get(requireUser(request.caller).userId);
      if (account === undefined) throw new ParleyError('token_invalid', 'The account is gone. Log in again.');
      return { success: true, data: presentUser(account) };
    },
  );

  app.post(
    '/api/v1/auth/logout',
    {
      schema: {
        ...ofUser,
        summary: 'End the login at once, on every socket too',
        response: { 200: loggedOutSchema, ...refusals },
      },
    },
    async (request) => {
      await accounts.logOut(requireUser(request.caller));
      return { success: true, data: null };
    },
  );
}
