import type { Kind } from './kinds.ts';

/** One setting. */
export interface Field<T> {
  node: 'field';
  kind: Pick<Kind<T>, 'type' | 'allowed' | 'masking' | 'parse'>;
  description: string;
  /** What holds where nothing is set; meaningless where `required`. */
  default: T;
  required: boolean;
  /** The default as YAML; `none` where there is none. */
  written: string;
  /** The default as the reference shows it. */
  shownDefault: string;
  /** The environment variable that sets it; it wins over the YAML file. */
  env: string | undefined;
  /** Whether only the environment variable sets it. */
  envOnly: boolean;
}

/** Settings under fixed keys. */
export interface Group<F extends Fields = Fields> {
  node: 'group';
  description: string;
  fields: F;
}

/** Settings under keys that the user chooses. */
export interface MapOf<N extends Node = Node> {
  node: 'map';
  description: string;
  of: N;
  /** What the keys are, for the reference: `<name>`. */
  key: string;
  /** What a key may look like. */
  keyKind: Pick<Kind<string>, 'allowed' | 'parse'>;
  /** Keys that are always there, read by a node of their own. */
  known: Record<string, N>;
  /** Values under keys that the user does not set. */
  defaults: Record<string, unknown>;
  /** Lines of YAML for the example file, indented as beneath the map's own key. */
  example: string[];
}

/** A list of groups. */
export interface ListOf<N extends Node = Node> {
  node: 'list';
  description: string;
  of: N;
  example: string[];
}

export type Node = Field<unknown> | Group | MapOf | ListOf;

export interface Fields {
  [key: string]: Node;
}

/** What reading a node yields. */
export type ValueOf<N> =
  N extends Field<infer T>
    ? T
    : N extends Group<infer F>
      ? { [K in keyof F]: ValueOf<F[K]> }
      : N extends MapOf<infer M>
        ? Record<string, ValueOf<M>>
        : N extends ListOf<infer M>
          ? ValueOf<M>[]
          : never;

/** How a field is described. */
export interface Words<D> {
  default: D;
  description: string;
  env?: string;
  envOnly?: boolean;
  shownDefault?: string;
}

/** A setting with a default; null as the default means that it may be unset. */
export function field<T>(kind: Kind<T>, words: Words<NoInfer<T>>): Field<T>;
export function field<T>(kind: Kind<T>, words: Words<null>): Field<T | null>;
export function field<T>(kind: Kind<T>, words: Words<undefined>): Field<T | undefined>;
export function field<T>(kind: Kind<T>, words: Words<T | null | undefined>): Field<T | null | undefined> {
  const { default: value, shownDefault, env, envOnly = false, description } = words;
  const written = value === null || value === undefined ? 'none' : kind.write(value);
  return {
    node: 'field',
    kind,
    description,
    default: value,
    required: false,
    written,
    shownDefault: shownDefault ?? written,
    env,
    envOnly,
  };
}

/** A setting that must be there wherever its group is. */
export function required<T>(kind: Kind<T>, description: string): Field<T> {
  const words = { default: undefined, description, shownDefault: 'required' };
  return { ...field(kind, words), required: true } as Field<T>;
}

/** Settings under fixed keys. */
export function group<F extends Fields>(description: string, fields: F): Group<F> {
  return { node: 'group', description, fields };
}

/** The YAML spelling of a key: `openMs` is `open`, since its value carries its unit; else snake case. */
export function yamlKey(key: string): string {
  return key.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
