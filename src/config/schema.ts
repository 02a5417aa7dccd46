import { budget } from './budget-kind.ts';
import {
  addressRange,
  choice,
  databaseUrl,
  decimal,
  duration,
  email,
  environmentName,
  flag,
  host,
  httpUrl,
  listOf,
  modelId,
  password,
  redisUrl,
  signingSecret,
  size,
  text,
  timeZone,
  wholeNumber,
} from './kinds.ts';
import { modelsSchema } from './model-schema.ts';
import { providersSchema } from './provider-schema.ts';
import { field, group, required, type Field, type MapOf, type ValueOf } from './tree.ts';

const second = 1000;
const day = 24 * 60 * 60 * second;
const mebibyte = 2 ** 20;
const perMinute = wholeNumber(1, 1_000_000);

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export const cacheScopes = ['caller', 'shared'] as const;

const server = {
  host: field(host, {
    env: 'HOST',
    default: '127.0.0.1',
    description: 'The address to listen on; `0.0.0.0` for all. Beyond loopback the gateway wants a key.',
  }),
  port: field(wholeNumber(0, 65_535), {
    env: 'PORT',
    default: 8000,
    description: 'The port to listen on; 0 takes a free one and prints it.',
  }),
  dataDir: field(text, {
    env: 'PARLEY_DATA_DIR',
    default: './data',
    description:
      'The folder of the embedded database, the generated secret and the knowledge base; created, mode 0700.',
  }),
  databaseUrl: field(databaseUrl, {
    env: 'DATABASE_URL',
    default: null,
    shownDefault: 'sqlite: in the data folder',
    description:
      'The database: `sqlite:<file>`, for one node, or `postgres://user:password@host:port/database`, for as many as you like.',
  }),
  redisUrl: field(redisUrl, {
    env: 'REDIS_URL',
    default: null,
    shownDefault: 'none: in-process',
    description:
      'Events, limits, cache and revocations that several nodes share: `redis://user:password@host:port/db`. Needed where more than one node runs.',
  }),
  redisPrefix: field(text, {
    env: 'PARLEY_REDIS_PREFIX',
    default: 'parley:',
    description:
      'What all keys and channels in Redis begin with: deployments that share a Redis have one each.',
  }),
  shutdownGraceMs: field(duration(0, 3600 * second), {
    default: 30 * second,
    description:
      'How long running answers may take to finish after the stop signal, before they are cancelled.',
  }),
  shutdownDelayMs: field(duration(0, 600 * second), {
    default: null,
    shownDefault: '3s with REDIS_URL, else 0',
    description:
      'How long a node goes on after the stop signal, while `/ready` already says that it leaves: so long a load balancer may take to notice.',
  }),
  environment: field(environmentName, {
    env: 'NODE_ENV',
    envOnly: true,
    default: 'production',
    description: 'The name that `/health` reports.',
  }),
  configFile: field(text, {
    env: 'PARLEY_CONFIG',
    envOnly: true,
    default: null,
    description: 'The YAML file described below.',
  }),
};

const access = {
  secret: field(signingSecret, {
    env: 'PARLEY_SECRET',
    default: null,
    shownDefault: 'generated once, kept in the data folder (0600)',
    description: 'Signs tokens; 16 characters and up. Required with PostgreSQL: all nodes need the same.',
  }),
  accessTokenTtlMs: field(duration(60 * second, 30 * day), {
    default: 3600 * second,
    description: 'How long an access token is good for. A login lasts longer: refresh tokens live 30 days.',
  }),
  admin: group('The first administrator, made at the first start.', {
    email: field(email, {
      env: 'PARLEY_ADMIN_EMAIL',
      default: 'admin@example.com',
      description: 'E-mail address of the first administrator.',
    }),
    password: field(password, {
      env: 'PARLEY_ADMIN_PASSWORD',
      default: null,
      shownDefault: 'random, printed once',
      description: 'Password of the first administrator, 8 to 256 characters.',
    }),
  }),
  openGateway: field(flag, {
    env: 'PARLEY_OPEN_GATEWAY',
    default: null,
    shownDefault: 'open on loopback only',
    description: 'Whether the gateway answers without a key.',
  }),
  corsOrigins: field(listOf(text), {
    default: null,
    shownDefault: 'any where a key is needed, else pages of this machine',
    description:
      'Origins of web pages that may use this server, such as `https://shop.example`; `*` for all.',
  }),
  rateLimits: field(flag, {
    env: 'PARLEY_RATE_LIMITS',
    default: true,
    description: '`off` for load tests: neither calls nor open sockets are counted.',
  }),
  trustedProxies: field(listOf(addressRange), {
    env: 'PARLEY_TRUSTED_PROXIES',
    default: [],
    shownDefault: 'none',
    description: 'Addresses or ranges of proxies whose `X-Forwarded-For` counts.',
  }),
};

