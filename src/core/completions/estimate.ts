import { estimateTokenCount } from 'tokenx';
import type { MediaLimits } from './catalogue.ts';
import { commonTokens, textOf, type Message } from './messages.ts';
import type { Usage } from './provider.ts';

/** What a message costs beside its text: role and separators. */
export const tokensPerMessage = 4;

/** Roughly how many tokens `text` is; within about 5 % of OpenAI's tokenizer for prose. */
export function estimateTokens(text: string): number {
  return text === '' ? 0 : Math.max(1, estimateTokenCount(text));
}

/** What one image or video of a model is taken to cost. */
export function tokensOfMedium(type: 'image' | 'video', limits: MediaLimits = {}): number {
  const own = type === 'image' ? limits.imageTokens : limits.videoTokens;
  return own ?? commonTokens[type];
}

/** Roughly how many tokens a context is for a model of these limits. */
export function estimatePromptTokens(messages: readonly Message[], limits?: MediaLimits): number {
  let total = 0;
  for (const { content } of messages) {
    total += tokensPerMessage + estimateTokens(textOf(content));
    if (!Array.isArray(content)) continue;
    for (const { type } of content) {
      if (type !== 'text') total += tokensOfMedium(type === 'video' ? type : 'image', limits);
    }
  }
  return total;
}

/** The usage of a call whose vendor never reported it: cut off, cancelled or failed. */
export function estimateUsage(messages: readonly Message[], textSoFar: string, limits?: MediaLimits): Usage {
  return {
    promptTokens: estimatePromptTokens(messages, limits),
    completionTokens: estimateTokens(textSoFar),
    estimated: true,
  };
}
