import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalogue, type ModelEntry } from './catalogue.ts';

const shipped: ModelEntry[] = [
  {
    id: 'big',
    name: 'Big',
    provider: 'openai',
    description: 'A big one',
    contextLength: 8192,
    maxOutput: 4096,
    released: '2024-01-01',
    capabilities: ['chat', 'code'],
    prices: [{ from: '2024-01-01', currency: 'USD', input: 30, output: 60 }],
    aliases: ['big-0101', 'big-latest'],
  },
  { id: 'small', provider: 'anthropic' },
];

test('a model is found by id and by alias; an alias is asked for as it is', () => {
  const catalogue = createCatalogue(shipped, []);
  assert.equal(catalogue.get('big')?.name, 'Big');
  assert.deepEqual(catalogue.get('big-latest'), {
    ...catalogue.get('big'),
    id: 'big-latest',
    aliasOf: 'big',
  });
  assert.equal(catalogue.get('big-latest'), catalogue.get('big-latest'));
  assert.equal(catalogue.get('unknown'), undefined);
  assert.equal(catalogue.get(''), undefined);
  assert.equal(catalogue.get('constructor'), undefined);
});

test('what an entry leaves out is unknown, not invented', () => {
  assert.deepEqual(createCatalogue(shipped, []).get('small'), {
    id: 'small',
    aliasOf: null,
    name: 'small',
    provider: 'anthropic',
    description: '',
    contextLength: null,
    maxOutput: null,
    released: null,
    capabilities: ['chat'],
    media: {},
    prices: [],
  });
});

test('an own entry changes the limits of media that it names', () => {
  const base: ModelEntry = { id: 'sees', provider: 'acme', media: { maxImages: 5, imageTokens: 700 } };
  const own: ModelEntry[] = [
    { id: 'sees', media: { maxImages: 9, imageTokens: undefined } },
    { id: 'small', media: { maxVideos: 1 } },
  ];
  const catalogue = createCatalogue([...shipped, base], own);
  assert.deepEqual(catalogue.get('sees')?.media, { maxImages: 9, imageTokens: 700 });
  assert.deepEqual(catalogue.get('small')?.media, { maxVideos: 1 });
});

test('a discovered model sees where its name says so', () => {
  const catalogue = createCatalogue(shipped, []);
  const seeing = ['qwen2.5vl:7b', 'llava', 'Qwen/Qwen2.5-VL-7B-Instruct', 'llama3.2-vision', 'pixtral-12b'];
  catalogue.discover('vllm', [...seeing, 'llama3.2:3b', 'vllm-mistral', 'nomic-embed-vision']);
  const able = catalogue.list().filter(({ capabilities }) => capabilities.includes('vision'));
  assert.deepEqual(
    able.map(({ id }) => id),
    seeing,
  );
  const watching = able.filter(({ capabilities }) => capabilities.includes('video'));
  assert.deepEqual(
    watching.map(({ id }) => id),
    seeing.filter((id) => /qwen/i.test(id)),
  );
});

test('an own entry changes the fields it names and keeps the rest, its place in the list included', () => {
  const own: ModelEntry[] = [
    { id: 'big', contextLength: 16_000, name: undefined },
    { id: 'mine', provider: 'vllm' },
  ];
  const catalogue = createCatalogue(shipped, own);
  assert.deepEqual(catalogue.get('big'), {
    ...createCatalogue(shipped, []).get('big'),
    contextLength: 16_000,
  });
  assert.equal(catalogue.get('big-0101')?.contextLength, 16_000);
  assert.deepEqual(
    catalogue.list().map(({ id }) => id),
    ['big', 'small', 'mine'],
  );
});

test('an own entry under a shipped alias becomes a model of its own', () => {
  const catalogue = createCatalogue(shipped, [{ id: 'big-latest', contextLength: 1 }]);
  assert.equal(catalogue.get('big-latest')?.id, 'big-latest');
  assert.equal(catalogue.get('big-latest')?.name, 'Big');
  assert.equal(catalogue.get('big')?.contextLength, 8192);
  assert.equal(catalogue.get('big-latest')?.aliasOf, null);
  assert.equal(catalogue.get('big-0101')?.aliasOf, 'big');
});

test('discovered ids become models without context length or price; known ones stay', () => {
  const catalogue = createCatalogue(shipped, []);
  assert.equal(catalogue.offered('vllm'), undefined);
  catalogue.discover('vllm', ['llama', 'big', 'big-latest', 'nomic-embed-text', 'llama']);
  assert.deepEqual(
    catalogue.list().map(({ id }) => id),
    ['big', 'small', 'llama', 'nomic-embed-text'],
  );
  assert.equal(catalogue.get('big')?.provider, 'openai');
  const llama = catalogue.get('llama');
  assert.deepEqual([llama?.provider, llama?.contextLength, llama?.prices], ['vllm', null, []]);
  assert.deepEqual(catalogue.get('nomic-embed-text')?.capabilities, ['embedding']);
  assert.ok(catalogue.offered('vllm')?.has('big'));
});

test('asking a provider again replaces what it offered before, and nothing of another', () => {
  const catalogue = createCatalogue(shipped, []);
  catalogue.discover('a', ['one', 'two']);
  catalogue.discover('b', ['two', 'three']);
  catalogue.discover('a', ['four']);
  assert.deepEqual(
    catalogue.list().map(({ id }) => id),
    ['big', 'small', 'three', 'four'],
  );
  assert.equal(catalogue.offered('a')?.has('one'), false);
});
