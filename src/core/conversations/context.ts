import type { Message as StoredMessage } from '../../storage/messages.ts';
import { estimateTokens, tokensPerMessage } from '../completions/estimate.ts';
import { needsOfParts, type Needs } from '../completions/needs.ts';
import { invalidField, type ParleyError } from '../errors.ts';
import {
  createMediaRoom,
  type AnyPart,
  type ContextMessage,
  type MediaRoom,
  type Seeing,
} from './context-media.ts';

/** What a model sees of a conversation; `withMedia` makes what a provider takes of it. */
export interface Context {
  messages: ContextMessage[];
  promptTokens: number;
  /** What a model must be able to do for the question. */
  needs: Needs;
}

export type HistoryMessage = Pick<StoredMessage, 'role' | 'state' | 'content' | 'tokens'> & Parts;

interface Parts {
  /** What it consists of, where that is more than its text. */
  parts?: readonly AnyPart[] | null | undefined;
}

export interface ContextInput {
  systemPrompt: string | null;
  /** What was said before the question, newest first. */
  history: readonly HistoryMessage[];
  question: Pick<StoredMessage, 'content' | 'tokens'> & Parts;
  /** Whether images and videos of the question that the model cannot take become text too, instead of a refusal. */
  lenient?: boolean | undefined;
  /** Without it, images and videos are text. */
  model?: Seeing | undefined;
  /** Of the model; null where nobody said. */
  contextLength: number | null;
  maxOutput: number | null;
  /** The longest answer that is asked for. */
  maxTokens?: number | undefined;
}

/** Of a model that says nothing. */
const commonContextLength = 8192;

/**
 * The system prompt, the newest messages that fit beside the room for the answer, and the question. Of their images and videos the model is
 * given the newest that fit its limits and the room; the others are text. Throws `invalid_request` where not even the prompt and the question fit, and where the
 * model cannot take the question's own images and videos.
 */
export function assembleContext(input: ContextInput): Context {
  const { systemPrompt, history, question } = input;
  const system = systemPrompt === null || systemPrompt === '' ? [] : [systemMessage(systemPrompt)];
  const room = roomForPrompt(input);
  const fixed = [...system.map(({ tokens }) => tokens), question.tokens];
  let promptTokens = fixed.reduce((sum, tokens) => sum + tokens + tokensPerMessage, 0);
  const media = createMediaRoom(input.model);
  const asked = askedOf(input, media, room - promptTokens);
  promptTokens += asked.tokens;
  if (promptTokens > room) throw tooLong(promptTokens, room);

  const chosen: (ContextMessage & { tokens: number })[] = [];
  for (const message of history) {
    if (!isContext(message)) continue;
    const tokens = message.tokens + tokensPerMessage;
    if (promptTokens + tokens > room) break;
    const { role, content } = message;
    const seen = seenOf(message, media, room - promptTokens - tokens);
    promptTokens += tokens + seen.tokens;
    chosen.push({ role, content: seen.content ?? content, tokens: tokens + seen.tokens });
  }
  // Vendors refuse a context that an answer begins.
  while (chosen.at(-1)?.role === 'assistant') promptTokens -= chosen.pop()?.tokens ?? 0;

  const messages: ContextMessage[] = [
    ...system.map(({ message }) => message),
    ...chosen.reverse().map(({ role, content }) => ({ role, content })),
    { role: 'user', content: asked.content ?? question.content },
  ];
  return { messages, promptTokens, needs: needsOfParts(asked.content) };
}

type WithMedia = Parts & { parts: readonly AnyPart[] };

function hasMedia(message: Parts): message is WithMedia {
  return message.parts?.some(({ type }) => type !== 'text') ?? false;
}

/** The parts of the question, where it has images or videos. */
function askedOf({ question, lenient }: ContextInput, media: MediaRoom, room: number) {
  if (!hasMedia(question) || lenient === true) return seenOf(question, media, room);
  return { content: [...question.parts], tokens: media.require(question.parts) };
}

/** The parts of a message of which the model sees some that are not text; else none. */
function seenOf(message: Parts, media: MediaRoom, room: number) {
  if (!hasMedia(message)) return { content: null, tokens: 0 };
  const { parts, tokens } = media.show(message.parts, room);
  return { content: hasMedia({ parts }) ? parts : null, tokens };
}

/** Tokens for everything but the answer. That gets the room that was asked for, up to half of everything, else a quarter or what the model can say at most. */
export function roomForPrompt({
  contextLength,
  maxOutput,
  maxTokens,
}: Pick<ContextInput, 'contextLength' | 'maxOutput' | 'maxTokens'>): number {
  const all = contextLength ?? commonContextLength;
  const answer =
    maxTokens === undefined
      ? Math.min(maxOutput ?? Number.POSITIVE_INFINITY, Math.floor(all / 4))
      : Math.min(maxTokens, Math.floor(all / 2));
  return all - answer;
}

function systemMessage(content: string) {
  return { message: { role: 'system', content } satisfies ContextMessage, tokens: estimateTokens(content) };
}

function isContext({ state, content }: HistoryMessage): boolean {
  if (content === '') return false;
  return state === 'sent' || state === 'completed' || state === 'cancelled' || state === 'interrupted';
}

function tooLong(tokens: number, room: number): ParleyError {
  return invalidField('message', { kind: 'tokens', tokens, max: room });
}
