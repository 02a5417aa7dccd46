import { foldCase } from './search-terms.ts';

/** A word of a text, or a character where words are not set apart: Chinese, Japanese, Korean. */
export interface Word {
  /** As the index has it. */
  term: string;
  /** In UTF-16 code units of the text, `end` excluded. */
  start: number;
  end: number;
}

/** More of a word is not looked at. */
const longestTerm = 64;

const cjk = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々`;
const wordPattern = new RegExp(`[${cjk}]|[[\\p{L}\\p{N}\\p{M}]--[${cjk}]]+`, 'gv');

/** What folding leaves as it is, but for its case: most of what is said, and folding takes longer. */
const plain = /^(?:[A-Za-z0-9]+|[\u4e00-\u9fff])$/;

/** The words of a text, in order. */
export function* wordsOf(text: string): Generator<Word> {
  for (const { 0: word, index } of text.matchAll(wordPattern)) {
    const term = plain.test(word)
      ? word.toLowerCase()
      : foldCase(word).replaceAll(/[^\p{L}\p{N}\p{M}]/gu, '');
    if (term !== '') yield { term: term.slice(0, longestTerm), start: index, end: index + word.length };
  }
}

/** Words that must follow one another; of a `beginning` the last may be longer. */
export interface Phrase {
  terms: string[];
  beginning: boolean;
}

/** More phrases than so many, and more words in one, are not looked for. */
const mostPhrases = 20;
const mostTerms = 50;

/** What somebody looks for: `refund "free of charge" deliver*`. What is written without white space is one phrase. */
export function phrasesOf(search: string): Phrase[] {
  const phrases = search.matchAll(/["“”]([^"“”]*)["“”]?|[^\s"“”]+/g).map(([whole, within]) => {
    const terms = Array.from(wordsOf(within ?? whole), ({ term }) => term).slice(0, mostTerms);
    return { terms, beginning: within === undefined && whole.endsWith('*') };
  });
  return [...phrases].filter(({ terms }) => terms.length > 0).slice(0, mostPhrases);
}

/** A piece of a text; each of `ranges` is where something begins that was looked for, and its length, in UTF-16 code units. */
export interface Snippet {
  text: string;
  ranges: [start: number, length: number][];
}

interface Match {
  phrase: Phrase;
  start: number;
  end: number;
}

/** A snippet begins so many code units before what was found, and has about so many. */
const leadIn = 40;
const snippetLength = 200;
/** More matches than so many are not looked at. */
const mostMatches = 500;

/** The place with the most of the phrases, on one line; `…` stands for what is left out. */
export function snippetOf(content: string, phrases: readonly Phrase[]): Snippet {
  const matches = matchesIn(content, phrases);
  const first = bestOf(matches);
  let from = Math.max(0, (first?.start ?? 0) - leadIn);
  let to = Math.min(content.length, Math.max(from + snippetLength, first?.end ?? 0));
  if (isWithinPair(content, from)) from--;
  if (isWithinPair(content, to)) to++;
  const before = from > 0 ? '…' : '';
  const text = content.slice(from, to).replaceAll(/\s/g, ' ');
  const ranges: Snippet['ranges'] = [];
  for (const { start, end } of matches) {
    if (start < from || end > to) continue;
    const at = start - from + before.length;
    const last = ranges.at(-1);
    if (last !== undefined && at < last[0] + last[1]) last[1] = Math.max(last[1], at + end - start - last[0]);
    else ranges.push([at, end - start]);
  }
  return { text: `${before}${text}${to < content.length ? '…' : ''}`, ranges };
}

function matchesIn(content: string, phrases: readonly Phrase[]): Match[] {
  const words = [...wordsOf(content)];
  const matches: Match[] = [];
  for (let at = 0; at < words.length && matches.length < mostMatches; at++) {
    for (const phrase of phrases) {
      if (!follows(words, at, phrase)) continue;
      matches.push({ phrase, start: words[at]!.start, end: words[at + phrase.terms.length - 1]!.end });
    }
  }
  return matches;
}

function follows(words: readonly Word[], at: number, { terms, beginning }: Phrase): boolean {
  return terms.every((term, index) => {
    const word = words[at + index]?.term;
    return beginning && index === terms.length - 1 ? word?.startsWith(term) : word === term;
  });
}

/** The first match after which most of the phrases follow nearby. */
function bestOf(matches: readonly Match[]): Match | undefined {
  let best: Match | undefined;
  let most = 0;
  for (const [index, match] of matches.entries()) {
    const near = new Set<Phrase>();
    for (let next = index; next < matches.length; next++) {
      if (matches[next]!.end > match.start + snippetLength - leadIn) break;
      near.add(matches[next]!.phrase);
    }
    if (best !== undefined && near.size <= most) continue;
    [best, most] = [match, near.size];
  }
  return best;
}

function isWithinPair(text: string, at: number): boolean {
  return (
    at > 0 && at < text.length && /[\udc00-\udfff]/.test(text[at]!) && /[\ud800-\udbff]/.test(text[at - 1]!)
  );
}
