import { isDeepStrictEqual } from 'node:util';
import type { FastifySchema } from 'fastify';

/** What is read and written here of an OpenAPI document. */
interface Operation {
  tags?: string[];
  summary?: string;
  description?: string;
  security?: object[];
  parameters?: Parameter[];
  requestBody?: Described;
  responses?: Record<string, Described>;
}
interface Parameter {
  in: string;
  name: string;
  required?: boolean;
  schema?: object;
}
interface Described {
  description?: string;
  required?: boolean;
  content?: Record<string, { schema?: object; example?: unknown; examples?: object }>;
  headers?: object;
}

const mark = '#';

/**
 * An address as the contract of `schema` has it. Two contracts may have routes at one address, by whose token or what id it
 * is; without a mark, one would be described over the other.
 */
export function markedByContract(url: string, schema: FastifySchema | undefined): string {
  const { tags } = (schema ?? {}) as { tags?: readonly string[] };
  return `${url}${mark}${tags?.[0] ?? ''}`;
}

/** Puts operations at one method and address into one, and takes away the marks of `markedByContract`. */
export function mergeOperations<T extends { paths?: object | undefined }>(document: T): T {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const [marked, operations] of Object.entries(document.paths ?? {})) {
    const path = marked.slice(0, marked.lastIndexOf(mark));
    const known = (paths[path] ??= {});
    for (const [method, operation] of Object.entries(operations as Record<string, Operation>)) {
      const other = known[method];
      known[method] = other === undefined ? operation : merged(other, operation);
    }
  }
  return { ...document, paths };
}

function merged(one: Operation, other: Operation): Operation {
  return {
    tags: union(one.tags, other.tags),
    summary: union([titleOf(one)], [titleOf(other)]).join(' / '),
    description: `${sectionOf(one)}\n\n${sectionOf(other)}`,
    security: union(one.security, other.security),
    parameters: mergedParameters(one.parameters ?? [], other.parameters ?? []),
    ...mergedBody(one.requestBody, other.requestBody),
    responses: mergedResponses(one.responses ?? {}, other.responses ?? {}),
  };
}

const titleOf = ({ summary = '' }: Operation) => summary;

/** Merged already where it has two tags. */
function sectionOf({ tags = [], summary = '', description }: Operation): string {
  if (tags.length > 1) return description ?? '';
  return `**${tags.join()}**: ${[summary, description].filter((text) => text !== undefined).join('. ')}`;
}

function mergedParameters(these: Parameter[], those: Parameter[]): Parameter[] {
  const isSame = (a: Parameter) => (b: Parameter) => a.in === b.in && a.name === b.name;
  const optional = (parameter: Parameter): Parameter =>
    parameter.in === 'path' ? parameter : { ...parameter, required: false };
  return [
    ...these.map((one) => {
      const other = those.find(isSame(one));
      if (other === undefined) return optional(one);
      const required = one.required === true && other.required === true;
      return { ...one, required, schema: anyOf(one.schema, other.schema) };
    }),
    ...those.filter((other) => !these.some(isSame(other))).map(optional),
  ];
}

function mergedBody(
  one: Described | undefined,
  other: Described | undefined,
): Pick<Operation, 'requestBody'> {
  if (one === undefined && other === undefined) return {};
  if (one === undefined || other === undefined)
    return { requestBody: { ...(one ?? other), required: false } };
  const required = one.required === true && other.required === true;
  return { requestBody: { ...mergedDescribed(one, other), required } };
}

function mergedResponses(
  these: Record<string, Described>,
  those: Record<string, Described>,
): Record<string, Described> {
  const statuses = union(Object.keys(these), Object.keys(those));
  return Object.fromEntries(
    statuses.map((status) => {
      const [one, other] = [these[status], those[status]];
      return [status, one && other ? mergedDescribed(one, other) : (one ?? other ?? {})];
    }),
  );
}

function mergedDescribed(one: Described, other: Described): Described {
  const [these, those] = [one.content ?? {}, other.content ?? {}];
  const content = Object.fromEntries(
    union(Object.keys(these), Object.keys(those)).map((type) => {
      const schema = anyOf(these[type]?.schema, those[type]?.schema);
      const { example, ...media } = { ...these[type], ...those[type], schema };
      // A document has the one or the other.
      return [type, media.examples === undefined && example !== undefined ? { ...media, example } : media];
    }),
  );
  const descriptions = union([one.description ?? ''], [other.description ?? '']);
  return {
    ...other,
    ...one,
    description: descriptions.filter((text) => text !== '').join(' / '),
    ...(Object.keys(content).length > 0 && { content }),
  };
}

/** A value may be as either says. */
function anyOf(one: object | undefined, other: object | undefined): object {
  if (one === undefined || other === undefined) return one ?? other ?? {};
  const choices = union(choicesOf(one), choicesOf(other));
  return choices.length === 1 ? one : { anyOf: choices };
}

/** What a schema that was merged before was merged of. */
function choicesOf(schema: object): object[] {
  const isMerged = 'anyOf' in schema && Object.keys(schema).length === 1;
  return isMerged ? (schema.anyOf as object[]) : [schema];
}

/** The members of both lists, each once. */
function union<T>(these: readonly T[] = [], those: readonly T[] = []): T[] {
  return [...these, ...those.filter((that) => !these.some((other) => isDeepStrictEqual(other, that)))];
}
