/** Words that mean something else in capitals: "IT", "the WHO". */
const acronyms = new Set(
  'us it who aids ram pos add sad cat act era ace care pin sim co hf pb no'.split(' '),
);

/** Words that mean something else with a capital: "clean Windows", "a Polish table". */
const names = new Set(
  `polish march may august turkey china apple windows word nice reading bath mobile bill mark will rose frank jordan chad
  art hope grace jack target edge teams square mercury bush cook ford gates wood stone cash price page fox
  drake prince queen kiss rush journey cream heart genesis oasis blur pink sting buffalo cologne lima job ash dawn drew eve
  faith gene iris ivy joy june access outlook`.split(/\s+/u),
);

const bits = /^[KkMGTP]b(?:ps)?$/;
const unitsByCase = new Set(['mw', 'mwh', 'mj', 'mpa', 'mg', 'mm', 'mv', 'ma', 'ms', 'm']);

const wordPattern = /[\p{L}\p{M}]+/gu;
/** A flag, variable, path or URL: its capitals count. */
const verbatimChunk = /^(?:-|\$|\/|~\/|\.\.?\/|[a-z]:\\)|:\/\//i;

/**
 * `text` in small letters, except where a capital makes another meaning: acronyms and names that are also ordinary words
 * (US, WHO, Polish), single letters, units after a number (mW, MW, Mb), flags, paths, calls such as `Map()`, and
 * words that the text itself spells in two ways. A text all in capitals or all in small letters says nothing by its case.
 */
export function foldCase(text: string): string {
  const lower = text.toLowerCase();
  if (text === lower || text === text.toUpperCase()) return lower;
  const clashing = clashingWords(text);
  return text
    .split(' ')
    .map((chunk, position, all) =>
      verbatimChunk.test(chunk) ? chunk : foldChunk(chunk, all[position - 1] ?? '', clashing),
    )
    .join(' ');
}

function foldChunk(chunk: string, before: string, clashing: ReadonlySet<string>): string {
  const lower = chunk.toLowerCase();
  if (lower === chunk) return chunk;
  const startsSentence = before === '' || /[.?!:]$/.test(before);
  return chunk.replace(wordPattern, (word, offset: number) => {
    const previous = offset === 0 ? before : chunk.slice(0, offset);
    const next = chunk[offset + word.length] ?? '';
    return keepsCase(word, { previous, next, isFirst: startsSentence && offset === 0, clashing })
      ? word
      : word.toLowerCase();
  });
}

interface Surroundings {
  previous: string;
  next: string;
  isFirst: boolean;
  clashing: ReadonlySet<string>;
}

function keepsCase(word: string, { previous, next, isFirst, clashing }: Surroundings): boolean {
  const lower = word.toLowerCase();
  if (next === '(') return true;
  if (/\d$/.test(previous) && (bits.test(word) || unitsByCase.has(lower))) return true;
  if (isFirst) return false;
  if (clashing.has(lower) || names.has(lower)) return true;
  if (word.length === 1) return word !== 'I' && next !== '+' && next !== '#' && next !== "'";
  return acronyms.has(lower) && word === word.toUpperCase();
}

/** Words that stand in `text` in two spellings, the capital that begins a sentence aside: "String or string". */
function clashingWords(text: string): ReadonlySet<string> {
  const spellings = new Map<string, string>();
  const clashing = new Set<string>();
  for (const { 0: word, index } of text.matchAll(wordPattern)) {
    if (/(?:^|[.?!:] ?)$/.test(text.slice(Math.max(0, index - 2), index))) continue;
    const lower = word.toLowerCase();
    const known = spellings.get(lower);
    if (known === undefined) spellings.set(lower, word);
    else if (known !== word) clashing.add(lower);
  }
  return clashing;
}
