import Type from 'typebox';

type Schema = Parameters<typeof Type.Union>[0][number];

/** What all bodies of studio.md are made of. */

export const OrNull = <T extends Schema>(schema: T) => Type.Union([schema, Type.Null()]);

export const time = Type.String({ format: 'date-time' });

export const success = <T extends Schema>(data: T) =>
  Type.Object({
    code: Type.Literal(200, { description: 'The HTTP status.' }),
    message: Type.String({ description: 'In Chinese, unless `Accept-Language` prefers English.' }),
    data,
  });

/** The answer where there is nothing to say but that it went as wanted. */
export const done = success(Type.Null());

const errorSchema = Type.Object(
  {
    code: Type.Integer({ description: 'The HTTP status.' }),
    message: Type.String({
      description:
        'In Chinese, unless `Accept-Language` prefers English; names the field where one is at fault.',
    }),
    data: Type.Null(),
  },
  { examples: [{ code: 400, message: 'limit 必须是整数，且在 1 到 100 之间', data: null }] },
);

/** The answers of a route that does not go as wanted. */
export const refusals = { '4xx': errorSchema, '5xx': errorSchema };

export const pagination = Type.Object({
  current_page: Type.Integer(),
  per_page: Type.Integer(),
  total: Type.Integer(),
  total_pages: Type.Integer(),
});

/** What every write takes. */
const repeatableSchema = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        'A name for this write, of 1 to 255 visible ASCII characters: sent again under it within a day, it is not done again.',
    }),
  ),
});

/** A route for people who are logged in. */
export const documented = { tags: ['studio'], security: [{ bearer: [] }] };

/** The same that changes something. */
export const repeatable = { ...documented, headers: repeatableSchema };

/** A route for those who have no token yet. */
export const open = { tags: ['studio'], security: [] };

/** The same that changes something. */
export const openRepeatable = { ...open, headers: repeatableSchema };

/** A route for API keys, too. */
export const forKeys: { tags: string[]; security: Record<string, string[]>[] } = {
  tags: ['studio'],
  security: [{ bearer: [] }, { apiKey: [] }],
};
