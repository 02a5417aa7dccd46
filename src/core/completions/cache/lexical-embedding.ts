import { canonicalText } from './canonical-text.ts';
import { toUnitLength, type Embedding } from './embedding.ts';

/** Names this embedding. To be changed with anything here that moves a vector, so that old and new ones never meet. */
export const lexicalEmbedder = 'lexical-1';

/** More of a text has no part in its embedding; it bounds the work at a few milliseconds. */
const maxChars = 32_768;

const wordWeight = 1;
const functionWordWeight = 0.4;
const pairWeight = 0.7;
const gramWeight = 0.3;
/** Length of all polite fillers together, as a share of the rest: they lower a cosine by 0.02 at most. */
const fillerShare = 0.2;

const functionWords = new Set(
  `a an the of to in on at for and or is are am was were be do does did i you he she it we they me my your what how
  的 了 是 在 吗 呢 什么 怎么 我 你`.split(/\s+/u),
);

const wordSeed = 0x9e3779b1;
const pairSeed = 0x85ebca77;
const gramSeed = 0xc2b2ae3d;

const asciiToken = /[A-Za-z0-9_]+(?:['.][A-Za-z0-9_]+)*|[^\sA-Za-z0-9_]/g;
const han = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]/u;
const otherToken =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]+|[[\p{L}\p{M}\p{N}_]--[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}ー]]+(?:['.][[\p{L}\p{M}\p{N}_]--[\p{Script=Han}]]+)*|[^\s\p{L}\p{M}\p{N}_]/gv;
const segmenter = new Intl.Segmenter('zh', { granularity: 'word' });

/**
 * The built-in embedding: words, pairs of neighbouring words and pieces of three characters, hashed. It knows spelling,
 * not meaning: "enable X" and "disable X" are close, so a hit also needs `sameMeaning`. A text without any word or
 * sign gets an empty embedding, which is like nothing.
 */
export function embedLexically(text: string): Embedding {
  const { content, fillers } = canonicalText(text.length > maxChars ? text.slice(0, maxChars) : text);
  const features = new Map<number, number>();
  addTokens(features, tokensOf(content.toLowerCase()));
  const fillerWords = fillers === '' ? [] : tokensOf(fillers);
  if (fillerWords.length > 0) addFillers(features, fillerWords);
  return toSparse(features);
}

function tokensOf(text: string): string[] {
  if (!/[\u0080-\uffff]/.test(text)) return text.match(asciiToken) ?? [];
  const tokens: string[] = [];
  for (const token of text.match(otherToken) ?? []) {
    if (!han.test(token)) tokens.push(token);
    else if (token.length < 3) tokens.push(token);
    else for (const part of segmenter.segment(token)) tokens.push(part.segment);
  }
  return tokens;
}

function addTokens(features: Map<number, number>, tokens: string[]): void {
  let previous = 0;
  for (const token of tokens) {
    const word = hashOf(token, 0, token.length, wordSeed);
    add(features, word, functionWords.has(token) ? functionWordWeight : wordWeight);
    add(features, hashPair(previous, word), pairWeight);
    previous = word;
    addGrams(features, token);
  }
}

/** Pieces of three characters with the word's bounds marked; of one character where the word is Chinese. */
function addGrams(features: Map<number, number>, token: string): void {
  if (han.test(token)) {
    for (let i = 0; i < token.length; i++) add(features, hashOf(token, i, i + 1, gramSeed), gramWeight);
    return;
  }
  if (token.length < 3) return;
  const bounded = `<${token}>`;
  for (let i = 0; i + 3 <= bounded.length; i++)
    add(features, hashOf(bounded, i, i + 3, gramSeed), gramWeight);
}

function addFillers(features: Map<number, number>, words: string[]): void {
  let squares = 0;
  for (const weight of features.values()) squares += weight * weight;
  const each = (fillerShare * Math.sqrt(squares)) / words.length;
  for (const word of words) add(features, hashOf(word, 0, word.length, ~wordSeed), each);
}

function add(features: Map<number, number>, id: number, weight: number): void {
  features.set(id, (features.get(id) ?? 0) + weight);
}

/** FNV-1a over UTF-16 units, from `start` to `end`. */
function hashOf(text: string, start: number, end: number, seed: number): number {
  let hash = seed;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}

function hashPair(left: number, right: number): number {
  const hash = Math.imul(Math.imul(left ^ pairSeed, 0x01000193) ^ right, 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function toSparse(features: Map<number, number>): Embedding {
  const ids = Uint32Array.from(features.keys()).sort();
  const weights = new Float32Array(ids.length);
  for (let i = 0; i < ids.length; i++) weights[i] = features.get(ids[i]!)!;
  return { kind: 'sparse', ids, weights: toUnitLength(weights) };
}
