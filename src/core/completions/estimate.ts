import { estimateTokenCount } from 'tokenx';
import type { MediaLimits } from './catalogue.ts';
import { textOf, type Message } from './messages.ts';
import type { Usage } from './provider.ts';

/** What a message costs beside its text: role and separators. */
export const tokensPerMessage = 4;
/**
 * What an image or a video costs where neither the vendor nor the catalogue says. One figure for all: what an image costs follows from its
 * width and height, and a video's from its length besides, which nobody knows without fetching and reading it. An image: 1024 × 1024
 * pixels, a token for each 28 × 28 of them, as Anthropic and Qwen2.5-VL count. A video: half a minute of 640 × 360, at Qwen's two frames a second
 * of which each pair costs as an image.
 */
const commonTokens = { image: 1_369, video: 9_000 };

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
