import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

test('docs/dependencies.md has a line for every dependency, and for nothing else', () => {
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'overrides'];
  const wanted = ['package.json', 'bench/package.json'].flatMap((path) => {
    const manifest = JSON.parse(read(path)) as Record<string, Record<string, string> | undefined>;
    return kinds.flatMap((kind) => Object.keys(manifest[kind] ?? {}));
  });
  const firstCells = read('docs/dependencies.md').match(/^\| `.*?\|/gm) ?? [];
  const listed = firstCells.flatMap((cell) =>
    [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''),
  );
  assert.deepEqual(listed.sort(), [...new Set(wanted)].sort());
});
