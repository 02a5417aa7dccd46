import type { ModelRequest, Usage } from '../core/completions/provider.ts';
import { commonTokens, textOf } from '../core/completions/messages.ts';

/** About how many tokens a text has. */
export type EstimateTokens = (text: string) => number;

/** What a vendor said about an answer's tokens; each figure may be missing. */
export interface ReportedUsage {
  promptTokens?: number | undefined;
  completionTokens?: number | undefined;
  cachedPromptTokens?: number | undefined;
  reasoningTokens?: number | undefined;
  /** Whether thoughts were received. */
  thought?: boolean | undefined;
}

/** The usage of an answer of which `output` was received: the vendor's own figures, and estimates for what it left out. */
export function completeUsage(
  reported: ReportedUsage,
  request: ModelRequest,
  output: string,
  estimateTokens: EstimateTokens,
): Usage {
  const { promptTokens, completionTokens, cachedPromptTokens, reasoningTokens, thought } = reported;
  return {
    promptTokens: promptTokens ?? estimateTokens(promptText(request)) + mediaTokens(request),
    completionTokens: completionTokens ?? (output === '' ? 0 : estimateTokens(output)),
    ...(cachedPromptTokens !== undefined && { cachedPromptTokens }),
    ...(reasoningTokens !== undefined && { reasoningTokens }),
    ...(thought === true && { thought }),
    estimated: promptTokens === undefined || completionTokens === undefined,
  };
}

function promptText(request: ModelRequest): string {
  return request.messages.map((message) => textOf(message.content)).join('\n');
}

function mediaTokens({ messages }: ModelRequest): number {
  let total = 0;
  for (const { content } of messages) {
    if (!Array.isArray(content)) continue;
    for (const { type } of content) total += type === 'image' || type === 'video' ? commonTokens[type] : 0;
  }
  return total;
}
