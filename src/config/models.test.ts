import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCatalogue } from '../core/completions/catalogue.ts';
import { costOf } from '../core/completions/prices.ts';
import { readShippedModels } from './models.ts';

const entries = readShippedModels();
const catalogue = createCatalogue(entries, []);

test('gpt-4 is as the gateway documents it', () => {
  const model = catalogue.get('gpt-4');
  assert.deepEqual(
    [model?.name, model?.contextLength, model?.description, model?.capabilities],
    ['GPT-4', 8192, 'Most capable GPT-4 model', ['chat', 'code', 'analysis']],
  );
  const usage = { promptTokens: 1_000_000, completionTokens: 1_000_000, estimated: false };
  assert.deepEqual(costOf(model ?? { prices: [] }, usage, Date.parse('2026-06-01')), {
    nano: 90e9,
    currency: 'USD',
  });
});

test('every id and alias is there once', () => {
  const names = entries.flatMap(({ id, aliases = [] }) => [id, ...aliases]);
  assert.equal(new Set(names).size, names.length);
});

test('models that the documents name are there, and each vendor’s first is one to chat with', () => {
  for (const id of [
    'gpt-3.5-turbo',
    'qwen-vl-max-latest',
    'qwen-plus',
    'claude-sonnet-4-5',
    'text-embedding-v3',
    'parley-local',
  ]) {
    assert.ok(catalogue.get(id), id);
  }
  for (const provider of ['openai', 'anthropic', 'dashscope', 'local']) {
    const first = catalogue.list().find((model) => model.provider === provider);
    assert.ok(first?.capabilities.includes('chat'), provider);
  }
  assert.ok(catalogue.get('qwen-vl-max-latest')?.capabilities.includes('video'));
});

test('tiers rise with the prompt’s length, the last one holds any, and cached input never costs more', () => {
  for (const { id, prices = [] } of entries) {
    for (const from of new Set(prices.map((price) => price.from))) {
      const tiers = prices.filter((price) => price.from === from);
      const bounds = tiers.map((price) => price.upToPromptTokens ?? Infinity);
      assert.deepEqual(
        bounds,
        bounds.toSorted((a, b) => a - b),
        id,
      );
      assert.equal(bounds.at(-1), Infinity, id);
      assert.deepEqual(
        tiers.map(({ input }) => input),
        tiers.map(({ input }) => input).toSorted((a, b) => a - b),
        id,
      );
    }
    for (const { input, cachedInput = 0 } of prices) assert.ok(cachedInput <= input, id);
    for (const { output, thinkingOutput = output } of prices) assert.ok(thinkingOutput >= output, id);
  }
});

test('the built-in model is free', () => {
  const usage = { promptTokens: 1000, completionTokens: 1000, estimated: true };
  assert.equal(costOf(catalogue.get('parley-local') ?? { prices: [] }, usage, Date.now())?.nano, 0);
});

test('every shipped model that takes images says how many or how large, and only those say anything', () => {
  for (const { id, capabilities, media } of catalogue.list()) {
    const says = media.maxImages !== undefined || media.maxImageBytes !== undefined;
    assert.equal(says, capabilities.includes('vision'), id);
  }
  assert.deepEqual(catalogue.get('claude-sonnet-4-5')?.media.maxImageBytes, 5 * 1024 * 1024);
});

test('Qwen’s prices are in yuan, by the prompt’s length, and with thinking apart', () => {
  const on = Date.parse('2026-11-21');
  const yuan = (id: string, promptTokens: number, thinks = false) => {
    const usage = { promptTokens, completionTokens: 1_000_000, estimated: false };
    const cost = costOf(catalogue.get(id) ?? { prices: [] }, usage, on, thinks);
    assert.equal(cost?.currency, 'CNY', id);
    return (cost?.nano ?? NaN) / 1e9;
  };
  assert.equal(yuan('qwen-plus', 100_000), 0.08 + 2);
  assert.equal(yuan('qwen-plus', 100_000, true), 0.08 + 8);
  assert.equal(yuan('qwen-plus', 200_000), 0.48 + 20);
  assert.equal(yuan('qwen-plus', 200_000, true), 0.48 + 24);
  assert.equal(yuan('qwen-plus', 1_000_000), 4.8 + 48);
  assert.equal(yuan('qwen-plus', 1_000_000, true), 4.8 + 64);
  assert.equal(yuan('qwen-flash', 100_000, true), 0.015 + 1.5);
  assert.equal(yuan('qwen-turbo', 100_000, true), 0.03 + 3);
  assert.equal(yuan('qwen3-32b', 100_000, true), 0.2 + 20);
  assert.equal(yuan('qwen3-max', 100_000), 0.4 + 16);
  assert.equal(yuan('qwen-vl-max-latest', 100_000), 0.16 + 4);
});
