import { createChance, numberOf } from '../support/chance.ts';

/** How the vendor takes a question: at once, in many pieces with pauses, or with an error. */
export type Pace = 'quickly' | 'slowly' | 'never';

const subjects = [
  'lighthouses',
  'tides',
  'a map of 東京',
  'the clef 𝄞',
  'ferries',
  'fog 🌫️ signals',
  'knots',
];

/** A question that names itself; its answer follows from its text. */
export function questionText(id: string, pace: Pace): string {
  const { pick } = createChance(numberOf(id));
  return `[${id}] Tell me ${pace} about ${pick(subjects)}.`;
}

/** The name of the question in a text; undefined where none is in it. */
export function questionIn(text: string): { id: string; pace: Pace } | undefined {
  const [, id, pace] = /\[([\w.-]+)\] Tell me (quickly|slowly|never)/u.exec(text) ?? [];
  return id === undefined ? undefined : { id, pace: pace as Pace };
}

const words = [
  'light',
  'sea',
  'rope',
  '灯台',
  'wind',
  '🌊',
  'harbour',
  'north',
  '𝄞',
  'signal',
  'keeper',
  'stone',
];

/** The whole answer to a question. Empty where it gets none. */
export function answerTo(question: string): string {
  const { id = '', pace = 'never' } = questionIn(question) ?? {};
  if (pace === 'never') return '';
  const { pick, whole } = createChance(numberOf(question));
  const count = pace === 'quickly' ? whole(3, 12) : whole(20, 60);
  return `To ${id}: ${Array.from({ length: count }, () => pick(words)).join(' ')}. (${id})`;
}

/** A piece of an answer, and how long the vendor waits before it. */
export interface Piece {
  pauseMs: number;
  text: string;
}

/** The answer as the vendor sends it: cut anywhere, in the middle of a character too. */
export function piecesOf(question: string): Piece[] {
  const answer = answerTo(question);
  const { whole } = createChance(numberOf(`pieces of ${question}`));
  const isSlow = questionIn(question)?.pace === 'slowly';
  const pieces: Piece[] = [];
  for (let at = 0; at < answer.length;) {
    const length = isSlow ? whole(3, 24) : whole(8, 60);
    pieces.push({ pauseMs: isSlow ? whole(5, 50) : whole(0, 4), text: answer.slice(at, at + length) });
    at += length;
  }
  return pieces;
}

/** What the vendor says that the question cost. */
export function usageOf(question: string) {
  const [prompt, completion] = [question.length, answerTo(question).length];
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}
