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

/** What comes with a question: nothing, an image within the message, or the address of one. */
export const pictures = ['none', 'within', 'address'] as const;
export type Picture = (typeof pictures)[number];

/** A question that names itself, as plain text; its answer follows from it, and what comes with it. */
export function questionText(id: string, pace: Pace, picture: Picture = 'none'): string {
  const { pick } = createChance(numberOf(id));
  const shown = { none: '', within: '\n[image]', address: `\n[image: ${addressOf(id)}]` };
  return `[${id}] Tell me ${pace} about ${pick(subjects)}.${shown[picture]}`;
}

const addressOf = (id: string) => `https://images.example/${id}.png`;

/** A part of a message in OpenAI's spelling. */
export interface WirePart {
  type: string;
  text?: string;
  image_url?: { url: string };
}

/** What a question consists of. */
export function partsOf(question: string): WirePart[] {
  const [text = ''] = question.split('\n');
  const images = imagesOf(question).map((url) => ({ type: 'image_url', image_url: { url } }));
  return [{ type: 'text', text }, ...images];
}

/** The images that come with a question. */
export function imagesOf(question: string): string[] {
  const { id = '' } = questionIn(question) ?? {};
  if (question.endsWith('\n[image]')) return [imageOf(id)];
  return question.endsWith(`\n[image: ${addressOf(id)}]`) ? [addressOf(id)] : [];
}

/** An image that nobody else has; a few are large. */
function imageOf(id: string): string {
  const { whole, percent } = createChance(numberOf(`image of ${id}`));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const bytes = percent(20) ? whole(20_000, 60_000) : whole(20, 400);
  return `data:image/png;base64,${Buffer.concat([signature, Buffer.alloc(bytes, id)]).toString('base64')}`;
}

/** The question that parts make up, as plain text. */
export function plainTextOf(content: string | WirePart[]): string {
  if (typeof content === 'string') return content;
  return content
    .map(({ text, image_url: image }) => {
      if (text !== undefined) return text;
      return image?.url.startsWith('https:') === true ? `[image: ${image.url}]` : '[image]';
    })
    .join('\n');
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
