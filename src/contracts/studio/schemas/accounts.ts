import Type, { type Static } from 'typebox';
import { OrNull, success, time } from './envelope.ts';

/** The wire shapes of accounts and logins. */

const optionalText = (description: string) => Type.Optional(OrNull(Type.String({ description })));

export const registrationSchema = Type.Object(
  {
    username: Type.String({ description: '3 to 64 characters.' }),
    email: Type.String(),
    password: Type.String({ description: '8 to 256 characters.' }),
    nickname: optionalText('Up to 100 characters.'),
    phone: optionalText('5 to 32 digits, spaces, `+`, `-` and brackets.'),
  },
  {
    examples: [
      {
        username: 'example_user',
        email: 'user@example.com',
        password: 'correct horse battery',
        nickname: 'Example',
      },
    ],
  },
);
export type RegistrationBody = Static<typeof registrationSchema>;

export const loginSchema = Type.Object(
  {
    username: Type.String({
      maxLength: 320,
      pattern: '\\S',
      description: 'User name or e-mail address, in any case.',
    }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  { examples: [{ username: 'example_user', password: 'correct horse battery' }] },
);
export type LoginBody = Static<typeof loginSchema>;

export const refreshSchema = Type.Object(
  { refresh_token: Type.String({ minLength: 1, maxLength: 1024, description: 'That of the login.' }) },
  { examples: [{ refresh_token: 'X1EjyqrCcA9NeD-aajOXqBs_qly1cV8Agn0XW46FLyc' }] },
);
export type RefreshBody = Static<typeof refreshSchema>;

const user = {
  user_id: Type.Integer(),
  username: Type.String(),
  email: Type.String(),
  nickname: OrNull(Type.String()),
  avatar_url: OrNull(Type.String()),
  phone: OrNull(Type.String()),
  status: Type.Enum([1, 0], { description: '1 of an active account, 0 of a disabled one.' }),
};

export const accountSchema = success(Type.Object({ ...user, created_at: time }));

export const ownAccountSchema = success(
  Type.Object({ ...user, created_at: time, last_login_at: OrNull(time) }),
);

const access = {
  access_token: Type.String({ description: 'A JWT, to be sent as `Authorization: Bearer <token>`.' }),
  expires_in: Type.Integer({ description: 'Seconds that the access token lives.' }),
};

export const tokensSchema = success(
  Type.Object({
    ...access,
    refresh_token: Type.String({ description: 'Good for 30 days, as long as the login stands.' }),
    user: Type.Object(user),
  }),
);

export const accessSchema = success(Type.Object(access));
