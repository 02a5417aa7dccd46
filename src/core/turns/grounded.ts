import type { Citation, ContextMessage } from '../../storage/messages.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import { estimateTokens, tokensPerMessage } from '../completions/estimate.ts';
import { roomForPrompt } from '../conversations/context.ts';
import type { Ground } from '../knowledge/grounding.ts';
import type { AnswerWork } from './make-answer.ts';

/** The contract whose answers rest on the knowledge base. */
const channel = 'helpdesk';

/** What a model is told of its task, and what of the knowledge base it was given. */
export interface Grounded {
  systemPrompt: string | null;
  sources: Citation[];
}

/**
 * The system prompt with what the knowledge base has to say to the customer's messages that wait for an answer, newest first. At most
 * half of the room that they leave is taken. A provider that looks into the knowledge base itself is left to it.
 */
export function grounded(
  { completions, ground }: { completions: Pick<CompletionsParts, 'router' | 'defaultModel'>; ground: Ground },
  { question, channel: asked, systemPrompt }: Pick<AnswerWork, 'question' | 'channel' | 'systemPrompt'>,
  newest: readonly ContextMessage[],
  room: Parameters<typeof roomForPrompt>[0],
): Grounded {
  const alone = { systemPrompt, sources: [] };
  if (asked !== channel) return alone;
  const [candidate] = completions.router.plan(question.model ?? completions.defaultModel());
  if (candidate?.slot.provider.retrieves === true) return alone;
  const answered = newest.findIndex(({ role }) => role === 'assistant');
  const waiting = answered === -1 ? newest : newest.slice(0, answered);
  const before = newest.slice(waiting.length).find(({ role }) => role === 'user')?.content;
  const taken = estimateTokens(systemPrompt ?? '') + (newest[0]?.tokens ?? 0) + 2 * tokensPerMessage;
  const found = ground(
    waiting
      .map(({ content }) => content)
      .toReversed()
      .join('\n'),
    {
      before,
      maxTokens: Math.floor((roomForPrompt(room) - taken) / 2),
    },
  );
  if (found === null) return alone;
  const prompts = [systemPrompt, found.text].filter((text) => text !== null && text !== '');
  return { systemPrompt: prompts.join('\n\n'), sources: found.sources };
}
