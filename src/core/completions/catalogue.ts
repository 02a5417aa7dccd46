import type { Price } from './prices.ts';

export const capabilities = ['chat', 'code', 'analysis', 'vision', 'video', 'tools', 'embedding'] as const;
export type Capability = (typeof capabilities)[number];

export const imageTypes = ['png', 'jpeg', 'webp', 'gif', 'bmp'] as const;
export type ImageType = (typeof imageTypes)[number];

/** What a model takes in of images and videos at once; nothing is said where nobody knows. Bytes are those of `data:` URLs, in base64. */
export interface MediaLimits {
  maxImages?: number | undefined;
  maxVideos?: number | undefined;
  /** Of one. */
  maxImageBytes?: number | undefined;
  maxVideoBytes?: number | undefined;
  /** Of all together. */
  maxBytes?: number | undefined;
  imageTypes?: readonly ImageType[] | undefined;
  /** What one is taken to cost, as long as the provider has not said. */
  imageTokens?: number | undefined;
  videoTokens?: number | undefined;
}

/** A model as the rest of core and the contracts see it. */
export interface Model {
  /** What the vendor is asked for; an alias, such as a dated id, is asked for as it is. */
  id: string;
  /** The listed model that this id is an alias of; null for listed models. */
  aliasOf: string | null;
  name: string;
  /** Name of the provider that serves it. */
  provider: string;
  description: string;
  /** Tokens of prompt and answer together; null where nobody said. */
  contextLength: number | null;
  /** Tokens of the longest answer; null where nobody said. */
  maxOutput: number | null;
  /** `YYYY-MM-DD`; null where nobody said. */
  released: string | null;
  capabilities: Capability[];
  media: MediaLimits;
  /** Empty where the price is not known. */
  prices: Price[];
}

/** A model as a catalogue file writes it: an own entry names only what it changes. */
export interface ModelEntry {
  id: string;
  name?: string | undefined;
  provider?: string | undefined;
  description?: string | undefined;
  contextLength?: number | undefined;
  maxOutput?: number | undefined;
  released?: string | undefined;
  capabilities?: Capability[] | undefined;
  media?: MediaLimits | undefined;
  prices?: Price[] | undefined;
  /** Further ids under which the same model answers. */
  aliases?: string[] | undefined;
}

/** The models this server knows. */
export interface Catalogue {
  /** By id or alias. */
  get(id: string): Model | undefined;
  /** Shipped models in their file's order, then the operator's, then discovered ones. */
  list(): Model[];
  /**
   * Takes in what a provider says it serves. Ids the catalogue does not know become models without context length or price;
   * known ones stay as they are. Replaces what was discovered of that provider before.
   */
  discover(provider: string, ids: readonly string[]): void;
  /** The ids the provider said it serves; undefined where it has not been asked. */
  offered(provider: string): ReadonlySet<string> | undefined;
}

/**
 * The shipped models with the operator's entries over them, field by field. An own entry under a shipped alias makes that
 * alias a model of its own. Throws a `TypeError` for a new model without a provider: configuration refuses it before.
 */
export function createCatalogue(shipped: readonly ModelEntry[], own: readonly ModelEntry[]): Catalogue {
  const known = new Map<string, Model>();
  const aliases = new Map<string, string>();
  const discovered = new Map<string, Model>();
  const offers = new Map<string, ReadonlySet<string>>();

  const aliased = new Map<string, Model>();

  const find = (id: string): Model | undefined => known.get(id) ?? findAliased(id);
  const findAliased = (id: string): Model | undefined => {
    const target = known.get(aliases.get(id) ?? '');
    if (target === undefined) return undefined;
    const model = aliased.get(id) ?? { ...target, id, aliasOf: target.id };
    aliased.set(id, model);
    return model;
  };

  for (const entry of [...shipped, ...own]) {
    known.set(entry.id, modelOf(entry, find(entry.id)));
    aliased.clear();
    for (const alias of entry.aliases ?? []) aliases.set(alias, entry.id);
  }

  return {
    get: (id) => find(id) ?? discovered.get(id),
    list: () => [...known.values(), ...discovered.values()],
    discover(provider, ids) {
      for (const model of discovered.values()) {
        if (model.provider === provider) discovered.delete(model.id);
      }
      offers.set(provider, new Set(ids));
      for (const id of ids) {
        if (find(id) === undefined && !discovered.has(id)) discovered.set(id, discoveredModel(provider, id));
      }
    },
    offered: (provider) => offers.get(provider),
  };
}

function modelOf(entry: ModelEntry, base: Model | undefined): Model {
  const provider = entry.provider ?? base?.provider;
  if (provider === undefined) throw new TypeError(`Model ${entry.id} names no provider.`);
  return {
    id: entry.id,
    aliasOf: null,
    name: entry.name ?? base?.name ?? entry.id,
    provider,
    description: entry.description ?? base?.description ?? '',
    contextLength: entry.contextLength ?? base?.contextLength ?? null,
    maxOutput: entry.maxOutput ?? base?.maxOutput ?? null,
    released: entry.released ?? base?.released ?? null,
    capabilities: entry.capabilities ?? base?.capabilities ?? ['chat'],
    media: { ...base?.media, ...withoutUnset(entry.media) },
    prices: entry.prices ?? base?.prices ?? [],
  };
}

function withoutUnset(limits: MediaLimits = {}): MediaLimits {
  return Object.fromEntries(Object.entries(limits).filter(([, limit]) => limit !== undefined));
}

/** A model that only its provider's word is known of. */
export function discoveredModel(provider: string, id: string): Model {
  return {
    id,
    aliasOf: null,
    name: id,
    provider,
    description: `Served by ${provider}`,
    contextLength: null,
    maxOutput: null,
    released: null,
    capabilities: capabilitiesByName(id),
    media: {},
    prices: [],
  };
}

/** A model by this part of its name takes images: `qwen2.5vl`, `llama-3.2-11b-vision`, `llava:7b` … */
const seesByName = /vl(?![a-z])|vision|llava|pixtral|omni/i;
/** And videos besides. */
const watchesByName = /qwen[\w.-]*(?:vl(?![a-z])|omni)/i;

function capabilitiesByName(id: string): Capability[] {
  if (/embed/i.test(id)) return ['embedding'];
  if (watchesByName.test(id)) return ['chat', 'vision', 'video'];
  return seesByName.test(id) ? ['chat', 'vision'] : ['chat'];
}
