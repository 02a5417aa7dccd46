import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { loadConfig, type Config } from './config.ts';
import { ConfigError } from './config/config-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'parley-config-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'parley.yaml');

function withYaml(yaml: string, env: Record<string, string> = {}): Config {
  writeFileSync(file, yaml);
  return loadConfig({ PARLEY_CONFIG: file, ...env });
}

function errorOf(action: () => unknown): string {
  try {
    action();
  } catch (thrown) {
    assert.ok(thrown instanceof ConfigError, String(thrown));
    assert.doesNotMatch(thrown.message, /[\r\n]/);
    return thrown.message.replaceAll(file, 'FILE');
  }
  assert.fail('nothing was refused');
}

test('nothing is required', () => {
  const config = loadConfig({ PORT: '', OPENAI_API_KEY: '  ', PARLEY_FALLBACK: '' });
  assert.equal(config.port, 8000);
  assert.equal(config.host, '127.0.0.1');
  assert.equal(config.dataDir, resolve('data'));
  assert.equal(config.databaseUrl, `sqlite:${resolve('data/parley.db')}`);
  assert.deepEqual(config.providers, []);
  assert.equal(config.openGateway, null);
  assert.equal(config.fallback.enabled, true);
  assert.deepEqual(Object.keys(config.promptSets), ['greeting', 'help', 'about']);
  assert.deepEqual(config.warnings, []);
});

test('variables are read', () => {
  const config = loadConfig({
    PORT: '0',
    HOST: '::1',
    DATABASE_URL: 'sqlite:///var/lib/parley.db',
    PARLEY_FALLBACK: 'OFF',
    PARLEY_OPEN_GATEWAY: 'true',
    PARLEY_RATE_LIMITS: 'off',
    PARLEY_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
    PARLEY_TIME_ZONE: 'Asia/Shanghai',
    PARLEY_LOG_LEVEL: 'debug',
    PARLEY_DEFAULT_MODEL: 'claude-sonnet-4-5',
    NODE_ENV: 'test',
  });
  assert.deepEqual([config.port, config.host, config.databaseUrl], [0, '::1', 'sqlite:/var/lib/parley.db']);
  assert.deepEqual([config.fallback.enabled, config.openGateway, config.rateLimits], [false, true, false]);
  assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1']);
  assert.deepEqual(
    [config.timeZone, config.logLevel, config.environment],
    ['Asia/Shanghai', 'debug', 'test'],
  );
  assert.equal(config.defaultModel, 'claude-sonnet-4-5');
});

test('a key, or an address alone, configures a vendor', () => {
  const config = loadConfig({
    OPENAI_BASE_URL: 'http://localhost:11434/v1/',
    ANTHROPIC_API_KEY: ' sk-ant-1\n',
  });
  const [openai, anthropic] = config.providers;
  assert.equal(config.providers.length, 2);
  assert.deepEqual(
    [openai?.name, openai?.kind, openai?.baseUrl, openai?.apiKey, openai?.discoverModels],
    ['openai', 'openai-compatible', 'http://localhost:11434/v1', null, true],
  );
  assert.deepEqual(
    [anthropic?.name, anthropic?.kind, anthropic?.baseUrl, anthropic?.apiKey, anthropic?.discoverModels],
    ['anthropic', 'anthropic', 'https://api.anthropic.com', 'sk-ant-1', false],
  );
  assert.deepEqual(anthropic?.timeouts, {
    connectMs: 5000,
    firstByteMs: 60_000,
    idleMs: 60_000,
    totalMs: 600_000,
  });
  assert.deepEqual(anthropic?.retries, { attempts: 3, baseMs: 250, maxMs: 4000 });
  assert.deepEqual(anthropic?.breaker, { failures: 5, windowMs: 30_000, openMs: 10_000 });
  assert.equal(loadConfig({ ANTHROPIC_BASE_URL: 'http://x/v1' }).providers[0]?.baseUrl, 'http://x');
  assert.equal(loadConfig({ OPENAI_API_KEY: 'k' }).providers[0]?.discoverModels, false);
});

