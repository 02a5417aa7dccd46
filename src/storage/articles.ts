import { sql } from 'kysely';
import { compileAudit } from './audit-log.ts';
import type { NewAuditEntry } from './audit-log.ts';
import type { Database, SqlValue, Statement } from './database.ts';
import { compileQuery, compileStatement, textsOf, withValues } from './dialect.ts';
import type { Queries } from './dialect.ts';
import { compileClaim } from './idempotency-keys.ts';
import type { Claim } from './idempotency-keys.ts';
import type { Ids } from './ids.ts';
import { accepted } from './storage-error.ts';

/** What can be changed of an article. */
export interface ArticleFields {
  title: string;
  /** A language tag such as `en` or `zh-CN`. */
  language: string | null;
  tags: string[];
  /** Markdown. */
  content: string;
}

/** An article of the knowledge base without its content. Times are milliseconds since the epoch. */
export interface ArticleSummary extends Omit<ArticleFields, 'content'> {
  id: number;
  /** Of the file from which it was imported; unique. */
  name: string | null;
  createdBy: number;
  createdAt: number;
  updatedAt: number;
  /** That of the whole knowledge base when the article last changed: grows with each change, and is never the same twice. */
  revision: number;
  /** Length of the content. */
  characters: number;
}

export interface Article extends ArticleSummary {
  content: string;
}

/** An article as it is made. `id` comes from `Articles.nextId`. */
export interface NewArticle extends ArticleFields {
  id: number;
  name: string | null;
  createdBy: number;
}

/** What one unit does to articles. */
export interface ArticleChanges {
  create: readonly NewArticle[];
  /** `revision`: only if the article is still at it. */
  update: readonly (ArticleFields & { id: number; revision?: number | undefined })[];
  at: number;
  audit: readonly NewAuditEntry[];
}

/** Articles of the knowledge base. A taken name is a `conflict` with `articles.name` as its `constraint`. */
export interface Articles {
  /** An id that no other article has or had. */
  nextId(): Promise<number>;
  find(id: number): Promise<Article | undefined>;
  /** Those of these names. */
  named(names: readonly string[]): Promise<ArticleSummary[]>;
  /** Newest change first; `search`: only those whose title, name or tags contain it, without regard to case. */
  list(search: string, page: { skip: number; limit: number }): Promise<ArticleSummary[]>;
  count(search: string): Promise<number>;
  /** How many there are, and the length of their contents together. */
  size(): Promise<{ articles: number; characters: number }>;
  /** One unit with the claim and the audit entries. False, and nothing stored, where an article to update is gone or at another revision. */
  change(changes: ArticleChanges, claim?: Claim): Promise<boolean>;
  /** The same; false where there is no such article. */
  remove(id: number, at: number, claim?: Claim, audit?: NewAuditEntry): Promise<boolean>;
  /** Changes with every change of any article, also by other processes. */
  revision(): Promise<number>;
  /** What has changed since that revision, in the order of the changes. */
  changedSince(revision: number, limit: number): Promise<Article[]>;
  /** Of all, in no order. */
  ids(): Promise<number[]>;
}

const columns = [
  'id',
  'name',
  'title',
  'language',
  'tags',
  'created_by as createdBy',
  'created_at as createdAt',
  'updated_at as updatedAt',
  'revision',
  'characters',
] as const;

