import type {
  Article,
  ArticleChanges,
  ArticleFields,
  Articles as ArticleRows,
  ArticleSummary,
  NewArticle,
} from '../../storage/articles.ts';
import type { NewAuditEntry } from '../../storage/audit-log.ts';
import type { Claim } from '../../storage/idempotency-keys.ts';
import { auditEntry } from '../audit.ts';
import { conflict, ParleyError } from '../errors.ts';
import type { Idempotency, IdempotentWrites } from '../idempotency.ts';
import type { UserCaller } from '../identity/caller.ts';
import type { Runtime } from '../runtime.ts';
import { storageFailureOf } from '../storage-failure.ts';
import type { ArticleFeed } from './article-feed.ts';
import { planImport, type ImportReport } from './import.ts';
import type { ImportedFile } from './imported.ts';
import type { Found, Knowledge } from './knowledge.ts';

export type { Article, ArticleFields, ArticleSummary } from '../../storage/articles.ts';

/** Characters of one article's content. */
export const contentMost = 200_000;
/** All articles together: they are searched in memory, about 16 bytes for each character. */
export const articlesMost = 20_000;
export const charactersMost = 20_000_000;

/**
 * Articles of the knowledge base. The door lets administrators write and agents read. What is written is found in this process when
 * the promise resolves, and on other nodes soon after. Texts are as the caller has checked them.
 */
export interface Articles {
  /** Throws `quota_exceeded` where there are as many as there may be, or as much. */
  create(caller: UserCaller, fields: ArticleFields, idempotency?: Idempotency): Promise<Article>;
  /** Throws `not_found`. */
  get(id: number): Promise<Article>;
  /** Newest change first; `search`: only those whose title, file name or tags contain it. */
  list(
    search: string,
    page: { skip: number; limit: number },
  ): Promise<{ articles: ArticleSummary[]; total: number }>;
  /** What is left out stays. Throws `not_found`, `conflict` where the article is not at `revision`, `quota_exceeded`. */
  update(
    caller: UserCaller,
    id: number,
    changes: Partial<ArticleFields> & { revision?: number | undefined },
    idempotency?: Idempotency,
  ): Promise<Article>;
  /** Throws `not_found`. */
  remove(caller: UserCaller, id: number, idempotency?: Idempotency): Promise<void>;
  /**
   * Makes an article of each file, or replaces the one that was made of a file of that name. What cannot become an article is
   * reported; all others are stored together, or none where the store fails. Throws `quota_exceeded`, `conflict` where others import too.
   */
  import(
    caller: UserCaller,
    files: readonly ImportedFile[],
    idempotency?: Idempotency,
  ): Promise<ImportReport>;
  /** The passages that fit best, of files too, best first. */
  search(query: string, limit: number): Found[];
}

export interface ArticlesParts {
  rows: ArticleRows;
  feed: ArticleFeed;
  knowledge: Pick<Knowledge, 'search'>;
  idempotency: IdempotentWrites;
  runtime: Pick<Runtime, 'now'>;
  /** To be told when articles were changed here. */
  onChanged?: (() => void) | undefined;
}

/** Attempts at an import while others change the same articles. */
const attempts = 3;

export function createArticles(parts: ArticlesParts): Articles {
  const { rows, knowledge } = parts;
  return {
    create: (caller, fields, idempotency) => create(parts, caller, fields, idempotency),
    get: (id) => get(parts, id),
    async list(search, page) {
      const [articles, total] = await Promise.all([rows.list(search, page), rows.count(search)]);
      return { articles, total };
    },
    update: (caller, id, changes, idempotency) => update(parts, caller, id, changes, idempotency),
    remove: (caller, id, idempotency) => remove(parts, caller, id, idempotency),
    import: (caller, files, idempotency) => importFiles(parts, caller, files, idempotency),
    search: (query, limit) => knowledge.search(query, limit),
  };
}

async function get({ rows }: ArticlesParts, id: number): Promise<Article> {
  const article = await rows.find(id);
  if (article === undefined) throw noSuchArticle();
  return article;
}

async function create(
  parts: ArticlesParts,
  caller: UserCaller,
  fields: ArticleFields,
  idempotency: Idempotency | undefined,
): Promise<Article> {
  const { rows } = parts;
  const made = { id: 0 };
  const read = (id: number) => taken(parts, id);
  return parts.idempotency.once(
    ownerOf(caller),
    idempotency,
    made,
    async (claim) => {
      await refuseOverSize(parts, 1, fields.content.length);
      made.id = await rows.nextId();
      const at = parts.runtime.now();
      const audit = [entryOf(caller, at, 'create', made.id, { title: fields.title })];
      const article: NewArticle = { ...fields, id: made.id, name: null, createdBy: caller.userId };
      await rows.change({ create: [article], update: [], at, audit }, claim);
      parts.onChanged?.();
      return read(made.id);
    },
    (earlier) => read((earlier as typeof made).id),
  );
}

