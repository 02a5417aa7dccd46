import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { KnowledgeDocument } from '../../core/knowledge/knowledge.ts';

export interface LoadedKnowledge {
  /** Sorted by name; a name is the path inside its folder, with `/` between its parts. */
  documents: KnowledgeDocument[];
  /** One line per file or folder that was left out, with the reason. */
  warnings: string[];
}

const maxFileBytes = 1024 * 1024;
const debounceMs = 200;

/**
 * Reads the `*.md` files of several folders and their sub-folders. Where a name occurs twice the later folder's file
 * counts. Hidden files and folders are ignored, and a folder that does not exist is empty. Never rejects: what cannot be read
 * (files over 1 MiB, not UTF-8, no permission) is named in `warnings`.
 */
export async function loadKnowledgeFolder(folders: readonly string[]): Promise<LoadedKnowledge> {
  const warnings: string[] = [];
  const texts = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await markdownIn(folder, '', warnings)) {
      try {
        texts.set(name, await readMarkdown(join(folder, name)));
      } catch (error) {
        warnings.push(`${join(folder, name)}: ${reasonOf(error)}`);
      }
    }
  }
  const names = [...texts.keys()].sort();
  return { documents: names.map((name) => ({ name, text: texts.get(name)! })), warnings };
}

/**
 * Calls `onChange` 200 ms after the last of a burst of changes below `folder`. Without a folder, or where the system
 * cannot watch it, nothing is ever reported. Does not keep the process alive.
 */
export function watchKnowledgeFolder(folder: string, onChange: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  const close = () => {
    clearTimeout(timer);
    watcher?.close();
  };
  const watcher = tryWatch(folder, () => {
    clearTimeout(timer);
    timer = setTimeout(onChange, debounceMs).unref();
  });
  watcher?.on('error', close);
  return { close };
}

function tryWatch(folder: string, listener: () => void): FSWatcher | undefined {
  try {
    return watch(folder, { recursive: true, persistent: false }, listener);
  } catch {
    return undefined;
  }
}

/** Follows links to files (mounted configuration is made of them), but not to folders: those could be loops. */
async function markdownIn(root: string, folder: string, warnings: string[]): Promise<string[]> {
  const names: string[] = [];
  const path = join(root, folder);
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') warnings.push(`${path}: ${reasonOf(error)}`);
    return [];
  });
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.name.startsWith('.')) continue;
    if (entry.isDirectory()) names.push(...(await markdownIn(root, name, warnings)));
    else if (/\.md$/i.test(entry.name)) names.push(name);
  }
  return names;
}

async function readMarkdown(path: string): Promise<string> {
  const found = await stat(path);
  if (!found.isFile()) throw new Error('not a file');
  if (found.size > maxFileBytes) throw new Error('larger than 1 MiB');
  return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return 'not UTF-8';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  return code ?? (error instanceof Error ? error.message : 'cannot be read');
}
