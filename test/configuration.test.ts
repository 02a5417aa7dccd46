import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { renderFiles } from '../scripts/configuration.ts';
import { loadConfig } from '../src/config.ts';

const generated = renderFiles();

for (const [path, content] of Object.entries(generated)) {
  test(`${path} says what the schema says (else: npm run configuration)`, () => {
    assert.equal(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'), content);
  });
}

test('the example file is accepted as it is, and with every line of it in force', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-example-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'parley.yaml');
  const example = generated['parley.example.yaml'] ?? '';
  const defaults = loadConfig({});

  writeFileSync(file, example);
  assert.deepEqual({ ...loadConfig({ PARLEY_CONFIG: file }), configFile: null }, defaults);

  writeFileSync(file, example.replace(/^# /gm, ''));
  const config = loadConfig({ PARLEY_CONFIG: file, VLLM_API_KEY: 'vllm-key' });
  const { providers, models, promptSets, fallback, configFile, ...rest } = config;
  assert.deepEqual(
    providers.map(({ name }) => name),
    ['vllm'],
  );
  assert.deepEqual(
    models.map(({ id }) => id),
    ['llama3.2:3b', 'gpt-4'],
  );
  assert.equal(promptSets['orders']?.length, 2);
  assert.deepEqual(fallback.models['gpt-4'], ['gpt-4o', 'parley-local']);
  assert.equal(configFile, file);
  for (const [key, value] of Object.entries(rest)) {
    assert.deepEqual(value, defaults[key as keyof typeof rest], `${key} shows its default`);
  }
});
