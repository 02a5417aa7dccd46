import type { Message as StoredMessage } from '../../storage/messages.ts';
import { estimateTokens, tokensPerMessage } from '../completions/estimate.ts';
import type { Message } from '../completions/messages.ts';
import { invalidField, type ParleyError } from '../errors.ts';

/** What a model sees of a conversation. */
export interface Context {
  messages: Message[];
  promptTokens: number;
}

export type HistoryMessage = Pick<StoredMessage, 'role' | 'state' | 'content' | 'tokens'>;

export interface ContextInput {
  systemPrompt: string | null;
  /** What was said before the question, newest first. */
  history: readonly HistoryMessage[];
  question: Pick<StoredMessage, 'content' | 'tokens'>;
  /** Of the model; null where nobody said. */
  contextLength: number | null;
  maxOutput: number | null;
  /** The longest answer that is asked for. */
  maxTokens?: number | undefined;
}

/** Of a model that says nothing. */
const commonContextLength = 8192;

/**
 * The system prompt, the newest messages that fit beside the room for the answer, and the question. Throws
 * `invalid_request` where not even the prompt and the question fit.
 */
export function assembleContext(input: ContextInput): Context {
  const { systemPrompt, history, question } = input;
  const system = systemPrompt === null || systemPrompt === '' ? [] : [systemMessage(systemPrompt)];
  const fixed = [...system.map(({ tokens }) => tokens), question.tokens];
  let promptTokens = fixed.reduce((sum, tokens) => sum + tokens + tokensPerMessage, 0);
  const room = roomForPrompt(input);
  if (promptTokens > room) throw tooLong(promptTokens, room);

  const chosen: HistoryMessage[] = [];
  for (const message of history) {
    if (!isContext(message)) continue;
    const tokens = message.tokens + tokensPerMessage;
    if (promptTokens + tokens > room) break;
    promptTokens += tokens;
    chosen.push(message);
  }
  // Vendors refuse a context that an answer begins.
  while (chosen.at(-1)?.role === 'assistant') promptTokens -= (chosen.pop()?.tokens ?? 0) + tokensPerMessage;

  const messages: Message[] = [
    ...system.map(({ message }) => message),
    ...chosen.reverse().map(({ role, content }) => ({ role, content })),
    { role: 'user', content: question.content },
  ];
  return { messages, promptTokens };
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
  return { message: { role: 'system', content } satisfies Message, tokens: estimateTokens(content) };
}

function isContext({ state, content }: HistoryMessage): boolean {
  if (content === '') return false;
  return state === 'sent' || state === 'completed' || state === 'cancelled' || state === 'interrupted';
}

function tooLong(tokens: number, room: number): ParleyError {
  return invalidField('message', { kind: 'tokens', tokens, max: room });
}