test('the YAML file sets what variables do not', () => {
  const yaml =
    'port: 9000\nhost: 0.0.0.0\nlog_level:\nsecret: ""\ncache: { ttl: 90m, max_bytes: 1GiB, openai: on }';
  const config = withYaml(yaml, { PORT: '9001' });
  assert.deepEqual(
    [config.port, config.host, config.logLevel, config.secret],
    [9001, '0.0.0.0', 'info', null],
  );
  assert.deepEqual(config.cache, {
    enabled: true,
    maxBytes: 2 ** 30,
    ttlMs: 5_400_000,
    threshold: 0.95,
    scope: 'caller',
    openai: true,
    embeddingModel: null,
  });
});

test('the YAML file adds providers and overrides vendors', () => {
  const config = withYaml(
    `providers:
  vllm: { base_url: "http://gpu:8000/v1", api_key_env: PARLEY_VLLM_KEY, timeouts: { first_byte: 2m } }
  openai: { retries: { attempts: 1 }, discover_models: yes }`.replace('yes', 'on'),
    { PARLEY_VLLM_KEY: 'vk', OPENAI_API_KEY: 'ok' },
  );
  assert.deepEqual(config.warnings, []);
  const [openai, vllm] = config.providers;
  assert.deepEqual(
    [openai?.name, openai?.apiKey, openai?.retries.attempts, openai?.discoverModels],
    ['openai', 'ok', 1, true],
  );
  assert.deepEqual(
    [vllm?.name, vllm?.apiKey, vllm?.timeouts.firstByteMs, vllm?.timeouts.idleMs],
    ['vllm', 'vk', 120_000, 60_000],
  );
  assert.deepEqual(withYaml('providers: { openai: { breaker: { failures: 9 } } }').providers, []);
});

test('own models, chains and prompt sets', () => {
  const config = withYaml(`
models:
  - { id: gpt-4, context_length: 9000 }
  - id: mine
    provider: local
    prices: [{ from: 2026-01-01, currency: CNY, input: 1, output: 2, thinking_output: 8, cached_input: 0.5, up_to_prompt_tokens: 1000 }]
fallback: { default: [mine], models: { claude-sonnet-4-5: [mine, gpt-4] } }
prompt_sets: { help: [], orders: ["Where is it?"] }`);
  assert.equal(config.models[0]?.contextLength, 9000);
  assert.equal(config.models[0]?.prices, undefined);
  assert.deepEqual(config.models[1]?.prices, [
    {
      from: '2026-01-01',
      currency: 'CNY',
      input: 1,
      output: 2,
      thinkingOutput: 8,
      cachedInput: 0.5,
      upToPromptTokens: 1000,
    },
  ]);
  assert.deepEqual({ ...config.fallback.models }, { 'claude-sonnet-4-5-20250929': ['mine', 'gpt-4'] });
  assert.deepEqual([config.promptSets['help'], config.promptSets['orders']], [[], ['Where is it?']]);
  assert.equal(config.promptSets['constructor'], undefined);
  assert.equal(config.fallback.models['constructor'], undefined);
});

