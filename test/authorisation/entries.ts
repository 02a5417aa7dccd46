import type { Entry } from './entry.ts';
import { forAll, type Expected } from './expected.ts';

/** What entries of the matrix are made of. */

export type Matrix = Record<string, Entry>;
export type More = Omit<Entry, 'open' | 'closed' | 'objects'>;

/** The same, whether the gateway is open or closed. */
export const always = (expected: Expected, objects: Entry['objects'], more: More = {}): Entry => ({
  open: expected,
  closed: expected,
  objects,
  ...more,
});

/** On a closed gateway nobody in particular is refused. */
export const unlessClosed = (expected: Expected, more: More = {}): Entry => ({
  open: expected,
  closed: { ...expected, nobody: expected.nobody === 101 ? 4401 : 401 },
  objects: 'none',
  ...more,
});

/** For everybody. */
export const page = (at?: string): Entry => always(forAll(200), 'none', at === undefined ? {} : { at });
