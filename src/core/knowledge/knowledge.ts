import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Citation } from '../../storage/messages.ts';
import { createPassageIndex } from './passage-index.ts';
import type { IndexedPassage, PassageIndex } from './passage-index.ts';
import { splitMarkdown } from './passages.ts';
import type { Passage } from './passages.ts';
import { queryUnits } from './segment.ts';

/** A Markdown document by its name, `setup/docker.md` for example. */
export interface KnowledgeDocument {
  name: string;
  text: string;
  /** Where it is an article of the store and no file. */
  article?: { id: number; title: string };
}

export interface Found {
  passage: Passage;
  place: Omit<Citation, 'number'>;
  /** 0 to 1: `coverage`, lowered for passages that match less well than the best one. */
  score: number;
  /** 0 to 1: the share of the query's informative terms that the passage contains, rare terms counting more. */
  coverage: number;
}

/** A full-text index over Markdown documents. */
export interface Knowledge {
  /** Forgets all files and takes these instead; those that are the same cost nothing. Articles stay. */
  replace(files: readonly KnowledgeDocument[]): void;
  /**
   * Takes the document in place of the one of its name. Resolves when it is found, all of it at once; until then the earlier one is. Other
   * work goes on meanwhile, however long the document.
   */
  put(document: KnowledgeDocument): Promise<void>;
  /** Forgets the document: from the call on nothing of it is found. Resolves when its room is free. */
  remove(name: string): Promise<void>;
  /** The passages that fit best, best first, at most `limit`. */
  search(query: string, limit: number): Found[];
  /** How many informative terms a text has; 0 for "and how?". */
  informativeTerms(text: string): number;
  /** Changes whenever a document does; 16 hexadecimal digits. */
  revision(): string;
}

type Article = KnowledgeDocument['article'];

/** A document that is found. */
interface Held {
  isFile: boolean;
  hash: bigint;
  passages: IndexedPassage<Article>[];
}

interface State {
  index: PassageIndex<Article>;
  held: Map<string, Held>;
  /** The newest `put` or `remove` of a name while it is under way: what an older one has made by then is not wanted. */
  changing: Map<string, object>;
  revision: bigint;
  /** When the work that is under way last let others have their turn. */
  sliceBegan: number;
}

/** Work on the index goes on for so long before others get their turn. */
const sliceMs = 8;

/** An empty, in-memory knowledge base. It does no file access. */
export function createKnowledge(): Knowledge {
  const state: State = {
    index: createPassageIndex(),
    held: new Map(),
    changing: new Map(),
    revision: 0n,
    sliceBegan: performance.now(),
  };
  return {
    replace: (files) => replaceFiles(state, files),
    put: (document) => put(state, document),
    async remove(name) {
      state.changing.delete(name);
      await inSlices(letGo(state, name), ({ remove }, one) => remove(one), state);
    },
    search: (query, limit) =>
      state.index.search(query, limit).map(({ indexed: { passage, document }, score, coverage }) => ({
        passage,
        place: placeOf(passage, document),
        score,
        coverage,
      })),
    informativeTerms: (text) => queryUnits(text).length,
    revision: () => state.revision.toString(16).padStart(16, '0'),
  };
}

function replaceFiles(state: State, files: readonly KnowledgeDocument[]): void {
  const { index, held } = state;
  const wanted = new Map(files.map((file) => [file.name, { file, hash: hashOf(file) }]));
  for (const [name, { isFile, hash }] of held) {
    if (isFile && wanted.get(name)?.hash !== hash) for (const one of letGo(state, name)) index.remove(one);
  }
  for (const { file, hash } of wanted.values()) {
    if (held.has(file.name)) continue;
    const passages = passagesOf(file).map((passage) => index.add(passage, undefined));
    hold(state, file.name, { isFile: true, hash, passages });
  }
}

async function put(state: State, document: KnowledgeDocument): Promise<void> {
  const { index, held, changing } = state;
  const { name, article } = document;
  const hash = hashOf(document);
  const mine = {};
  changing.set(name, mine);
  const passages: IndexedPassage<Article>[] = [];
  if (held.get(name)?.hash !== hash) {
    await inSlices(passagesOf(document), (_, passage) => passages.push(index.add(passage, article)), state);
  }
  if (changing.get(name) !== mine) {
    await inSlices(passages, ({ remove }, one) => remove(one), state);
    return;
  }
  changing.delete(name);
  if (held.get(name)?.hash === hash) return;
  const earlier = letGo(state, name);
  hold(state, name, { isFile: article === undefined, hash, passages });
  await inSlices(earlier, ({ remove }, one) => remove(one), state);
}

/** Shows what the document consists of. */
function hold(state: State, name: string, document: Held): void {
  state.held.set(name, document);
  state.revision ^= document.hash;
  for (const one of document.passages) state.index.show(one);
}

/** Hides what the document consists of, which is to be removed then. */
function letGo(state: State, name: string): IndexedPassage<Article>[] {
  const earlier = state.held.get(name);
  if (earlier === undefined) return [];
  state.held.delete(name);
  state.revision ^= earlier.hash;
  for (const one of earlier.passages) state.index.hide(one);
  return earlier.passages;
}

async function inSlices<T>(
  items: readonly T[],
  work: (index: PassageIndex<Article>, item: T) => void,
  state: State,
): Promise<void> {
  for (const item of items) {
    if (performance.now() - state.sliceBegan > sliceMs) {
      await nextTurn();
      state.sliceBegan = performance.now();
    }
    work(state.index, item);
  }
}

function placeOf({ title: path }: Passage, article: Article): Found['place'] {
  const title = article?.title ?? path.split(' › ', 1)[0] ?? '';
  const section = path.slice(title.length + ' › '.length);
  return { articleId: article?.id ?? null, title, section: section === '' ? null : section };
}

function passagesOf({ name, text, article }: KnowledgeDocument): Passage[] {
  return splitMarkdown(name, text, article?.title);
}

/** Of everything about a document that answers show. */
function hashOf({ name, text, article }: KnowledgeDocument): bigint {
  const whole = JSON.stringify([name, text, ...(article === undefined ? [] : [article.title])]);
  return createHash('sha256').update(whole).digest().readBigUInt64BE();
}
