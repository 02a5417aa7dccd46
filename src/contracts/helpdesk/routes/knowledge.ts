import type { FastifyInstance } from 'fastify';
import { inEnglish } from '../../../core/issue.ts';
import { prefersEnglish } from '../../../http/accept-language.ts';
import { inChinese } from '../../../http/chinese-issues.ts';
import { idempotencyOf } from '../../../http/idempotency.ts';
import { requireUser } from '../../../http/user-access.ts';
import type { HelpdeskOptions } from '../options.ts';
import { presentArticle, presentArticleSummary, presentPassage } from '../present-knowledge.ts';
import { refusals, repeatableSchema } from '../schemas/envelope.ts';
import {
  articleChangesSchema,
  articleParamsSchema,
  articleSchema,
  articlesQuerySchema,
  articlesSchema,
  importedSchema,
  importSchema,
  newArticleSchema,
  passagesQuerySchema,
  passagesSchema,
  removedArticleSchema,
  type ArticleChangesBody,
  type ArticleParams,
  type ArticlesQuery,
  type ImportBody,
  type NewArticleBody,
  type PassagesQuery,
} from '../schemas/knowledge.ts';

const path = '/api/v1/admin/knowledge';
const articlePath = `${path}/:id`;
const about = { tags: ['helpdesk'], security: [{ bearer: [] }] };
const repeatable = { ...about, headers: repeatableSchema };

/** An article of the greatest length is larger than other bodies may be, each character written as an escape. */
const articleBytes = 2 * 2 ** 20;
const importBytes = 16 * 2 ** 20;

/** The knowledge base, for agents and administrators. */
export function registerKnowledgeReads(app: FastifyInstance, { core }: HelpdeskOptions): void {
  const { articles } = core;
  app.get<{ Querystring: ArticlesQuery }>(
    path,
    {
      schema: {
        ...about,
        summary: 'The articles of the knowledge base',
        querystring: articlesQuerySchema,
        response: { 200: articlesSchema, ...refusals },
      },
    },
    async ({ query: { search = '', limit, offset } }) => {
      const found = await articles.list(search, { skip: offset, limit });
      const has_more = offset + found.articles.length < found.total;
      const shown = found.articles.map(presentArticleSummary);
      return { success: true, data: { articles: shown, total: found.total, has_more } };
    },
  );

  app.get<{ Querystring: PassagesQuery }>(
    `${path}/search`,
    {
      schema: {
        ...about,
        summary: 'The passages that fit a question best',
        description: 'Of articles and of the files of the knowledge folders: what answers are made of.',
        querystring: passagesQuerySchema,
        response: { 200: passagesSchema, ...refusals },
      },
    },
    ({ query: { q, limit } }) => ({
      success: true,
      data: { passages: articles.search(q, limit).map(presentPassage) },
    }),
  );

  app.get<{ Params: ArticleParams }>(
    articlePath,
    {
      schema: {
        ...about,
        summary: 'An article',
        params: articleParamsSchema,
        response: { 200: articleSchema, ...refusals },
      },
    },
    async ({ params }) => ({ success: true, data: presentArticle(await articles.get(params.id)) }),
  );
}

/** Changes of articles, for administrators. */
export function registerKnowledgeWrites(app: FastifyInstance, options: HelpdeskOptions): void {
  registerCreation(app, options);
  registerChanges(app, options);
  registerImport(app, options);
}

function registerCreation(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.post<{ Body: NewArticleBody }>(
    path,
    {
      bodyLimit: articleBytes,
      schema: {
        ...repeatable,
        summary: 'Make an article',
        description: 'It is found from the answer on; by other processes within a second.',
        body: newArticleSchema,
        response: { 201: articleSchema, ...refusals },
      },
    },
    async (request, reply) => {
      const { title, content, language = null, tags = [] } = request.body;
      const fields = { title: title.trim(), content, language, tags };
      const made = await core.articles.create(requireUser(request.caller), fields, idempotencyOf(request));
      reply.code(201);
      return { success: true, data: presentArticle(made) };
    },
  );
}

function registerChanges(app: FastifyInstance, { core }: HelpdeskOptions): void {
  const { articles } = core;
  app.put<{ Params: ArticleParams; Body: ArticleChangesBody }>(
    articlePath,
    {
      bodyLimit: articleBytes,
      schema: {
        ...repeatable,
        summary: 'Change an article',
        description: 'What is left out stays as it is.',
        params: articleParamsSchema,
        body: articleChangesSchema,
        response: { 200: articleSchema, ...refusals },
      },
    },
    async (request) => {
      const { params, body, caller } = request;
      const title = body.title?.trim();
      const changes = { ...body, ...(title !== undefined && { title }) };
      const changed = await articles.update(requireUser(caller), params.id, changes, idempotencyOf(request));
      return { success: true, data: presentArticle(changed) };
    },
  );

  app.delete<{ Params: ArticleParams }>(
    articlePath,
    {
      schema: {
        ...repeatable,
        summary: 'Delete an article',
        description: 'No answer is made of it from then on.',
        params: articleParamsSchema,
        response: { 200: removedArticleSchema, ...refusals },
      },
    },
    async (request) => {
      const { id } = request.params;
      await articles.remove(requireUser(request.caller), id, idempotencyOf(request));
      return { success: true, data: { id } };
    },
  );
}

function registerImport(app: FastifyInstance, { core }: HelpdeskOptions): void {
  app.post<{ Body: ImportBody }>(
    `${path}/import`,
    {
      bodyLimit: importBytes,
      schema: {
        ...repeatable,
        summary: 'Make articles of Markdown files',
        description:
          'A file whose name was imported before replaces its article. A title comes from front matter, else from the first heading, else from the name. Files that cannot become articles are reported; all others are stored together.',
        body: importSchema,
        response: { 200: importedSchema, ...refusals },
      },
    },
    async (request) => {
      const { documents } = request.body;
      const report = await core.articles.import(
        requireUser(request.caller),
        documents,
        idempotencyOf(request),
      );
      const inWords = prefersEnglish(request.headers['accept-language']) ? inEnglish : inChinese;
      const failed = report.failed.map(({ name, issue }) => ({ name, issue: inWords(issue, 'content') }));
      return { success: true, data: { ...report, failed } };
    },
  );
}