function update(
  parts: ArticlesParts,
  caller: UserCaller,
  id: number,
  { revision, ...changes }: Parameters<Articles['update']>[2],
  idempotency: Idempotency | undefined,
): Promise<Article> {
  const { rows } = parts;
  return parts.idempotency.once(
    ownerOf(caller),
    idempotency,
    null,
    async (claim) => {
      const before = await get(parts, id);
      if (revision !== undefined && revision !== before.revision) throw changedMeanwhile();
      const fields = { ...fieldsOf(before), ...changes };
      await refuseOverSize(parts, 0, fields.content.length - before.characters);
      const at = parts.runtime.now();
      const audit = [
        entryOf(caller, at, 'update', id, { title: fields.title, changed: Object.keys(changes) }),
      ];
      // What is left out must not overwrite what somebody else has just put there.
      const change = { create: [], update: [{ ...fields, id, revision: before.revision }], at, audit };
      if (!(await rows.change(change, claim))) throw changedMeanwhile();
      parts.onChanged?.();
      return taken(parts, id);
    },
    () => get(parts, id),
  );
}

function remove(
  parts: ArticlesParts,
  caller: UserCaller,
  id: number,
  idempotency: Idempotency | undefined,
): Promise<void> {
  return parts.idempotency.once(
    ownerOf(caller),
    idempotency,
    null,
    async (claim) => {
      const { title } = await get(parts, id);
      const at = parts.runtime.now();
      const entry = entryOf(caller, at, 'delete', id, { title });
      if (!(await parts.rows.remove(id, at, claim, entry))) throw noSuchArticle();
      parts.onChanged?.();
      await parts.feed.drop(id);
    },
    () => Promise.resolve(),
  );
}

async function importFiles(
  parts: ArticlesParts,
  caller: UserCaller,
  files: readonly ImportedFile[],
  idempotency: Idempotency | undefined,
): Promise<ImportReport> {
  const report: ImportReport = { created: 0, updated: 0, failed: [] };
  const write = async (claim: Claim | undefined) => {
    for (let attempt = 1; attempt <= attempts; attempt++) {
      const plan = await planImport(parts.rows, caller.userId, files, contentMost);
      Object.assign(report, plan.report);
      await refuseOverSize(parts, plan.create.length, plan.growth);
      const at = parts.runtime.now();
      const names = files.slice(0, 20).map(({ name }) => name);
      const { created, updated, failed } = report;
      const details = { created, updated, failed: failed.length, names };
      const audit = [auditEntry(caller, at, 'article.import', { type: 'article', id: null }, details)];
      if (await stored(parts, { ...plan, at, audit }, claim)) {
        parts.onChanged?.();
        await parts.feed.refresh();
        return report;
      }
    }
    throw changedMeanwhile();
  };
  return parts.idempotency.once(ownerOf(caller), idempotency, report, write, (earlier) =>
    Promise.resolve(earlier as ImportReport),
  );
}

/** False where somebody else has just made or removed an article of one of the names. */
async function stored({ rows }: ArticlesParts, changes: ArticleChanges, claim: Claim | undefined) {
  try {
    return await rows.change(changes, claim);
  } catch (thrown) {
    if (storageFailureOf(thrown)?.constraint?.includes('articles.name') === true) return false;
    throw thrown;
  }
}

/** The article as it is stored, once it is found. */
async function taken(parts: ArticlesParts, id: number): Promise<Article> {
  const article = await get(parts, id);
  await parts.feed.take([article]);
  return article;
}

async function refuseOverSize({ rows }: ArticlesParts, more: number, growth: number): Promise<void> {
  if (more <= 0 && growth <= 0) return;
  const { articles, characters } = await rows.size();
  const isRoom = articles + more <= articlesMost && characters + growth <= charactersMost;
  if (isRoom) return;
  const most = `${articlesMost.toLocaleString('en-GB')} articles with ${charactersMost.toLocaleString('en-GB')} characters`;
  throw new ParleyError(
    'quota_exceeded',
    `The knowledge base is full: it holds ${most} at most. Delete some first.`,
  );
}

function fieldsOf({ title, language, tags, content }: Article): ArticleFields {
  return { title, language, tags, content };
}

function entryOf(
  caller: UserCaller,
  at: number,
  verb: string,
  id: number,
  details: Record<string, unknown>,
): NewAuditEntry {
  return auditEntry(caller, at, `article.${verb}`, { type: 'article', id }, details);
}

function ownerOf({ userId }: UserCaller): string {
  return `user:${userId}`;
}

function noSuchArticle(): ParleyError {
  return new ParleyError('not_found', 'There is no such article, or it was deleted.');
}

function changedMeanwhile(): ParleyError {
  return conflict({ kind: 'changed_meanwhile' });
}
