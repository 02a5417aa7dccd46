import Type, { type Static } from 'typebox';
import { OrNull, pageQuery, success, time } from './envelope.ts';

/** The wire shapes of the knowledge base. */

const fields = {
  title: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
  content: Type.String({ minLength: 1, maxLength: 200_000, pattern: '\\S', description: 'Markdown.' }),
  language: OrNull(
    Type.String({
      maxLength: 35,
      pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$',
      description: 'A language tag such as `en` or `zh-CN`.',
    }),
  ),
  tags: Type.Array(Type.String({ minLength: 1, maxLength: 50, pattern: '\\S' }), {
    maxItems: 20,
    uniqueItems: true,
  }),
};

export const newArticleSchema = Type.Object(
  {
    title: fields.title,
    content: fields.content,
    language: Type.Optional(fields.language),
    tags: Type.Optional(fields.tags),
  },
  { examples: [{ title: 'Returns', content: 'Goods can be returned within 30 days.', language: 'en' }] },
);
export type NewArticleBody = Static<typeof newArticleSchema>;

export const articleChangesSchema = Type.Object(
  {
    title: Type.Optional(fields.title),
    content: Type.Optional(fields.content),
    language: Type.Optional(fields.language),
    tags: Type.Optional(fields.tags),
    revision: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'The revision that was read: 409 where the article has changed since.',
      }),
    ),
  },
  { examples: [{ content: 'Goods can be returned within 60 days.', revision: 1 }] },
);
export type ArticleChangesBody = Static<typeof articleChangesSchema>;

export const articleParamsSchema = Type.Object({
  id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
});
export type ArticleParams = Static<typeof articleParamsSchema>;

const summary = {
  id: Type.Integer(),
  name: OrNull(Type.String({ description: 'The file from which it was imported.' })),
  title: Type.String(),
  language: OrNull(Type.String()),
  tags: Type.Array(Type.String()),
  characters: Type.Integer({ description: 'Length of the content.' }),
  revision: Type.Integer({ description: 'Changes with the article.' }),
  created_by: Type.Integer({ description: 'The account that made it.' }),
  created_at: time,
  updated_at: time,
};

export const articleSchema = success(Type.Object({ ...summary, content: Type.String() }));
export const articlesSchema = success(
  Type.Object({
    articles: Type.Array(Type.Object(summary), { description: 'Newest change first, without content.' }),
    total: Type.Integer(),
    has_more: Type.Boolean(),
  }),
);
export const removedArticleSchema = success(Type.Object({ id: Type.Integer() }));

export const articlesQuerySchema = Type.Object({
  ...pageQuery,
  search: Type.Optional(
    Type.String({ maxLength: 200, description: 'Part of a title, file name or tag, in any case.' }),
  ),
});
export type ArticlesQuery = Static<typeof articlesQuerySchema>;

export const importSchema = Type.Object(
  {
    documents: Type.Array(
      Type.Object({
        name: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S', description: 'The file’s name.' }),
        content: Type.String({ description: 'Markdown.' }),
      }),
      { minItems: 1, maxItems: 500 },
    ),
  },
  { examples: [{ documents: [{ name: 'returns.md', content: '# Returns\n\nWithin 30 days.' }] }] },
);
export type ImportBody = Static<typeof importSchema>;

export const importedSchema = success(
  Type.Object({
    created: Type.Integer(),
    updated: Type.Integer(),
    failed: Type.Array(Type.Object({ name: Type.String(), issue: Type.String() })),
  }),
);

export const passagesQuerySchema = Type.Object({
  q: Type.String({ minLength: 1, maxLength: 2_000, pattern: '\\S' }),
  limit: Type.Integer({ minimum: 1, maximum: 50, default: 10 }),
});
export type PassagesQuery = Static<typeof passagesQuerySchema>;

export const passagesSchema = success(
  Type.Object({
    passages: Type.Array(
      Type.Object({
        article_id: OrNull(Type.Integer({ description: 'Null where the passage is of a file.' })),
        file: OrNull(Type.String()),
        title: Type.String(),
        section: OrNull(Type.String()),
        text: Type.String({ description: 'Markdown.' }),
        score: Type.Number({ description: '0 to 1.' }),
        coverage: Type.Number({ description: '0 to 1: how much of what is asked the passage has.' }),
      }),
      { description: 'Best first.' },
    ),
  }),
);
