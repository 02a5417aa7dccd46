import type { BreakerPolicy } from '../core/completions/breaker.ts';
import type { ProviderTimeouts } from '../core/completions/provider.ts';
import type { RetryPolicy } from '../core/completions/retry.ts';
import { ConfigError, oneLine } from './config-error.ts';
import { vendors, type ProviderKind, type ProviderSettings } from './provider-schema.ts';
import { placeOf, type Sources } from './read-tree.ts';

/** A provider that can be called. */
export interface ProviderConfig {
  name: string;
  kind: ProviderKind;
  /** Without a slash at its end; for `anthropic` without `/v1` too. */
  baseUrl: string;
  apiKey: string | null;
  timeouts: ProviderTimeouts;
  retries: RetryPolicy;
  breaker: BreakerPolicy;
  /** Whether to ask it which models it serves. */
  discoverModels: boolean;
}

/** The configured providers: vendors with a key or an address, and every other one of the file. Throws `ConfigError`. */
export function configuredProviders(
  settings: Record<string, ProviderSettings>,
  sources: Sources,
): ProviderConfig[] {
  const configs: ProviderConfig[] = [];
  for (const [name, provider] of Object.entries(settings)) {
    const path = `providers.${name}`;
    const key = keyOf(provider, path, sources);
    const vendor = vendors.find((one) => one.name === name);
    if (vendor !== undefined && key === null && provider.baseUrl === null) continue;
    configs.push(configOf(name, provider, key, path, sources));
  }
  return configs;
}

function configOf(
  name: string,
  provider: ProviderSettings,
  key: string | null,
  path: string,
  sources: Sources,
): ProviderConfig {
  const { kind, timeouts, retries, breaker } = provider;
  const ownUrl =
    vendors.find((vendor) => vendor.name === name)?.baseUrl ??
    (kind === 'anthropic' ? vendors.find((vendor) => vendor.kind === kind)?.baseUrl : undefined);
  const url = provider.baseUrl ?? ownUrl;
  if (url === undefined) {
    throw new ConfigError(`${placeOf(`${path}.base_url`, sources)} is missing: must be an http(s) address`);
  }
  const elsewhere = kind === 'openai-compatible' && url !== ownUrl;
  return {
    name,
    kind,
    baseUrl: kind === 'anthropic' ? url.replace(/\/v1$/, '') : url,
    apiKey: key,
    timeouts,
    retries,
    breaker,
    discoverModels: provider.discoverModels ?? elsewhere,
  };
}

/** The key itself, or what the variable named by `api_key_env` holds: naming one is more deliberate than having one. */
function keyOf(provider: ProviderSettings, path: string, sources: Sources): string | null {
  const variable = provider.apiKeyEnv;
  if (variable === null) return provider.apiKey;
  const value = sources.env[variable]?.trim() ?? '';
  const place = placeOf(`${path}.api_key_env`, sources);
  if (value === '')
    throw new ConfigError(oneLine(`${place} is "${variable}": must be the name of a variable that is set`));
  if (!/^[\x21-\x7e]+$/.test(value)) {
    throw new ConfigError(oneLine(`${variable} is (hidden): must be a key of visible ASCII characters`));
  }
  return value;
}
