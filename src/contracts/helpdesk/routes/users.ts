import type { FastifyInstance, FastifyRequest } from 'fastify';
import { ParleyError } from '../../../core/errors.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import { budgetFrom } from '../input.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentUser } from '../present.ts';
import {
  newUserSchema,
  oneUserSchema,
  removedUserSchema,
  userChangesSchema,
  userParamsSchema,
  usersQuerySchema,
  usersSchema,
  type NewUserBody,
  type UserChangesBody,
  type UserParams,
  type UsersQuery,
} from '../schemas/accounts.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';

const path = '/api/v1/admin/users';
const userPath = `${path}/:user_id`;
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const repeatable = { ...about, headers: repeatableSchema };

/** helpdesk.md, "用户管理": accounts of every contract, for administrators. */
export function registerUserRoutes(app: FastifyInstance, options: HelpdeskOptions): void {
  registerUserReads(app, options);
  registerUserWrites(app, options);
  registerUserRemoval(app, options);
}

function registerUserReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  const { administration, accounts } = core;
  app.get<{ Querystring: UsersQuery }>(
    path,
    {
      schema: {
        ...about,
        summary: 'The accounts, in the order of their making',
        querystring: usersQuerySchema,
        response: { 200: usersSchema, ...refusals },
      },
    },
    async ({ query: { limit, offset, ...filter }, caller }) => {
      const page = { skip: offset, limit };
      const { accounts: users, total } = await administration.list(requireUser(caller), filter, page);
      const has_more = offset + users.length < total;
      return { success: true, data: { users: users.map(presentUser), total, has_more } };
    },
  );

  app.get<{ Params: UserParams }>(
    userPath,
    {
      schema: {
        ...about,
        summary: 'One account',
        params: userParamsSchema,
        response: { 200: oneUserSchema, ...refusals },
      },
    },
    async ({ params }) => {
      const account = await accounts.get(params.user_id);
      if (account === undefined) throw new ParleyError('not_found', 'There is no such account.');
      return { success: true, data: presentUser(account) };
    },
  );
}

function registerUserWrites(app: FastifyInstance, { core }: HelpdeskOptions): void {
  const { administration } = core;
  app.post<{ Body: NewUserBody }>(
    path,
    {
      schema: {
        ...repeatable,
        summary: 'Make an account',
        description: 'Its user name is its e-mail address. Without `role` it is a `user`’s.',
        body: newUserSchema,
        response: { 201: oneUserSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const { email, full_name: fullName = '', role = 'user', password } = request.body;
      const account = { email, fullName, role, password };
      const made = await administration.create(requireUser(request.caller), account, repeatOf(request));
      reply.code(201);
      return { success: true, data: presentUser(made) };
    },
  );

  app.put<{ Params: UserParams; Body: UserChangesBody }>(
    userPath,
    {
      schema: {
        ...repeatable,
        summary: 'Change an account',
        description:
          'What is left out stays. A new password, another role and `disabled` end the account’s logins at once. A budget holds from the next call to a model on.',
        params: userParamsSchema,
        body: userChangesSchema,
        response: { 200: oneUserSchema, ...refusals },
      },
    },
    async (request) => {
      const { full_name: fullName, email, role, status, password, budget } = request.body;
      const changed = await administration.update(
        requireUser(request.caller),
        request.params.user_id,
        { email, fullName, role, status, password, budget: budgetFrom(budget) },
        repeatOf(request),
      );
      return { success: true, data: presentUser(changed) };
    },
  );
}

function registerUserRemoval(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.delete<{ Params: UserParams }>(
    userPath,
    {
      schema: {
        ...repeatable,
        summary: 'Delete an account',
        description: 'Its logins end at once. What it said stays, and its conversations, for staff alone.',
        params: userParamsSchema,
        response: { 200: removedUserSchema, ...refusals },
      },
    },
    async (request) => {
      const { user_id: id } = request.params;
      await core.administration.remove(requireUser(request.caller), id, idempotencyOf(request));
      return { success: true, data: { id } };
    },
  );
}

/** Without the password: core compares that by its hash. */
function repeatOf({
  headers,
  method,
  routeOptions,
  params,
  query,
  body,
}: Pick<FastifyRequest, 'headers' | 'method' | 'routeOptions' | 'params' | 'query'> & {
  body: { password?: string };
}) {
  const { password, ...rest } = body;
  const asked = { ...rest, has_password: password !== undefined };
  return idempotencyOf({ headers, method, routeOptions, params, query, body: asked });
}