const observation = {
  timeZone: field(timeZone, {
    env: 'PARLEY_TIME_ZONE',
    default: 'UTC',
    description: 'Where a day begins, for statistics.',
  }),
  logLevel: field(choice(logLevels), {
    env: 'PARLEY_LOG_LEVEL',
    default: 'info',
    description: 'What is logged.',
  }),
  otlpEndpoint: field(httpUrl, {
    env: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    default: null,
    description: 'Where OpenTelemetry traces go. Not used yet.',
  }),
};

const chain = required(listOf(modelId), 'The models tried in turn.');

const fallback = group('Who answers where the model asked for cannot.', {
  enabled: field(flag, {
    env: 'PARLEY_FALLBACK',
    default: true,
    description: '`off`: a model that cannot answer is an error.',
  }),
  default: field(listOf(modelId), {
    default: ['parley-local'],
    description: 'The models tried in turn where no chain is set for the model itself.',
  }),
  models: {
    node: 'map',
    description: 'Chains for single models.',
    of: chain,
    key: 'model',
    keyKind: modelId,
    known: {},
    defaults: {},
    example: ['gpt-4: [gpt-4o, parley-local]'],
  } satisfies MapOf<Field<string[]>>,
});

const cache = group('The response cache.', {
  enabled: field(flag, { default: true, description: 'Whether answers are kept and reused.' }),
  maxBytes: field(size(0, 2 ** 40), {
    default: 64 * mebibyte,
    description: 'Its bound; what was not used for longest goes first.',
  }),
  ttlMs: field(duration(second, 365 * day), { default: day, description: 'How long an answer is kept.' }),
  threshold: field(decimal(0.5, 1), {
    default: 0.95,
    description: 'The similarity from which another prompt’s answer is taken; 1 for equal prompts only.',
  }),
  scope: field(choice(cacheScopes), {
    default: 'caller',
    description: '`shared`: answers are shared between the callers of different API keys.',
  }),
  openai: field(flag, { default: false, description: 'Whether `/v1/chat/completions` uses the cache.' }),
  embeddingModel: field(modelId, {
    default: null,
    shownDefault: 'the built-in lexical embedding',
    description: 'The model that tells how similar two prompts are.',
  }),
});

const limits = group('Limits.', {
  assistant: group('Of the assistant contract.', {
    authPerMinute: field(perMinute, {
      default: 5,
      description: 'Logins and registrations a minute, per address.',
    }),
    chatPerMinute: field(perMinute, { default: 60, description: 'Chat calls a minute, per user.' }),
    socketsPerUser: field(wholeNumber(1, 100_000), {
      default: 5,
      description: 'Open WebSocket connections of one user.',
    }),
    sessionsPerUser: field(wholeNumber(1, 1_000_000_000), {
      default: 10_000,
      description: 'Conversations that one user may have, those of other contracts included.',
    }),
  }),
  companion: group('Of the companion contract.', {
    loginsPerMinute: field(perMinute, { default: 5, description: 'Logins a minute, per address.' }),
    chatPerMinute: field(perMinute, { default: 60, description: 'Chat calls a minute, per user.' }),
    socketsPerUser: field(wholeNumber(1, 100_000), {
      default: 3,
      description: 'Open WebSocket connections of one user.',
    }),
  }),
  helpdesk: group('Of the helpdesk contract.', {
    loginsPerMinute: field(perMinute, { default: 5, description: 'Logins a minute, per address.' }),
    messagesPerMinute: field(perMinute, {
      default: 60,
      description: 'Messages a minute over HTTP and WebSockets together, per person; of guests, per address.',
    }),
    visitsPerMinute: field(perMinute, {
      default: 300,
      description:
        'Sessions begun, handed over and rated a minute, per person; of guests, per address. So that nobody floods the agents.',
    }),
    adminCallsPerMinute: field(perMinute, {
      default: 100,
      description: 'Administrative calls a minute, per person.',
    }),
    socketsPerAddress: field(wholeNumber(1, 100_000), {
      default: 10,
      description: 'Open WebSocket connections from one address.',
    }),
  }),
  studio: group('Of the studio contract.', {
    authPerMinute: field(perMinute, {
      default: 60,
      description: 'Logins, registrations and refreshed tokens a minute, per address.',
    }),
    messagesPerMinute: field(perMinute, { default: 120, description: 'Messages a minute, per user.' }),
    proxyCallsPerMinute: field(perMinute, {
      default: 120,
      description: 'Calls through the proxy a minute, per user or API key.',
    }),
  }),
  gateway: group('Per caller of the gateway.', {
    requestsPerMinute: field(perMinute, { default: 100, description: 'Requests a minute.' }),
    burst: field(wholeNumber(0, 1_000_000), { default: 20, description: 'Requests above that at once.' }),
    socketsPerMinute: field(perMinute, { default: 5, description: 'WebSocket connections a minute.' }),
  }),
  bodyBytes: field(size(1024, 256 * mebibyte), { default: mebibyte, description: 'A request’s body.' }),
  imageBodyBytes: field(size(1024, 256 * mebibyte), {
    default: 16 * mebibyte,
    description: 'The body of a request that may carry images.',
  }),
  socketFrameBytes: field(size(1024, 256 * mebibyte), {
    default: mebibyte,
    description: 'A frame from a WebSocket client.',
  }),
  turnsAtOnce: field(wholeNumber(1, 1_000_000), {
    default: 1_000,
    description:
      'Answers in conversations that are made at once; beyond it, questions are refused for a moment.',
  }),
  answersPerSocket: field(wholeNumber(1, 1000), {
    default: 8,
    description: 'Answers that one WebSocket connection may have running.',
  }),
});

