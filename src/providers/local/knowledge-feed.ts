import { mkdir } from 'node:fs/promises';
import type { Knowledge } from '../../core/knowledge/knowledge.ts';
import type { Log } from '../../core/log.ts';
import { loadKnowledgeFolder, watchKnowledgeFolder } from './knowledge-folder.ts';

/** Keeps the knowledge base as its folders are. */
export interface KnowledgeFeed {
  load(): Promise<void>;
  close(): void;
}

/** Reads `folders`, later ones over earlier ones, and again whenever the last, the operator's own, changes. */
export function createKnowledgeFeed(parts: {
  knowledge: Knowledge;
  folders: string[];
  log: Log;
}): KnowledgeFeed {
  const { knowledge, folders, log } = parts;
  const own = folders.at(-1) ?? '';
  let watcher: { close(): void } | undefined;

  const read = async () => {
    const { documents, warnings } = await loadKnowledgeFolder(folders);
    for (const warning of warnings) log.warn({ warning }, 'a file of the knowledge folder is left out');
    knowledge.replace(documents);
  };

  return {
    async load() {
      await mkdir(own, { recursive: true, mode: 0o700 });
      await read();
      watcher = watchKnowledgeFolder(own, () => {
        read().catch((err: unknown) => log.error({ err }, 'the knowledge folder could not be read again'));
      });
    },
    close: () => watcher?.close(),
  };
}
