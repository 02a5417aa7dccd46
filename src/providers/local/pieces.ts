const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u;

/** A text word by word, white space kept with the word after it; the pieces joined are the text. */
export function piecesOf(text: string): string[] {
  const pieces: string[] = [];
  for (const word of text.match(/\s*\S+|\s+$/gu) ?? []) {
    if (unspaced.test(word)) pieces.push(...Array.from(segmenter.segment(word), (part) => part.segment));
    else pieces.push(word);
  }
  return pieces;
}

/** The longest beginning of a text, in whole words where one fits, that is estimated at `maxTokens` at most. */
export function cutToTokens(
  text: string,
  maxTokens: number,
  estimateTokens: (text: string) => number,
): string {
  if (estimateTokens(text) <= maxTokens) return text;
  const fits = (parts: string[]) => longestFit(parts, (part) => estimateTokens(part) <= maxTokens);
  return fits(piecesOf(text)) || fits(Array.from(text.slice(0, 200)));
}

function longestFit(parts: string[], fits: (text: string) => boolean): string {
  let low = 0;
  let high = parts.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(parts.slice(0, middle).join(''))) low = middle;
    else high = middle - 1;
  }
  return parts.slice(0, low).join('');
}
