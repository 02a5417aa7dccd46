import { estimateTokenCount } from 'tokenx';
import { textOf, type Message } from './messages.ts';
import type { Usage } from './provider.ts';

/** What a message costs beside its text: role and separators. */
export const tokensPerMessage = 4;
/** What an image costs where the vendor does not say: one low-detail tile of OpenAI's published formula. */
const tokensPerImage = 85;

/** Roughly how many tokens `text` is; within about 5 % of OpenAI's tokenizer for prose. */
export function estimateTokens(text: string): number {
  return text === '' ? 0 : Math.max(1, estimateTokenCount(text));
}

/** Roughly how many tokens a context is. */
export function estimatePromptTokens(messages: Message[]): number {
  let total = 0;
  for (const { content } of messages) {
    total += tokensPerMessage + estimateTokens(textOf(content));
    if (Array.isArray(content))
      total += content.filter(({ type }) => type !== 'text').length * tokensPerImage;
  }
  return total;
}

/** The usage of a call whose vendor never reported it: cut off, cancelled or failed. */
export function estimateUsage(messages: Message[], textSoFar: string): Usage {
  return {
    promptTokens: estimatePromptTokens(messages),
    completionTokens: estimateTokens(textSoFar),
    estimated: true,
  };
}
