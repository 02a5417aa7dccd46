import assert from 'node:assert/strict';

const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z$/;

/**
 * Asserts that `actual` has every field of `example`, each of the same type and, for times and prefixed ids, in the same
 * format. Further fields are allowed. `nullable` names paths that may be null too.
 */
export function assertShape(
  actual: unknown,
  example: unknown,
  nullable: readonly string[] = [],
  path = '',
): void {
  if (actual === null && nullable.includes(path)) return;
  assert.equal(kindOf(actual), kindOf(example), `type of ${path || 'the whole'}`);
  if (Array.isArray(example)) {
    for (const item of actual as unknown[]) assertShape(item, example[0], nullable, `${path}[]`);
  } else if (typeof example === 'object' && example !== null) {
    for (const [key, value] of Object.entries(example)) {
      assert.ok(Object.hasOwn(actual as object, key), `${path}.${key} is there`);
      assertShape((actual as Record<string, unknown>)[key], value, nullable, `${path}.${key}`);
    }
  } else if (typeof example === 'string') {
    assertFormat(actual as string, example, path);
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function assertFormat(actual: string, example: string, path: string): void {
  if (isoTime.test(example)) assert.match(actual, isoTime, path);
  if (example.startsWith('req_')) assert.match(actual, /^req_[\w-]{8,}$/, path);
  if (/^\d+(\.\d+)? [KMGT]?B$/.test(example)) assert.match(actual, /^\d+(\.\d)? [KMGT]?B$/, path);
}
