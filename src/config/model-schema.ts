import { capabilities, imageTypes } from '../core/completions/catalogue.ts';
import { currencies } from '../core/completions/prices.ts';
import { choice, date, decimal, listOf, modelId, size, text, wholeNumber } from './kinds.ts';
import { field, group, required, type ListOf } from './tree.ts';

const tokens = wholeNumber(1, 1_000_000_000);
const price = decimal(0, 1_000_000);

const priceSchema = group('A price per million tokens.', {
  from: required(date, 'The first day it holds, from midnight UTC. The newest price that has begun counts.'),
  currency: required(choice(currencies), 'The currency of all its figures.'),
  input: required(price, 'Per million prompt tokens.'),
  output: required(price, 'Per million tokens of the answer.'),
  thinkingOutput: field(price, {
    default: undefined,
    shownDefault: '`output`',
    description:
      'Per million tokens of an answer that the model thought about first: where its thoughts came with it, its usage says so or, if that says nothing, `enable_thinking` asked for it.',
  }),
  cachedInput: field(price, {
    default: undefined,
    shownDefault: '`input`',
    description: 'Per million prompt tokens that the provider served from its own cache.',
  }),
  upToPromptTokens: field(tokens, {
    default: undefined,
    shownDefault: 'any length',
    description: 'Prompts of at most this many tokens pay this price: several entries of one day make tiers.',
  }),
});

const unknown = { default: undefined, shownDefault: 'unknown' };
const count = wholeNumber(1, 1_000_000);
const bytes = size(1024, 1024 ** 3);

const mediaSchema = group('What it takes in of images and videos at once.', {
  maxImages: field(count, {
    ...unknown,
    description: 'Images in one request. Of a conversation the newest count.',
  }),
  maxVideos: field(count, { ...unknown, description: 'Videos in one request.' }),
  maxImageBytes: field(bytes, {
    ...unknown,
    description: 'One image that comes as a `data:` URL, in base64.',
  }),
  maxVideoBytes: field(bytes, { ...unknown, description: 'One video that comes so.' }),
  maxBytes: field(bytes, { ...unknown, description: 'All that come so in one request.' }),
  imageTypes: field(listOf(choice(imageTypes)), {
    default: undefined,
    shownDefault: 'all',
    description: 'Formats of images that come so.',
  }),
  imageTokens: field(tokens, {
    default: undefined,
    shownDefault: '1369',
    description:
      'What an image is taken to cost until the provider says; the default is that of 1024 × 1024 pixels.',
  }),
  videoTokens: field(tokens, {
    default: undefined,
    shownDefault: '9000',
    description: 'The same of a video; the default is that of half a minute.',
  }),
});

export const modelSchema = group('A model.', {
  id: required(modelId, 'The id that requests name, and the provider’s own name for the model.'),
  name: field(text, { default: undefined, shownDefault: 'the id', description: 'The name people read.' }),
  provider: field(text, {
    default: undefined,
    shownDefault: 'as shipped',
    description: 'The provider that serves it; required for a model that Parley does not ship.',
  }),
  description: field(text, { default: undefined, description: 'One sentence about it.' }),
  contextLength: field(tokens, {
    default: undefined,
    shownDefault: 'unknown',
    description: 'Tokens of prompt and answer together.',
  }),
  maxOutput: field(tokens, {
    default: undefined,
    shownDefault: 'unknown',
    description: 'Tokens of the longest answer.',
  }),
  released: field(date, { default: undefined, description: 'The day it was released.' }),
  capabilities: field(listOf(choice(capabilities)), {
    default: undefined,
    shownDefault: '[chat]',
    description: 'What it can do. Images and videos are refused for a model without `vision` and `video`.',
  }),
  media: mediaSchema,
  prices: {
    node: 'list',
    description: 'What it costs. Without prices its calls have no known cost.',
    of: priceSchema,
    example: [],
  } satisfies ListOf<typeof priceSchema>,
  aliases: field(listOf(modelId), { default: undefined, description: 'Further ids for the same model.' }),
});

/** A list of models, as in `models.yaml` and under `models:` of the configuration file. */
export const modelsSchema: ListOf<typeof modelSchema> = {
  node: 'list',
  description:
    'Models beside those that Parley ships (see `models.yaml`). An entry with a shipped id changes only the fields it names.',
  of: modelSchema,
  example: [
    '- id: llama3.2:3b',
    '  name: Llama 3.2 3B',
    '  provider: vllm',
    '  context_length: 131072',
    '  capabilities: [chat, code]',
    '- id: gpt-4',
    '  prices:',
    '    - { from: 2026-01-01, currency: USD, input: 25, output: 50 }',
  ],
};
