/** Spellings that people take for the same are equal: case, full and half width, composed or not. */
export function foldCase(text: string): string {
  // toLowerCase writes a sigma at the end of a word differently, and what is looked for may end elsewhere.
  return text.toWellFormed().normalize('NFKC').toLowerCase().replaceAll('ς', 'σ');
}

/** More characters of a piece than so many are not indexed. */
const longestEnd = 64;

/** The pieces of a text between white space, each once. */
export function piecesOf(text: string): string[] {
  const pieces = foldCase(text).split(/[\s\p{Cc}]+/u);
  return [...new Set(pieces.filter(Boolean))];
}

/**
 * The ends of every piece: `ab c` has `ab`, `b` and `c`. So a string without white space occurs in a text if and only if it begins
 * one of them, in any script. Of each end at most 64 characters.
 */
export function endsOf(texts: readonly (string | null)[]): string[] {
  const ends = new Set<string>();
  for (const piece of texts.flatMap((text) => (text === null ? [] : piecesOf(text)))) {
    const characters = Array.from(piece);
    for (let start = 0; start < characters.length; start++) {
      ends.add(characters.slice(start, start + longestEnd).join(''));
    }
  }
  return [...ends];
}

/** What is asked of an index of ends. */
export interface PiecesQuery {
  /** Each piece that must occur, as far as the index knows it: an end begins with it. */
  pieces: string[];
  /** Whether all pieces occur in the texts, as they are. */
  isIn(texts: readonly (string | null)[]): boolean;
  /** Whether the index does not know all of a piece. */
  long: boolean;
}

/** More pieces than so many are not looked for. */
const mostPieces = 20;

export function piecesQuery(search: string): PiecesQuery {
  const wanted = piecesOf(search).slice(0, mostPieces);
  const pieces = wanted.map((piece) => Array.from(piece).slice(0, longestEnd).join(''));
  return {
    pieces,
    isIn(texts) {
      const folded = texts.map((text) => (text === null ? '' : foldCase(text)));
      return wanted.every((piece) => folded.some((text) => text.includes(piece)));
    },
    long: wanted.some((piece, index) => piece !== pieces[index]),
  };
}

/** A string of FTS5, whatever is in it. */
export function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
