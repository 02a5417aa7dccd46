import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config.ts';
import { estimateTokens } from '../core/completions/estimate.ts';
import type { Provider } from '../core/completions/provider.ts';
import { createHousekeeping } from '../core/housekeeping.ts';
import { createArticleFeed, type ArticleFeed } from '../core/knowledge/article-feed.ts';
import { createKnowledge, type Knowledge } from '../core/knowledge/knowledge.ts';
import type { Log } from '../core/log.ts';
import { everywhere } from '../core/realtime/everywhere.ts';
import type { Runtime } from '../core/runtime.ts';
import { createKnowledgeFeed } from '../providers/local/knowledge-feed.ts';
import { createLocalProvider } from '../providers/local/local.ts';
import type { Storage } from '../storage/storage.ts';
import type { OpenedNode } from './open-node.ts';

const shippedKnowledge = fileURLToPath(new URL('../../knowledge', import.meta.url));

export interface OpenedKnowledge {
  knowledge: Knowledge;
  articleFeed: ArticleFeed;
  /** To be called when articles were changed here: the other nodes learn of it at once. */
  onArticlesChanged: () => void;
  /** Behind `parley-local`. */
  answerer: Provider;
  /** Looks every second whether another process has changed an article. */
  start(): void;
  close(): void;
}

/** How long a start waits for the articles; what is more of them is taken in beside the first answers. */
const patienceMs = 300;

/** The knowledge base: the files of its folders, and the articles of the store. */
export async function openKnowledge(parts: {
  config: Pick<Config, 'dataDir' | 'knowledge'>;
  storage: Pick<Storage, 'articles'>;
  node: Pick<OpenedNode, 'bus'>;
  runtime: Pick<Runtime, 'sleep'>;
  log: Log;
}): Promise<OpenedKnowledge> {
  const { config, storage, node, runtime, log } = parts;
  const knowledge = createKnowledge();
  const own = join(config.dataDir, 'knowledge');
  const folders = config.knowledge.shipped ? [shippedKnowledge, own] : [own];
  const files = createKnowledgeFeed({ knowledge, folders, log });
  await files.load();
  const articleFeed = createArticleFeed({ rows: storage.articles, knowledge });
  const watch = createHousekeeping({ tasks: { articles: articleFeed.refresh }, everyMs: 1_000, log });
  const waiting = new AbortController();
  await Promise.race([watch.run(), runtime.sleep(patienceMs, waiting.signal).catch(() => {})]);
  waiting.abort();
  return {
    knowledge,
    articleFeed,
    onArticlesChanged: everywhere(node.bus, 'articles', () => void watch.run()),
    answerer: createLocalProvider({ knowledge, estimateTokens, aboutParley: config.knowledge.shipped }),
    start: watch.start,
    close() {
      watch.stop();
      files.close();
      articleFeed.close();
    },
  };
}
