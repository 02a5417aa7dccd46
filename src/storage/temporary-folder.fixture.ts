import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { openStorage } from './storage.ts';
import type { Storage } from './storage.ts';

/** A folder of its own for one test, removed after it. */
export function temporaryFolder(test: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'parley-storage-'));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store in a file of its own, for suites. */
export function inAFile(test: TestContext): { open: () => Promise<Storage> } {
  const path = join(temporaryFolder(test), 'parley.db');
  return { open: () => openStorage({ path }) };
}
