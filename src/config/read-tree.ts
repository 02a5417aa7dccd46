import { ConfigError, oneLine, refusal } from './config-error.ts';
import { suggest } from './suggest.ts';
import { yamlKey, type Field, type Group, type ListOf, type MapOf, type Node, type ValueOf } from './tree.ts';

export type Env = Record<string, string | undefined>;

/** Where values come from. */
export interface Sources {
  env: Env;
  /** The YAML file as errors name it. */
  file: string;
}

/**
 * The values of `node`: environment before YAML before default. Throws `ConfigError` for a value that is not allowed, an
 * unknown key, or a missing one.
 */
export function readTree<N extends Node>(node: N, yaml: unknown, sources: Sources): ValueOf<N> {
  return readNode(node, yaml, '', sources) as ValueOf<N>;
}

function readNode(node: Node, yaml: unknown, path: string, sources: Sources): unknown {
  switch (node.node) {
    case 'field':
      return readField(node, yaml, path, sources);
    case 'group':
      return readGroup(node, yaml, path, sources);
    case 'map':
      return readMap(node, yaml, path, sources);
    case 'list':
      return readList(node, yaml, path, sources);
  }
}

function readField(field: Field<unknown>, yaml: unknown, path: string, sources: Sources): unknown {
  let value: unknown;
  if (!isUnset(yaml)) value = parse(field, yaml, placeOf(path, sources));
  const variable = field.env === undefined ? undefined : sources.env[field.env];
  if (field.env !== undefined && !isUnset(variable)) value = parse(field, variable, field.env);
  if (value !== undefined) return value;
  if (field.required) {
    throw new ConfigError(`${placeOf(path, sources)} is missing: must be ${field.kind.allowed}`);
  }
  return field.default;
}

function parse(field: Field<unknown>, value: unknown, place: string): unknown {
  const parsed = field.kind.parse(value);
  if (parsed === undefined) throw refusal(place, value, field.kind.allowed, field.kind.masking);
  return parsed;
}

function readGroup(group: Group, yaml: unknown, path: string, sources: Sources): Record<string, unknown> {
  const given = mapping(yaml, path, sources);
  const keys = new Map(Object.entries(group.fields).map(([key, node]) => [yamlKey(key), { key, node }]));
  for (const name of given.keys()) {
    const known = keys.get(name);
    if (known === undefined || isEnvOnly(known.node)) throw unknownKey(name, keys, path, sources);
  }
  const values: Record<string, unknown> = {};
  for (const [name, { key, node }] of keys) {
    values[key] = readNode(node, given.get(name), join(path, name), sources);
  }
  return values;
}

function readMap(map: MapOf, yaml: unknown, path: string, sources: Sources): Record<string, unknown> {
  const given = mapping(yaml, path, sources);
  const values = bare();
  Object.assign(values, map.defaults);
  for (const name of new Set([...Object.keys(map.known), ...given.keys()])) {
    if (map.keyKind.parse(name) === undefined) {
      throw refusal(`a key of ${placeOf(path, sources)}`, name, map.keyKind.allowed);
    }
    const node = Object.hasOwn(map.known, name) ? map.known[name] : map.of;
    if (node !== undefined) values[name] = readNode(node, given.get(name), join(path, name), sources);
  }
  return values;
}

function readList(list: ListOf, yaml: unknown, path: string, sources: Sources): unknown[] {
  if (isUnset(yaml)) return [];
  if (!Array.isArray(yaml)) throw refusal(placeOf(path, sources), yaml, 'a list');
  return yaml.map((item: unknown, index) => readNode(list.of, item ?? {}, `${path}[${index}]`, sources));
}

/** A YAML mapping as a `Map`; nothing as an empty one. */
function mapping(yaml: unknown, path: string, sources: Sources): Map<string, unknown> {
  if (isUnset(yaml)) return new Map();
  if (typeof yaml !== 'object' || yaml === null || Array.isArray(yaml)) {
    throw refusal(placeOf(path, sources), yaml, 'a group of keys', 'all');
  }
  return new Map(Object.entries(yaml));
}

function unknownKey(
  name: string,
  keys: Map<string, { node: Node }>,
  path: string,
  sources: Sources,
): ConfigError {
  const known = [...keys].filter(([, { node }]) => !isEnvOnly(node)).map(([key]) => key);
  const near = suggest(name, known);
  const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
  return new ConfigError(oneLine(`${placeOf(join(path, name), sources)} is not a known key: ${hint}`));
}

function isEnvOnly(node: Node): boolean {
  return node.node === 'field' && node.envOnly;
}

/** Empty text counts as unset, in variables and in YAML. */
function isUnset(value: unknown): value is undefined | null | '' {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

/** Without a prototype: these are looked up by names that clients send, and `constructor` must not be found. */
function bare(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** `path` as errors name it. */
export function placeOf(path: string, { file }: Pick<Sources, 'file'>): string {
  return oneLine(path === '' ? file : `${path} in ${file}`);
}
