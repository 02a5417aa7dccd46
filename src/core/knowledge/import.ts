import type { Articles, ArticleChanges, NewArticle } from '../../storage/articles.ts';
import type { Issue } from '../issue.ts';
import { articleOf, type ImportedFile } from './imported.ts';

/** What became of the files of an import. */
export interface ImportReport {
  created: number;
  updated: number;
  failed: { name: string; issue: Issue }[];
}

export interface ImportPlan extends Pick<ArticleChanges, 'create' | 'update'> {
  report: ImportReport;
  /** By how many characters the knowledge base grows. */
  growth: number;
}

/** What is to be stored so that the files are articles. Of files of the same name the first counts; the others fail. */
export async function planImport(
  rows: Pick<Articles, 'named' | 'nextId'>,
  createdBy: number,
  files: readonly ImportedFile[],
  contentMost: number,
): Promise<ImportPlan> {
  const earlier = new Map((await rows.named(files.map(({ name }) => name))).map((one) => [one.name, one]));
  const seen = new Set<string>();
  const create: NewArticle[] = [];
  const update: ImportPlan['update'][number][] = [];
  const failed: ImportReport['failed'] = [];
  let growth = 0;
  for (const file of files) {
    const { name } = file;
    const fields = articleOf(file);
    const issue = seen.has(name) ? ({ kind: 'repeated' } as const) : issueOf(fields.content, contentMost);
    seen.add(name);
    if (issue !== null) {
      failed.push({ name, issue });
      continue;
    }
    const replaced = earlier.get(name);
    growth += fields.content.length - (replaced?.characters ?? 0);
    if (replaced === undefined) create.push({ ...fields, id: await rows.nextId(), name, createdBy });
    else update.push({ ...fields, id: replaced.id });
  }
  return { create, update, growth, report: { created: create.length, updated: update.length, failed } };
}

function issueOf(content: string, max: number): Issue | null {
  if (content.trim() === '') return { kind: 'empty' };
  return content.length > max ? { kind: 'length', max } : null;
}
