import Type, { type Static } from 'typebox';
import { budgetSchema } from './budget.ts';
import { OrNull, pageQuery, success, time } from './envelope.ts';

/** The wire shapes of logins and of the users' administration. */

const role = Type.Enum(['user', 'agent', 'admin']);
const status = Type.Enum(['active', 'disabled']);
const newPassword = Type.String({ minLength: 8, maxLength: 256 });
const email = Type.String({ minLength: 1, maxLength: 320, pattern: '\\S' });
const fullName = Type.String({ maxLength: 100 });

export const loginSchema = Type.Object(
  {
    email: Type.String({ maxLength: 320, description: 'E-mail address or user name, in any case.' }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  { examples: [{ email: 'admin@example.com', password: 'password123' }] },
);
export type LoginBody = Static<typeof loginSchema>;

const user = { id: Type.Integer(), email: Type.String(), full_name: Type.String(), role };

export const accessSchema = success(
  Type.Object({
    access_token: Type.String({ description: 'A JWT, to be sent as `Authorization: Bearer <token>`.' }),
    token_type: Type.Literal('bearer'),
    expires_in: Type.Integer({ description: 'Seconds.' }),
    user: Type.Object(user),
  }),
);

const userSchema = Type.Object({
  ...user,
  username: Type.String(),
  status,
  created_at: time,
  last_login_at: OrNull(time),
  budget: OrNull(budgetSchema),
});

export const oneUserSchema = success(userSchema);
export const loggedOutSchema = success(Type.Null());
export const usersSchema = success(
  Type.Object({ users: Type.Array(userSchema), total: Type.Integer(), has_more: Type.Boolean() }),
);
export const removedUserSchema = success(Type.Object({ id: Type.Integer() }));

export const usersQuerySchema = Type.Object({
  ...pageQuery,
  role: Type.Optional(role),
  status: Type.Optional(status),
  search: Type.Optional(
    Type.String({ maxLength: 200, description: 'Part of an e-mail address, user name or full name.' }),
  ),
});
export type UsersQuery = Static<typeof usersQuerySchema>;

export const userParamsSchema = Type.Object({
  user_id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export type UserParams = Static<typeof userParamsSchema>;

export const newUserSchema = Type.Object(
  { email, full_name: Type.Optional(fullName), role: Type.Optional(role), password: newPassword },
  {
    examples: [{ email: 'agent@example.com', full_name: '客服小王', role: 'agent', password: 'password123' }],
  },
);
export type NewUserBody = Static<typeof newUserSchema>;

export const userChangesSchema = Type.Object(
  {
    email: Type.Optional(email),
    full_name: Type.Optional(fullName),
    role: Type.Optional(role),
    status: Type.Optional(status),
    password: Type.Optional(newPassword),
    budget: Type.Optional(OrNull(budgetSchema)),
  },
  { examples: [{ full_name: '客服小王', role: 'agent', status: 'active' }] },
);
export type UserChangesBody = Static<typeof userChangesSchema>;
