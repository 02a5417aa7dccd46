import { resolve } from 'node:path';
import type { ModelEntry } from './core/completions/catalogue.ts';
import { ConfigError, oneLine } from './config/config-error.ts';
import { checkModelId, checkModels, readShippedModels, withoutEmptyPrices } from './config/models.ts';
import { vendors } from './config/provider-schema.ts';
import { configuredProviders, type ProviderConfig } from './config/providers.ts';
import { placeOf, readTree, type Env, type Sources } from './config/read-tree.ts';
import { readYaml } from './config/read-yaml.ts';
import { schema, type Settings } from './config/schema.ts';
import { suggest } from './config/suggest.ts';
import { environmentNames } from './config/variables.ts';

/** How this server runs: everything a user can set, checked and complete. Durations are milliseconds, sizes bytes. */
export interface Config extends Omit<Settings, 'providers' | 'models' | 'databaseUrl'> {
  /** `sqlite:` and an absolute path, `sqlite::memory:`, or `postgres://…`. */
  databaseUrl: string;
  /** Those that can be called; vendors first. */
  providers: ProviderConfig[];
  /** The catalogue that comes with Parley. */
  shippedModels: ModelEntry[];
  /** The operator's own entries, to lay over the shipped ones. */
  models: ModelEntry[];
  /** For the log at start: what is set but has no effect. One line each. */
  warnings: string[];
}

/**
 * The configuration from environment variables and the YAML file that `PARLEY_CONFIG` names. Throws `ConfigError` for the
 * first wrong value; relative paths count from the working folder.
 */
export function loadConfig(env: Env): Config {
  const path = env['PARLEY_CONFIG']?.trim() ?? '';
  const sources: Sources = { env, file: path };
  const yaml = path === '' ? undefined : readYaml(path, `PARLEY_CONFIG is ${JSON.stringify(path)}`);
  const settings = readTree(schema, yaml, sources);
  const providers = configuredProviders(settings.providers, sources);
  const shippedModels = readShippedModels();
  const models = settings.models.map(withoutEmptyPrices);
  const providerNames = [...vendors, ...providers].map(({ name }) => name);
  checkModels(models, shippedModels, [...new Set(providerNames)], sources);
  const dataDir = resolve(settings.dataDir);
  const config: Config = {
    ...settings,
    dataDir,
    databaseUrl: databaseIn(dataDir, settings.databaseUrl),
    providers,
    shippedModels,
    models,
    fallback: {
      ...settings.fallback,
      models: chainsById(settings.fallback.models, [...shippedModels, ...models]),
    },
    warnings: [...unusedSettings(settings), ...unknownVariables(env, settings)],
  };
  checkSecret(config);
  checkNamedModels(config, sources);
  return config;
}

function databaseIn(dataDir: string, url: string | null): string {
  if (url?.startsWith('postgres')) return url;
  const file = url?.slice('sqlite:'.length) ?? '';
  if (file === ':memory:') return 'sqlite::memory:';
  return `sqlite:${file === '' ? resolve(dataDir, 'parley.db') : resolve(file)}`;
}

/** What one node has signed, the others must know. */
function checkSecret({ databaseUrl, secret }: Config): void {
  if (!databaseUrl.startsWith('postgres') || secret !== null) return;
  throw new ConfigError(
    `PARLEY_SECRET is not set: must be at least 16 characters, the same on every node, where the database is PostgreSQL`,
  );
}

/** The chains under the ids of their models, where the file names an alias: that is where they are looked up. */
function chainsById(chains: Record<string, string[]>, entries: ModelEntry[]): Record<string, string[]> {
  const ids = new Map(entries.flatMap(({ id, aliases = [] }) => aliases.map((alias) => [alias, id])));
  for (const { id } of entries) ids.set(id, id);
  const byId = Object.create(null) as Record<string, string[]>;
  for (const [model, chain] of Object.entries(chains)) byId[ids.get(model) ?? model] = chain;
  return byId;
}

/** Every model that a setting names must exist, as far as that is known before providers are asked what they serve. */
function checkNamedModels(config: Config, sources: Sources): void {
  if (config.providers.some((provider) => provider.discoverModels)) return;
  const entries = [...config.shippedModels, ...config.models];
  const known = new Set(entries.flatMap(({ id, aliases = [] }) => [id, ...aliases]));
  const { fallback, defaultModel, cache } = config;
  const fromVariable = (sources.env['PARLEY_DEFAULT_MODEL']?.trim() ?? '') !== '';
  const defaultPlace = fromVariable ? 'PARLEY_DEFAULT_MODEL' : placeOf('default_model', sources);
  if (defaultModel !== null) checkModelId(defaultModel, known, defaultPlace);
  if (cache.embeddingModel !== null) {
    checkModelId(cache.embeddingModel, known, placeOf('cache.embedding_model', sources));
  }
  for (const id of fallback.default) checkModelId(id, known, placeOf('fallback.default', sources));
  for (const [model, chain] of Object.entries(fallback.models)) {
    const place = placeOf(`fallback.models.${model}`, sources);
    for (const id of [model, ...chain]) checkModelId(id, known, place);
  }
}

function unusedSettings(settings: Settings): string[] {
  const warnings: string[] = [];
  if (settings.databaseUrl?.startsWith('postgres') && settings.redisUrl === null) {
    warnings.push(
      'REDIS_URL is not set: only one node may use this PostgreSQL, for nodes would not hear of each other',
    );
  }
  if (settings.otlpEndpoint !== null) {
    warnings.push('OTEL_EXPORTER_OTLP_ENDPOINT is set but not used yet: no traces are sent');
  }
  return warnings;
}

/** Slips such as PARLEY_PROT. Only names are repeated: the value may be a secret. */
function unknownVariables(env: Env, settings: Settings): string[] {
  const known = environmentNames(schema);
  const named = new Set(Object.values(settings.providers).map(({ apiKeyEnv }) => apiKeyEnv));
  return Object.keys(env)
    .filter((name) => name.startsWith('PARLEY_') && !known.includes(name) && !named.has(name))
    .sort()
    .map((name) => {
      const near = suggest(name, known) ?? suggest(name.slice('PARLEY_'.length), known);
      return oneLine(`${name} is not a known variable${near === undefined ? '' : `: did you mean ${near}?`}`);
    });
}
