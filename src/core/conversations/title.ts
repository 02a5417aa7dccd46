import type { ContentPart } from '../completions/messages.ts';
import { invalidField } from '../errors.ts';

const mostCharacters = 60;
/** A first sentence shorter than this names nothing: "Hi." */
const fewestOfSentence = 12;
/** A title is looked for in so much of a line, however long it is. */
const mostCodeUnits = 1000;
/** What a conversation is shown as that nobody has named. */
const untitled = 'New chat';

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** A title for a conversation from a message: the first line, or of a long one the first sentence or words. Empty where the message has none. */
export function titleOf(text: string): string {
  const line = firstLine(text);
  const characters = Array.from(graphemes.segment(line), ({ segment }) => segment);
  // What stands at the end of the piece that was looked at may be half a character.
  if (line.length === mostCodeUnits && characters.length > 1) characters.pop();
  if (characters.length <= mostCharacters) return characters.join('');
  return firstSentence(characters) ?? firstWords(characters);
}

/** The first line with something to see, without invisible characters that reorder or control text. */
function firstLine(text: string): string {
  for (const [line] of text.matchAll(/[^\r\n\u0085\u2028\u2029]+/gu)) {
    const piece = line.trimStart().slice(0, mostCodeUnits).toWellFormed();
    if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(piece)) continue;
    return piece
      .replace(/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu, '')
      .replace(/[\s\p{Cc}]+/gu, ' ')
      .trim();
  }
  return '';
}

function firstSentence(characters: string[]): string | undefined {
  const most = characters.slice(0, mostCharacters + 1);
  const end = most.findIndex((character, at) => {
    if (at + 1 < fewestOfSentence || at >= mostCharacters) return false;
    return /^[。！？]/u.test(character) || (/^[.!?]/u.test(character) && most[at + 1] === ' ');
  });
  return end === -1 ? undefined : most.slice(0, end + 1).join('');
}

/** Cut between two words, or where these are too long to fill half of it, between two characters. */
function firstWords(characters: string[]): string {
  const most = characters.slice(0, mostCharacters);
  const space = most.lastIndexOf(' ');
  const cut = most.slice(0, space > mostCharacters / 2 ? space : mostCharacters - 1);
  return `${cut.join('').replace(/[\s,;:.\-–—，、；：]+$/u, '')}…`;
}

/** What a message makes of a conversation's title: it names one that nobody has named yet. Of a message with media, what it says in words does. */
export function titleFor(
  { title }: { title: string },
  text: string,
  parts?: readonly ContentPart[],
): string | undefined {
  if (title !== '') return undefined;
  const words = parts?.flatMap((part) => (part.type === 'text' ? part.text : [])).join('\n') ?? text;
  return titleOf(words) || undefined;
}

/** What a conversation is called where it is shown. */
export function shownTitle({ title }: { title: string }): string {
  return title === '' ? untitled : title;
}

/** A title that somebody gives. Throws `invalid_request` unless it has 1 to 200 characters. */
export function titleFrom(text: string): string {
  const title = text.trim().toWellFormed();
  // Characters, not code units; a title is one line.
  if (/^\P{Cc}{1,200}$/u.test(title)) return title;
  throw invalidField('title', { kind: 'line', min: 1, max: 200 });
}
