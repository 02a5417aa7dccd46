import type { Article, Articles } from '../../storage/articles.ts';
import { oneAtATime } from '../one-at-a-time.ts';
import type { Knowledge } from './knowledge.ts';

/** Keeps the knowledge base as the articles of the store are. */
export interface ArticleFeed {
  /** Takes in what was changed since the last call, by other processes too. Resolves when it is found. */
  refresh(): Promise<void>;
  /** Takes in these articles, which this process has stored. */
  take(articles: readonly Pick<Article, 'id' | 'title' | 'content' | 'revision'>[]): Promise<void>;
  /** Forgets an article that this process has removed, at once. */
  drop(id: number): Promise<void>;
  /** Takes in nothing more: the store is about to be closed. */
  close(): void;
}

type Rows = Pick<Articles, 'revision' | 'changedSince' | 'ids'>;

/** Articles read at once. */
const page = 50;

export function createArticleFeed(parts: { rows: Rows; knowledge: Knowledge }): ArticleFeed {
  const { rows, knowledge } = parts;
  /** Revisions of what is taken in. */
  const known = new Map<number, number>();
  const removed = new Set<number>();
  let seen = 0;
  let closed = false;

  const take: ArticleFeed['take'] = async (articles) => {
    for (const { id, title, content, revision } of articles) {
      if (closed) return;
      // What was read a moment ago may be older than what was stored since.
      if (removed.has(id) || (known.get(id) ?? 0) >= revision) continue;
      known.set(id, revision);
      await knowledge.put({ name: nameOf(id), text: content, article: { id, title } });
    }
  };
  const drop: ArticleFeed['drop'] = (id) => {
    // Ids are never given twice.
    removed.add(id);
    known.delete(id);
    return knowledge.remove(nameOf(id));
  };
  const refresh = async () => {
    const newest = closed ? seen : await rows.revision();
    if (newest === seen) return;
    for (let after = seen; ;) {
      if (closed) return;
      const changed = await rows.changedSince(after, page);
      await take(changed);
      if (changed.length < page) break;
      after = changed.at(-1)?.revision ?? after;
    }
    if (closed) return;
    const before = [...known.keys()];
    const left = new Set(await rows.ids());
    for (const id of before) if (!left.has(id)) await drop(id);
    seen = newest;
  };
  return {
    take,
    drop,
    close: () => void (closed = true),
    // What runs may have looked before the change for which it is called.
    refresh: oneAtATime(refresh),
  };
}

/** No file of the knowledge base is called so: their names end in `.md`. */
function nameOf(id: number): string {
  return `article/${id}`;
}
