import Type, { type Static } from 'typebox';

/** The wire shapes of companion.md. */

export const loginRequestSchema = Type.Object(
  {
    username: Type.String({
      minLength: 1,
      maxLength: 320,
      pattern: '\\S',
      description: 'User name or e-mail address, in any case, of an account made through any contract.',
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

export const loggedOutSchema = Type.Object({ message: Type.String() });

export const errorSchema = Type.Object({ detail: Type.String() });
