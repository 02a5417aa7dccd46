/** A lexeme in the language of PostgreSQL's `tsvector` and `tsquery`, whatever is in it. */
export function lexeme(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '$&$&')}'`;
}

/** PostgreSQL keeps no more places of one lexeme, none behind the last, and no more bytes of all of them. */
const mostPlaces = 255;
const lastPlace = 16_383;
const mostBytes = 1_000_000;

/** Lexemes in their order as a `tsvector` that knows where each of them stands. Of very long texts only what PostgreSQL takes. */
export function placedVector(lexemes: Iterable<string>): string {
  const places = new Map<string, number[]>();
  let place = 0;
  for (const text of lexemes) {
    place++;
    const known = places.get(text);
    if (known === undefined) places.set(text, place > lastPlace ? [] : [place]);
    else if (place <= lastPlace && known.length < mostPlaces) known.push(place);
  }
  return vectorOf(places);
}

/** Lexemes as a `tsvector`, each once. */
export function plainVector(lexemes: Iterable<string>): string {
  return vectorOf(Array.from(new Set(lexemes), (text) => [text, []]));
}

/** What goes before and after a lexeme in the `tsvector`: the part of the index that it is put into, and how many places it has. */
const besideLexeme = 16;

function vectorOf(places: Iterable<readonly [string, readonly number[]]>): string {
  const entries: string[] = [];
  let bytes = 0;
  for (const [text, at] of places) {
    bytes += Buffer.byteLength(text) + 2 * at.length + besideLexeme;
    if (bytes > mostBytes) break;
    entries.push(at.length === 0 ? lexeme(text) : `${lexeme(text)}:${at.join(',')}`);
  }
  return entries.join(' ');
}
