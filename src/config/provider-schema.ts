import { apiKey, choice, duration, flag, httpUrl, variableName, wholeNumber } from './kinds.ts';
import { field, group, type Group, type MapOf, type ValueOf } from './tree.ts';

const second = 1000;
const minute = 60 * second;

export const providerKinds = ['openai-compatible', 'anthropic'] as const;
export type ProviderKind = (typeof providerKinds)[number];

/** A provider that has environment variables of its own. */
export interface Vendor {
  name: string;
  title: string;
  kind: ProviderKind;
  baseUrl: string;
  keyVariable: string;
  urlVariable: string;
}

/** In the order in which the first configured one gives the default model. */
export const vendors: readonly Vendor[] = [
  {
    name: 'openai',
    title: 'OpenAI, or any service that speaks its API (vLLM, Ollama, LM Studio …)',
    kind: 'openai-compatible',
    baseUrl: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
    urlVariable: 'OPENAI_BASE_URL',
  },
  {
    name: 'anthropic',
    title: 'Anthropic’s Messages API',
    kind: 'anthropic',
    baseUrl: 'https://api.anthropic.com',
    keyVariable: 'ANTHROPIC_API_KEY',
    urlVariable: 'ANTHROPIC_BASE_URL',
  },
  {
    name: 'dashscope',
    title: 'Bailian (Qwen) in its OpenAI-compatible mode',
    kind: 'openai-compatible',
    baseUrl: 'https://dashscope.aliyuncs.com/compatible-mode/v1',
    keyVariable: 'DASHSCOPE_API_KEY',
    urlVariable: 'DASHSCOPE_BASE_URL',
  },
];

/** Built in; configured by nothing. */
export const localProvider = 'local';

const timeoutMs = duration(1, 24 * 60 * minute);

const guards = {
  timeouts: group('How long one call may take.', {
    connectMs: field(timeoutMs, { default: 5 * second, description: 'Until the connection stands.' }),
    firstByteMs: field(timeoutMs, { default: minute, description: 'Until the answer begins.' }),
    idleMs: field(timeoutMs, { default: minute, description: 'Between two pieces of an answer.' }),
    totalMs: field(timeoutMs, { default: 10 * minute, description: 'From start to end.' }),
  }),
  retries: group('Repeated calls before the first piece of an answer.', {
    attempts: field(wholeNumber(1, 10), { default: 3, description: 'Calls in all, the first included.' }),
    baseMs: field(duration(0, minute), {
      default: 250,
      description: 'The longest pause before the second call; doubles with each further one.',
    }),
    maxMs: field(duration(0, minute), { default: 4 * second, description: 'The longest pause of all.' }),
  }),
  breaker: group('A failing provider is left alone for a while.', {
    failures: field(wholeNumber(1, 1000), {
      default: 5,
      description: 'Failures within `window` from which it is left alone.',
    }),
    windowMs: field(duration(1, 60 * minute), {
      default: 30 * second,
      description: 'The time over which failures are counted.',
    }),
    openMs: field(duration(1, 60 * minute), {
      default: 10 * second,
      description: 'How long it is left alone before one call tries it again.',
    }),
  }),
};

const otherProvider = group('A provider.', {
  kind: field(choice(providerKinds), {
    default: 'openai-compatible',
    description: 'The API it speaks.',
  }),
  baseUrl: field(httpUrl, {
    default: null,
    shownDefault: 'the vendor’s own',
    description:
      'Where its API is, `/v1` included where it has one. Required except for the vendors’ own services.',
  }),
  apiKey: field(apiKey, {
    default: null,
    description: 'Its key. Better: `api_key_env`, which keeps the key out of the file.',
  }),
  apiKeyEnv: field(variableName, {
    default: null,
    description: 'The environment variable that holds its key.',
  }),
  ...guards,
  discoverModels: field(flag, {
    default: null,
    shownDefault: '`on` for an OpenAI-compatible service at an address of your own',
    description: 'Ask it at start which models it serves.',
  }),
});

export type ProviderSettings = ValueOf<typeof otherProvider>;

function vendorProvider(vendor: Vendor): typeof otherProvider {
  return group(vendor.title, {
    ...otherProvider.fields,
    kind: field(choice<ProviderKind>([vendor.kind]), {
      default: vendor.kind,
      description: 'The API it speaks; fixed.',
    }),
    baseUrl: field(httpUrl, {
      default: null,
      shownDefault: vendor.baseUrl,
      env: vendor.urlVariable,
      description: `The address of ${vendor.title}. Set alone, without a key, it counts as configured.`,
    }),
    apiKey: field(apiKey, {
      default: null,
      env: vendor.keyVariable,
      description: `The key for ${vendor.title}.`,
    }),
  });
}

/** Shape of a provider's name. */
const nameKind = {
  allowed: `a provider's name: a letter, then letters, digits or "-" in lower case, at most 40; not "${localProvider}"`,
  parse: (value: unknown) =>
    typeof value === 'string' && /^[a-z][a-z0-9-]{0,39}$/.test(value) && value !== localProvider
      ? value
      : undefined,
};

export const providersSchema: MapOf<Group<(typeof otherProvider)['fields']>> = {
  node: 'map',
  description: `Who answers. ${vendors.map(({ name }) => `\`${name}\``).join(', ')} are there already, and are configured by their environment variables or here; further ones may have any other name.`,
  of: otherProvider,
  key: 'name',
  keyKind: nameKind,
  known: Object.fromEntries(vendors.map((vendor) => [vendor.name, vendorProvider(vendor)])),
  defaults: {},
  example: [
    'vllm:',
    '  base_url: http://localhost:8001/v1',
    '  api_key_env: VLLM_API_KEY',
    '  timeouts: { connect: 5s, first_byte: 2m, idle: 1m, total: 10m }',
    '  retries: { attempts: 3, base: 250ms, max: 4s }',
    '  breaker: { failures: 5, window: 30s, open: 10s }',
    '  discover_models: on',
    'openai:',
    '  retries: { attempts: 2 }',
  ],
};