test('what has no effect is reported, with names only', () => {
  const env = {
    PARLEY_FALBACK: 'sk-secret-1',
    PARLEY_PORT: '1',
    PARLEY_ZZZZZZZZ: 'x',
    REDIS_URL: 'redis://u:pw@h:6379',
  };
  const { warnings } = loadConfig({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318' });
  assert.deepEqual(warnings, [
    'OTEL_EXPORTER_OTLP_ENDPOINT is set but not used yet: no traces are sent',
    'PARLEY_FALBACK is not a known variable: did you mean PARLEY_FALLBACK?',
    'PARLEY_PORT is not a known variable: did you mean PORT?',
    'PARLEY_ZZZZZZZZ is not a known variable',
  ]);
});

test('PostgreSQL needs a secret, and wants Redis where there are several nodes', () => {
  const DATABASE_URL = 'postgres://parley:hunter22@db.internal:5432/parley';
  assert.throws(
    () => loadConfig({ DATABASE_URL }),
    /^ConfigError: PARLEY_SECRET is not set: must be at least 16 characters/,
  );
  const PARLEY_SECRET = '0123456789abcdef';
  const alone = loadConfig({ DATABASE_URL, PARLEY_SECRET });
  assert.equal(alone.databaseUrl, DATABASE_URL);
  assert.match(alone.warnings.join(), /REDIS_URL is not set: only one node may use this PostgreSQL/);
  assert.deepEqual(loadConfig({ DATABASE_URL, PARLEY_SECRET, REDIS_URL: 'redis://h/3' }).warnings, []);
});

test('models are not checked against the catalogue while a provider may offer more', () => {
  const env = { PARLEY_DEFAULT_MODEL: 'llama3', OPENAI_BASE_URL: 'http://localhost:1/v1' };
  assert.equal(loadConfig(env).defaultModel, 'llama3');
});

const url = 'must be an http:// or https:// address without user name, query or fragment';
const wrongVariables: [name: string, value: string, message: string][] = [
  ['PORT', 'abc', 'PORT is "abc": must be a whole number from 0 to 65535'],
  ['PORT', '65536', 'PORT is "65536": must be a whole number from 0 to 65535'],
  ['PORT', '80.5', 'PORT is "80.5": must be a whole number from 0 to 65535'],
  ['PORT', '1\n2', 'PORT is "1\\n2": must be a whole number from 0 to 65535'],
  ['HOST', 'http://x', 'HOST is "http://x": must be an IP address or a host name, without a port'],
  ['HOST', 'a:80', 'HOST is "a:80": must be an IP address or a host name, without a port'],
  [
    'DATABASE_URL',
    'mysql://me:hunter22@db/x?p=hunter22',
    'DATABASE_URL is "mysql://***@db/x?***": must be sqlite:<file>, sqlite::memory: or postgres://user:password@host:port/database',
  ],
  [
    'DATABASE_URL',
    'x.db',
    'DATABASE_URL is "x.db": must be sqlite:<file>, sqlite::memory: or postgres://user:password@host:port/database',
  ],
  [
    'REDIS_URL',
    'http://h',
    'REDIS_URL is "http://h": must be a redis:// or rediss:// address, with a database number or without',
  ],
  [
    'REDIS_URL',
    'redis://h/one',
    'REDIS_URL is "redis://h/one": must be a redis:// or rediss:// address, with a database number or without',
  ],
  ['PARLEY_SECRET', 'hunter22', 'PARLEY_SECRET is (hidden): must be at least 16 characters'],
  ['PARLEY_ADMIN_EMAIL', 'me', 'PARLEY_ADMIN_EMAIL is "me": must be an e-mail address'],
  ['PARLEY_ADMIN_PASSWORD', 'hunter2', 'PARLEY_ADMIN_PASSWORD is (hidden): must be 8 to 256 characters'],
  ['OPENAI_API_KEY', 'hunter22 ü', 'OPENAI_API_KEY is (hidden): must be a key of visible ASCII characters'],
  ['OPENAI_BASE_URL', 'localhost:11434', `OPENAI_BASE_URL is "localhost:11434": ${url}`],
  ['OPENAI_BASE_URL', 'ftp://h', `OPENAI_BASE_URL is "ftp://h": ${url}`],
  ['ANTHROPIC_BASE_URL', 'https://u:hunter22@h', `ANTHROPIC_BASE_URL is "https://***@h": ${url}`],
  ['DASHSCOPE_BASE_URL', 'https://h/v1?key=hunter22', `DASHSCOPE_BASE_URL is "https://h/v1?***": ${url}`],
  [
    'PARLEY_DEFAULT_MODEL',
    'gpt4',
    'PARLEY_DEFAULT_MODEL is "gpt4": must be the id of a known model (did you mean "gpt-4"?)',
  ],
  [
    'PARLEY_DEFAULT_MODEL',
    'sk-proj-hunter22hunter22',
    'PARLEY_DEFAULT_MODEL is "sk-***": must be the id of a known model (models.yaml lists those that are shipped)',
  ],
  ['PARLEY_FALLBACK', 'maybe', 'PARLEY_FALLBACK is "maybe": must be on or off (true or false)'],
  ['PARLEY_OPEN_GATEWAY', '1', 'PARLEY_OPEN_GATEWAY is "1": must be on or off (true or false)'],
  ['PARLEY_RATE_LIMITS', 'none', 'PARLEY_RATE_LIMITS is "none": must be on or off (true or false)'],
  [
    'PARLEY_TRUSTED_PROXIES',
    '10.0.0.1, 10.0.0.0/33',
    'PARLEY_TRUSTED_PROXIES is "10.0.0.1, 10.0.0.0/33": must be a list; each item IP addresses or ranges such as 10.0.0.0/8',
  ],
  [
    'PARLEY_TIME_ZONE',
    'Mars',
    'PARLEY_TIME_ZONE is "Mars": must be a time zone such as UTC or Asia/Shanghai',
  ],
  [
    'PARLEY_LOG_LEVEL',
    'loud',
    'PARLEY_LOG_LEVEL is "loud": must be one of fatal, error, warn, info, debug, trace, silent',
  ],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'otel', `OTEL_EXPORTER_OTLP_ENDPOINT is "otel": ${url}`],
  ['NODE_ENV', 'a b', 'NODE_ENV is "a b": must be letters, digits, ".", "_" or "-", at most 40'],
  ['PARLEY_CONFIG', '/nowhere/x.yaml', 'PARLEY_CONFIG is "/nowhere/x.yaml": there is no such file'],
  ['PARLEY_CONFIG', '/', 'PARLEY_CONFIG is "/": it is a folder, not a file'],
];

for (const [name, value, message] of wrongVariables) {
  test(`refused: ${name}=${JSON.stringify(value)}`, () => {
    const error = errorOf(() => loadConfig({ [name]: value }));
    assert.equal(error, message);
    assert.doesNotMatch(error, /hunter2/);
  });
}

const wrongYaml: [yaml: string, message: string | RegExp][] = [
  ['prot: 1', 'prot in FILE is not a known key: did you mean "port"?'],
  ['cache: { tll: 1h }', 'cache.tll in FILE is not a known key: did you mean "ttl"?'],
  [
    'limits: { zzzzzzzz: 1 }',
    /^limits\.zzzzzzzz in FILE is not a known key: known here: assistant, companion, helpdesk, studio, gateway, body_bytes, /,
  ],
  ['environment: test', /^environment in FILE is not a known key: known here: host, /],
  ['port: -1', 'port in FILE is -1: must be a whole number from 0 to 65535'],
  ['port: [1]', 'port in FILE is "1": must be a whole number from 0 to 65535'],
  ['cache: on', /^cache in FILE is \(hidden\): must be a group of keys$/],
  ['- a', /^FILE is \(hidden\): must be a group of keys$/],
  [
    'cache: { ttl: 30 }',
    'cache.ttl in FILE is 30: must be a duration such as 250ms, 30s, 10m, 24h or 7d, from 1s to 365d',
  ],
  [
    'cache: { max_bytes: 64 bananas }',
    /^cache\.max_bytes in FILE is "64 bananas": must be a size such as 512KiB/,
  ],
  ['cache: { threshold: 0.2 }', 'cache.threshold in FILE is 0.2: must be a number from 0.5 to 1'],
  ['cache: { scope: all }', 'cache.scope in FILE is "all": must be one of caller, shared'],
  [
    'cache: { embedding_model: nope }',
    /^cache\.embedding_model in FILE is "nope": must be the id of a known model/,
  ],
  ['shutdown_grace: 2h', /^shutdown_grace in FILE is "2h": must be a duration .* from 0ms to 1h$/],
  ['secret: 12345678901234567890', 'secret in FILE is (hidden): must be at least 16 characters'],
  ['admin: { password: { hunter22: 1 } }', 'admin.password in FILE is (hidden): must be 8 to 256 characters'],
  ['trusted_proxies: [x]', /^trusted_proxies in FILE is "x": must be a list/],
  [
    'fallback: { default: [gpt-5o] }',
    /^fallback\.default in FILE is "gpt-5o": must be the id of a known model \(did you mean/,
  ],
  [
    'fallback: { models: { gpt-4: [gpt-9999999] } }',
    /^fallback\.models\.gpt-4 in FILE is "gpt-9999999": must be/,
  ],
  ['fallback: { models: { gpt-4: } }', /^fallback\.models\.gpt-4 in FILE is missing: must be a list/],
  ['prompt_sets: { a: [1] }', /^prompt_sets\.a in FILE is "1": must be a list; each item text/],
  [
    'providers: { local: { base_url: "http://x" } }',
    /^a key of providers in FILE is "local": must be a provider's name/,
  ],
  ['providers: { vllm: {} }', 'providers.vllm.base_url in FILE is missing: must be an http(s) address'],
  [
    'providers: { openai: { kind: anthropic } }',
    'providers.openai.kind in FILE is "anthropic": must be openai-compatible here',
  ],
  [
    'providers: { a: { kind: grpc, base_url: "http://x" } }',
    /^providers\.a\.kind in FILE is "grpc": must be one of openai-compatible, anthropic$/,
  ],
  [
    'providers: { a: { base_url: "http://x", api_key: "hunter22 x" } }',
    /^providers\.a\.api_key in FILE is \(hidden\): must be a key/,
  ],
  [
    'providers: { a: { base_url: "http://x", api_key_env: NOT_SET } }',
    'providers.a.api_key_env in FILE is "NOT_SET": must be the name of a variable that is set',
  ],
  [
    'providers: { a: { base_url: "http://x", api_key_env: hunter22 } }',
    /^providers\.a\.api_key_env in FILE is \(hidden\): must be the name of/,
  ],
  [
    'providers: { a: { base_url: "http://x", timeouts: { total: 0s } } }',
    /^providers\.a\.timeouts\.total in FILE is "0s": must be a duration/,
  ],
  [
    'providers: { a: { base_url: "http://x", retries: { attempts: 0 } } }',
    /^providers\.a\.retries\.attempts in FILE is 0: must be/,
  ],
  ['models: { gpt-4: {} }', 'models in FILE is a group of keys: must be a list'],
  ['models: [{ name: x }]', /^models\[0\]\.id in FILE is missing: must be a model id/],
  [
    'models: [{ id: mine }]',
    /^models\[0\]\.provider in FILE is missing: must be one of local, openai, anthropic, dashscope$/,
  ],
  [
    'models: [{ id: mine, provider: vlm }]',
    /^models\[0\]\.provider in FILE is "vlm": must be one of local, /,
  ],
  [
    'models: [{ id: gpt-4 }, { id: gpt-4 }]',
    'models[1].id in FILE is "gpt-4": must be an id that no other entry has',
  ],
  [
    'models: [{ id: gpt-4, capabilities: [magic] }]',
    /^models\[0\]\.capabilities in FILE is "magic": must be a list; each item one of chat/,
  ],
  [
    'models: [{ id: gpt-4, released: 2026-02-30 }]',
    /^models\[0\]\.released in FILE is "2026-02-30": must be a date/,
  ],
  [
    'models: [{ id: gpt-4, prices: [{ from: 2026-01-01, currency: EUR, input: 1, output: 1 }] }]',
    /^models\[0\]\.prices\[0\]\.currency in FILE is "EUR": must be one of USD, CNY$/,
  ],
  [
    'models: [{ id: gpt-4, prices: [{ from: 2026-01-01, currency: USD, input: -1, output: 1 }] }]',
    /^models\[0\]\.prices\[0\]\.input in FILE is -1: must be a number/,
  ],
  [
    'models: [{ id: gpt-4, prices: [{ from: 2026-01-01, currency: USD, input: 1, output: 1 }, { from: 2026-01-01, currency: CNY, input: 1, output: 1, up_to_prompt_tokens: 5 }] }]',
    'models[0].prices[1].currency in FILE is "CNY": must be USD like the other price of that day',
  ],
  [
    'models: [{ id: gpt-4, prices: [{ from: 2026-01-01, currency: USD, input: 1, output: 1 }, { from: 2026-01-01, currency: USD, input: 2, output: 1 }] }]',
    /^models\[0\]\.prices\[1\]\.from in FILE is "2026-01-01": must be another day or tier/,
  ],
  ['secret: "hunter22hunter22\nport: 1', /^PARLEY_CONFIG is "FILE": line 2, column \d+ is not valid YAML: /],
  ['a: *hunter22', 'PARLEY_CONFIG is "FILE": its YAML aliases cannot be resolved'],
  [
    'port: 1\nport: 2',
    'PARLEY_CONFIG is "FILE": line 2, column 1 is not valid YAML: Map keys must be unique',
  ],
];

for (const [yaml, message] of wrongYaml) {
  test(`refused: ${yaml}`, () => {
    const error = errorOf(() => withYaml(yaml));
    if (typeof message === 'string') assert.equal(error, message);
    else assert.match(error, message);
    assert.doesNotMatch(error, /hunter2/);
  });
}

test('an empty file is no file', () => {
  assert.equal(withYaml('').port, 8000);
  assert.equal(withYaml('# nothing').port, 8000);
});

test('a file that is not UTF-8 is refused', () => {
  writeFileSync(file, Buffer.from([0x61, 0x3a, 0xff]));
  const error = errorOf(() => loadConfig({ PARLEY_CONFIG: file }));
  assert.equal(error, 'PARLEY_CONFIG is "FILE": it cannot be read as UTF-8 text');
});
