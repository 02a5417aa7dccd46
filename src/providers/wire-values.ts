/** A JSON object that somebody else sent: any field may be anything. */
export type WireObject = Record<string, unknown>;

/** `value` where it is an object and no array, else nothing. */
export function objectOf(value: unknown): WireObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as WireObject)
    : undefined;
}

/** `value` where it is an object whose `type` is `type`, as Anthropic marks everything that it sends. */
export function typedOf(value: unknown, type: string): WireObject | undefined {
  const found = objectOf(value);
  return found?.type === type ? found : undefined;
}

/** `value` where it is an array, else an empty one. */
export function arrayOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** `value` where it is a string, else an empty one. */
export function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** `value` where it can be a number of tokens, else nothing. */
export function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** The model ids of `{ data: [{ id }] }`, which OpenAI and Anthropic share. */
export function modelIdsOf(body: unknown): string[] {
  return arrayOf(objectOf(body)?.data)
    .map((model) => stringOf(objectOf(model)?.id))
    .filter((id) => id !== '');
}
