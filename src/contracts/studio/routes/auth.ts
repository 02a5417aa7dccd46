import type { FastifyInstance } from 'fastify';
import { ParleyError } from '../../../core/errors.ts';
import { limitAddress } from '../../../http/address-limit.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { answerWith } from '../envelope.ts';
import type { StudioOptions } from '../options.ts';
import { presentAccount, presentLogin, presentOwnAccount, presentRenewed } from '../present.ts';
import {
  accessSchema,
  accountSchema,
  loginSchema,
  ownAccountSchema,
  refreshSchema,
  registrationSchema,
  tokensSchema,
  type LoginBody,
  type RefreshBody,
  type RegistrationBody,
} from '../schemas/accounts.ts';
import { documented, done, openRepeatable, open, refusals } from '../schemas/envelope.ts';

/** studio.md, "用户注册", "用户登录" and "刷新Token", which share one limit. */
export function registerLogins(app: FastifyInstance, options: StudioOptions): void {
  const { accounts } = options.core;
  const onRequest = limitAddress(options, options.authLimit);

  app.post<{ Body: RegistrationBody }>(
    '/api/auth/register',
    {
      onRequest,
      schema: {
        ...openRepeatable,
        summary: 'Make an account',
        body: registrationSchema,
        response: { 200: accountSchema, ...refusals },
      },
    },
    async (request) => {
      const { username, email, password, nickname, phone } = request.body;
      const sent = { ip: options.clientAddress(request.raw), idempotency: idempotencyOf(request) };
      const account = await accounts.register({ username, email, password, nickname, phone }, sent);
      return answerWith(request, 'registered', presentAccount(account));
    },
  );

  app.post<{ Body: LoginBody }>(
    '/api/auth/login',
    {
      onRequest,
      schema: {
        ...open,
        summary: 'Log in',
        body: loginSchema,
        response: { 200: tokensSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const { username: login, password } = request.body;
      const ip = options.clientAddress(request.raw);
      reply.header('cache-control', 'no-store');
      const loggedIn = await accounts.logIn({ login, password, contract: 'studio', ip });
      return answerWith(request, 'loggedIn', presentLogin(loggedIn));
    },
  );

  app.post<{ Body: RefreshBody }>(
    '/api/auth/refresh',
    {
      onRequest,
      schema: {
        ...open,
        summary: 'A new access token of the same login',
        description:
          'The refresh token stays the same, and so does the day on which the login ends. The access token that is there stays good until it expires.',
        body: refreshSchema,
        response: { 200: accessSchema, ...refusals },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store');
      const renewed = await accounts.refresh(request.body.refresh_token);
      return answerWith(request, 'refreshed', presentRenewed(renewed));
    },
  );
}

/** What those do with their login who have one, of any contract. */
export function registerOwnLogin(app: FastifyInstance, { core }: StudioOptions): void {
  const { accounts } = core;

  app.post(
    '/api/auth/logout',
    {
      schema: {
        ...documented,
        summary: 'Log out',
        description: 'Ends the login at once, with its refresh token, at every door and on every socket.',
        response: { 200: done, ...refusals },
      },
    },
    async (request) => {
      await accounts.logOut(requireUser(request.caller));
      return answerWith(request, 'loggedOut', null);
    },
  );

  app.get(
    '/api/auth/user',
    {
      schema: {
        ...documented,
        summary: 'Who is logged in',
        response: { 200: ownAccountSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const account = await accounts.get(requireUser(request.caller).userId);
      if (account === undefined) throw new ParleyError('token_invalid', 'The account is gone. Log in again.');
      reply.header('cache-control', 'no-store');
      return answerWith(request, 'found', presentOwnAccount(account));
    },
  );
}