const budgets = group('What may be spent in a month on calls to models; months are those of the time zone.', {
  perUser: field(budget, {
    default: null,
    shownDefault: 'none: nothing limits',
    description:
      'Of every user for whom an administrator has set none: tokens, or money as the prices of models count it.',
  }),
  perKey: field(budget, {
    default: null,
    shownDefault: 'none: nothing limits',
    description: 'Of every API key that was made without one.',
  }),
  cnyPerUsd: field(decimal(0.01, 1000), {
    default: 7.2,
    description:
      'Yuan for a dollar, where a budget in one is spent on models that are paid in the other. Set it to what you pay.',
  }),
});

const conversations = group('Conversations.', {
  idleMs: field(duration(second, 365 * day), {
    default: 30 * 60 * second,
    description:
      'How long after its last message a companion’s chat is the current one; then a new one begins.',
  }),
  feedRetentionMs: field(duration(60 * second, 365 * day), {
    default: day,
    description: 'How long a client that was away can come back and be told only what it missed.',
  }),
});

const knowledge = group('The knowledge base.', {
  shipped: field(flag, {
    default: true,
    description:
      'Whether it has the articles about Parley that come with it; `off` where it is to answer about your own business alone.',
  }),
});

const webhooks = group('Webhooks: receivers of events, which administrators set up.', {
  allowHttp: field(flag, {
    default: false,
    description: 'Whether `http://` addresses may be told; otherwise only `https://`.',
  }),
  allowPrivateAddresses: field(listOf(addressRange), {
    default: [],
    shownDefault: 'none',
    description:
      'Addresses or ranges that may be told though they are not of the public internet, such as `10.1.2.3`.',
  }),
  timeoutMs: field(duration(100, 120 * second), {
    default: 15 * second,
    description: 'How long a receiver may take to answer, redirects included.',
  }),
  connectionsPerReceiver: field(wholeNumber(1, 100), {
    default: 4,
    description: 'Conversations of which one receiver is told at once.',
  }),
  disableAfterMs: field(duration(60 * second, 365 * day), {
    default: 3 * day,
    description: 'How long every attempt to tell a receiver may fail before it is switched off.',
  }),
  retentionMs: field(duration(60 * second, 365 * day), {
    default: 14 * day,
    description: 'How long it can be looked up what became of a delivery.',
  }),
});

const keptDays = wholeNumber(1, 36_500);

const retention = group(
  'How long single records are kept; what is older is removed once a day, little by little.',
  {
    apiCallsDays: field(keptDays, {
      default: null,
      shownDefault: 'for ever',
      description:
        'Days that single calls to models are listed in the history. What they took and cost in all is kept for ever.',
    }),
    auditDays: field(keptDays, {
      default: null,
      shownDefault: 'for ever',
      description:
        'Days that entries of the audit log are kept. An entry says how many were removed. Ask who answers for it before you set this.',
    }),
  },
);

/** What users commonly open with; the names are the gateway's documented warm-up patterns. */
export const builtInPrompts: Record<string, string[]> = {
  greeting: ['Hello', 'Hi', 'Good morning', 'Hello, how are you?', '你好'],
  help: ['Help', 'I need help', 'Can you help me?', 'What can you do?', '你能帮我什么？'],
  about: ['Who are you?', 'What are you?', 'Tell me about yourself', 'What is this service?', '你是谁？'],
};

const promptSets: MapOf<Field<string[]>> = {
  node: 'map',
  description:
    'Prompts for warming the cache, by name. `greeting`, `help` and `about` are built in; a set here replaces the built-in one of its name.',
  of: required(listOf(text), 'The prompts.'),
  key: 'name',
  keyKind: text,
  known: {},
  defaults: builtInPrompts,
  example: ['orders: ["Where is my order?", "Can I change my address?"]'],
};

/** Everything that can be configured: the one place for names, types, defaults and meanings. */
export const schema = group('', {
  ...server,
  ...access,
  ...observation,
  providers: providersSchema,
  models: modelsSchema,
  defaultModel: field(modelId, {
    env: 'PARLEY_DEFAULT_MODEL',
    default: null,
    shownDefault: 'the first model whose provider is configured, else parley-local',
    description: 'The model for requests that name none.',
  }),
  fallback,
  cache,
  budgets,
  promptSets,
  conversations,
  knowledge,
  webhooks,
  retention,
  limits,
});

/** What the schema reads, before the parts that depend on one another are joined. */
export type Settings = ValueOf<typeof schema>;
