import Type from 'typebox';

type Schema = Parameters<typeof Type.Union>[0][number];

/** What all bodies of helpdesk.md are made of. */

export const success = <T extends Schema>(data: T) => Type.Object({ success: Type.Literal(true), data });

export const OrNull = <T extends Schema>(schema: T) => Type.Union([schema, Type.Null()]);

export const time = Type.String({ format: 'date-time' });

/** helpdesk.md, "错误响应格式". */
export const errorSchema = Type.Object(
  {
    success: Type.Literal(false),
    error: Type.Object({
      code: Type.String(),
      message: Type.String({ description: 'In Chinese, unless `Accept-Language` prefers English.' }),
      details: OrNull(Type.Record(Type.String(), Type.Unknown())),
    }),
  },
  {
    examples: [
      {
        success: false,
        error: {
          code: 'VALIDATION_ERROR',
          message: '请求参数验证失败',
          details: { field: 'email', issue: '邮箱格式不正确' },
        },
      },
    ],
  },
);

/** The answers of a route that does not go as wanted. */
export const refusals = { '4xx': errorSchema, '5xx': errorSchema };

/** What every write takes. */
export const repeatableSchema = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      description:
        'A name for this write, of 1 to 255 visible ASCII characters: sent again under it within a day, it is not done again.',
    }),
  ),
});

/** Pages of administrators' lists. */
export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
  offset: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
};

/** A token counts where there is one, and none is needed. */
export const withOrWithoutLogin: Record<string, string[]>[] = [{ bearer: [] }, {}];
