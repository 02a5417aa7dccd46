import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { loadKnowledgeFolder, watchKnowledgeFolder } from './knowledge-folder.ts';

async function folder(t: TestContext, files: Record<string, string | Uint8Array>): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'parley-knowledge-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(path, name, '..'), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

test('reads Markdown below a folder and nothing else', async (t) => {
  const path = await folder(t, {
    'b.md': 'B',
    'a/deep/c.MD': 'C',
    'x.txt': 'no',
    '.git/y.md': 'no',
    '.z.md': 'no',
  });
  assert.deepEqual(await loadKnowledgeFolder([path]), {
    documents: [
      { name: 'a/deep/c.MD', text: 'C' },
      { name: 'b.md', text: 'B' },
    ],
    warnings: [],
  });
});

test('a later folder replaces files of the same name', async (t) => {
  const shipped = await folder(t, { 'a.md': 'shipped', 'b.md': 'shipped' });
  const own = await folder(t, { 'a.md': 'own' });
  const { documents } = await loadKnowledgeFolder([shipped, own]);
  assert.deepEqual(
    documents.map((document) => document.text),
    ['own', 'shipped'],
  );
});

test('a folder that does not exist is empty', async () => {
  assert.deepEqual(await loadKnowledgeFolder(['/nowhere/at/all']), { documents: [], warnings: [] });
});

test('what cannot be read is named, the rest is loaded', async (t) => {
  const path = await folder(t, {
    'big.md': 'x'.repeat(1024 * 1024 + 1),
    'latin.md': Uint8Array.of(0x66, 0xfc, 0x72),
    'dir.md/inner.md': 'inner',
    'limit.md': 'y'.repeat(1024 * 1024),
    'bom.md': '\ufeff# Title',
  });
  await symlink(join(path, 'missing'), join(path, 'broken.md'));
  await symlink(join(path, 'bom.md'), join(path, 'linked.md'));
  const { documents, warnings } = await loadKnowledgeFolder([path]);
  assert.deepEqual(
    documents.map((document) => document.name),
    ['bom.md', 'dir.md/inner.md', 'limit.md', 'linked.md'],
  );
  assert.equal(documents[0]!.text, '# Title');
  assert.equal(warnings.length, 3);
  assert.match(warnings.join('\n'), /big\.md: larger than 1 MiB/);
  assert.match(warnings.join('\n'), /latin\.md: not UTF-8/);
  assert.match(warnings.join('\n'), /broken\.md: ENOENT/);
});

test('a burst of changes is reported once', { timeout: 10_000 }, async (t) => {
  const path = await folder(t, { 'sub/a.md': 'A' });
  let calls = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const watcher = watchKnowledgeFolder(path, () => {
    calls += 1;
    resolve();
  });
  t.after(() => watcher.close());
  const alive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(alive));
  for (const text of ['1', '2', '3']) await writeFile(join(path, 'sub/a.md'), text);
  await promise;
  assert.equal(calls, 1);
});

test('a folder that cannot be watched is tolerated', () => {
  watchKnowledgeFolder('/nowhere/at/all', () => assert.fail()).close();
});
