import { fileURLToPath } from 'node:url';
import type { ModelEntry } from '../core/completions/catalogue.ts';
import { ConfigError, oneLine, refusal } from './config-error.ts';
import { modelsSchema } from './model-schema.ts';
import { localProvider, vendors } from './provider-schema.ts';
import { placeOf, readTree, type Sources } from './read-tree.ts';
import { readYaml } from './read-yaml.ts';
import { suggest } from './suggest.ts';
import { field, group } from './tree.ts';
import { date } from './kinds.ts';

const shippedFile = fileURLToPath(new URL('../../models.yaml', import.meta.url));

const shippedSchema = group('', {
  pricesNoted: field(date, { default: null, description: 'The day the prices were noted.' }),
  models: modelsSchema,
});

/** The models that Parley ships, from `models.yaml`. Throws `ConfigError` where the file was damaged. */
export function readShippedModels(): ModelEntry[] {
  const sources: Sources = { env: {}, file: 'models.yaml' };
  const { models } = readTree(shippedSchema, readYaml(shippedFile, 'models.yaml'), sources);
  const entries = models.map(withoutEmptyPrices);
  checkModels(
    entries,
    [],
    vendors.map(({ name }) => name),
    sources,
  );
  return entries;
}

/** An entry that names no price keeps the shipped ones. */
export function withoutEmptyPrices(entry: ModelEntry): ModelEntry {
  return entry.prices?.length === 0 ? { ...entry, prices: undefined } : entry;
}

/** Throws `ConfigError` for entries that do not fit one another, the shipped models or the known providers. */
export function checkModels(
  entries: readonly ModelEntry[],
  shipped: readonly ModelEntry[],
  providers: readonly string[],
  sources: Sources,
): void {
  const known = new Set(shipped.flatMap(({ id, aliases = [] }) => [id, ...aliases]));
  const allowed = [localProvider, ...providers];
  const seen = new Set<string>();
  for (const [index, entry] of entries.entries()) {
    const path = `models[${index}]`;
    const at = (field: string) => placeOf(`${path}.${field}`, sources);
    if (seen.has(entry.id)) throw refusal(at('id'), entry.id, 'an id that no other entry has');
    seen.add(entry.id);
    if (entry.provider === undefined && !known.has(entry.id)) {
      throw new ConfigError(oneLine(`${at('provider')} is missing: must be one of ${allowed.join(', ')}`));
    }
    if (entry.provider !== undefined && !allowed.includes(entry.provider)) {
      throw refusal(at('provider'), entry.provider, `one of ${allowed.join(', ')}`);
    }
    checkPrices(entry, at);
  }
}

/** One currency a day, and each tier once. */
function checkPrices(entry: ModelEntry, at: (field: string) => string): void {
  const currencies = new Map<string, string>();
  const tiers = new Set<string>();
  for (const [index, price] of (entry.prices ?? []).entries()) {
    const currency = currencies.get(price.from) ?? price.currency;
    currencies.set(price.from, currency);
    if (price.currency !== currency) {
      throw refusal(
        at(`prices[${index}].currency`),
        price.currency,
        `${currency} like the other price of that day`,
      );
    }
    const tier = `${price.from} ${price.upToPromptTokens ?? ''}`;
    if (tiers.has(tier)) {
      throw refusal(
        at(`prices[${index}].from`),
        price.from,
        'another day or tier than an earlier price of the model',
      );
    }
    tiers.add(tier);
  }
}

/** Throws `ConfigError` where `id` is none of `known`. `place` is the variable or YAML path that names it. */
export function checkModelId(id: string, known: ReadonlySet<string>, place: string): void {
  if (known.has(id)) return;
  const near = suggest(id, known);
  const hint = near === undefined ? 'models.yaml lists those that are shipped' : `did you mean "${near}"?`;
  throw refusal(place, id, `the id of a known model (${hint})`);
}