/** Articles kept in `database`. */
export function createArticles(database: Database, queries: Queries, ids: Ids): Articles {
  const claiming = compileClaim(queries);
  const auditing = compileAudit(queries);
  const reads = compileReads(queries);
  const { raise, insert, changing, changingAt, erase } = compileWrites(queries);

  const updating = ({ id, revision, ...fields }: ArticleChanges['update'][number], at: number): Statement => {
    const values = [...valuesOf(fields), at, fields.content, id];
    return revision === undefined
      ? withValues(changing, values)
      : withValues(changingAt, [...values, revision]);
  };
  return {
    nextId: () => ids.nextArticle(),
    async find(id) {
      const [row] = await database.read(withValues(reads.byId, [id]));
      return row && withTags(row);
    },
    named: async (names) =>
      (await database.read(withValues(reads.named, [JSON.stringify(names)]))).map(withTags),
    list: async (search, { skip, limit }) =>
      (await database.read(withValues(reads.page, [keyOf(search), keyOf(search), limit, skip]))).map(
        withTags,
      ),
    count: async (search) =>
      (await database.read(withValues(reads.counted, [keyOf(search), keyOf(search)])))[0]?.count ?? 0,
    size: async () => (await database.read(reads.size))[0] ?? { articles: 0, characters: 0 },
    change: ({ create, update, at, audit }, claim) =>
      accepted(
        database.write([
          ...claiming(claim, at),
          // Each article gets a revision of its own, so that a page of changes can end anywhere.
          ...create.flatMap(({ id, name, createdBy, ...fields }) => [
            raise,
            withValues(insert, [id, name, createdBy, at, ...valuesOf(fields), at, fields.content]),
          ]),
          ...update.flatMap((one) => [raise, updating(one, at)]),
          ...audit.flatMap((entry) => auditing(entry)),
        ]),
      ),
    remove: (id, at, claim, audit) =>
      accepted(database.write([...claiming(claim, at), raise, withValues(erase, [id]), ...auditing(audit)])),
    revision: async () => (await database.read(reads.revision))[0]?.revision ?? 0,
    changedSince: async (revision, limit) =>
      (await database.read(withValues(reads.since, [revision, limit]))).map(withTags),
    ids: async () => (await database.read(reads.ids)).map(({ id }) => id),
  };
}

function compileReads(queries: Queries) {
  const articles = queries.selectFrom('articles');
  const summaries = articles.select(columns);
  const whole = summaries.select('content');
  const contains = sql<boolean>`(instr(search_text, ${''}) > 0 or instr(lower(name), ${''}) > 0)`;
  return {
    byId: compileQuery(whole.where('id', '=', 0)),
    named: compileQuery(summaries.where('name', 'in', textsOf(queries))),
    page: compileQuery(
      summaries.where(contains).orderBy('updated_at', 'desc').orderBy('id', 'desc').limit(0).offset(0),
    ),
    counted: compileQuery(articles.select(({ fn }) => fn.countAll<number>().as('count')).where(contains)),
    size: compileQuery(
      articles
        .select(({ fn }) => fn.countAll<number>().as('articles'))
        .select(sql<number>`coalesce(sum(characters), 0)`.as('characters')),
    ),
    revision: compileQuery(queries.selectFrom('articles_revision').select('revision')),
    since: compileQuery(whole.where('revision', '>', 0).orderBy('revision').limit(0)),
    ids: compileQuery(articles.select('id')),
  };
}

function compileWrites(queries: Queries) {
  const current = sql<number>`(select revision from articles_revision)`;
  const fields = { title: '', language: '', tags: '', characters: 0, search_text: '' };
  const change = queries
    .updateTable('articles')
    .set({ ...fields, revision: current, updated_at: 0, content: '' })
    .where('id', '=', 0);
  return {
    insert: compileStatement(
      queries.insertInto('articles').values({
        id: 0,
        name: '',
        created_by: 0,
        created_at: 0,
        ...fields,
        revision: current,
        updated_at: 0,
        content: '',
      }),
    ),
    changing: compileStatement(change, 1),
    changingAt: compileStatement(change.where('revision', '=', 0), 1),
    erase: compileStatement(queries.deleteFrom('articles').where('id', '=', 0), 1),
    raise: compileStatement(queries.updateTable('articles_revision').set({ revision: sql`revision + 1` })),
  };
}

/** Title, language, tags, characters, search_text. */
function valuesOf({ title, language, tags, content }: ArticleFields): SqlValue[] {
  return [title, language, JSON.stringify(tags), content.length, keyOf([title, ...tags].join('\n'))];
}

function withTags<Row extends { tags: string }>(row: Row): Omit<Row, 'tags'> & { tags: string[] } {
  return { ...row, tags: JSON.parse(row.tags) as string[] };
}

/** Two spellings that people take for the same have the same key. */
function keyOf(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}
