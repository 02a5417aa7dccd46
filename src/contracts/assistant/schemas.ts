import Type, { type Static } from 'typebox';

/** The wire shapes of assistant.md. */

export const loginRequestSchema = Type.Object(
  {
    username: Type.String({
      minLength: 1,
      maxLength: 320,
      pattern: '\\S',
      description: 'User name or e-mail address, in any case.',
    }),
    password: Type.String({ minLength: 1, maxLength: 1024 }),
  },
  { examples: [{ username: 'mina', password: 'correct horse battery' }] },
);
export type LoginRequest = Static<typeof loginRequestSchema>;

export const tokenSchema = Type.Object({
  access_token: Type.String({ description: 'A JWT, to be sent as `Authorization: Bearer <token>`.' }),
  token_type: Type.Literal('bearer'),
});

export const registerRequestSchema = Type.Object(
  {
    username: Type.String({ minLength: 3, maxLength: 64, pattern: '\\S' }),
    email: Type.String({ minLength: 1, maxLength: 254, pattern: '\\S' }),
    password: Type.String({ minLength: 8, maxLength: 256 }),
  },
  { examples: [{ username: 'mina', email: 'mina@example.com', password: 'correct horse battery' }] },
);
export type RegisterRequest = Static<typeof registerRequestSchema>;

export const accountSchema = Type.Object({
  id: Type.Integer(),
  username: Type.String(),
  email: Type.String(),
  role: Type.Enum(['user', 'agent', 'admin']),
  status: Type.Enum(['active', 'disabled']),
});

export const errorSchema = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'A business error code, such as `AUTH001`.' }),
    message: Type.String(),
    details: Type.String({ description: 'The field at fault; empty where there is none.' }),
  }),
});
