import type { Conversation } from '../../storage/conversations.ts';
import type { Citation, Messages } from '../../storage/messages.ts';
import { complete } from '../completions/complete.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import { assembleContext } from '../conversations/context.ts';
import { ParleyError } from '../errors.ts';
import type { StaffCaller } from '../identity/caller.ts';
import type { Ground } from '../knowledge/grounding.ts';
import { roomFor } from '../turns/make-answer.ts';
import type { Suggestion } from './desk.ts';
import type { KeptSettings } from './kept-settings.ts';

export interface SuggestParts {
  messages: Pick<Messages, 'contextBefore'>;
  completions: CompletionsParts;
  settings: Pick<KeptSettings, 'get'>;
  ground: Ground;
}

/** The newest messages that a suggestion may rest on. */
const history = 100;

/** What the AI would answer to the customer's last message. Throws `conflict` where the customer has said nothing yet, and as `complete` does. */
export async function suggest(
  { messages, completions, settings, ground }: SuggestParts,
  caller: StaffCaller,
  conversation: Conversation,
  request: { requestId: string; endpoint: string },
  signal: AbortSignal,
): Promise<Suggestion> {
  const newest = await messages.contextBefore(conversation.id, Number.MAX_SAFE_INTEGER, history);
  const at = newest.findIndex(({ role, content }) => role === 'user' && content !== '');
  const question = newest[at];
  if (question === undefined) {
    throw new ParleyError('conflict', 'The customer has said nothing yet, so there is nothing to answer.');
  }
  const { model: set, systemPrompt: common } = settings.get();
  const model = set ?? undefined;
  const grounding = ground(question.content);
  const prompts = [conversation.systemPrompt ?? common, grounding?.text];
  const context = assembleContext({
    ...roomFor(completions, { model, maxTokens: undefined }),
    systemPrompt: prompts.filter((prompt) => typeof prompt === 'string' && prompt !== '').join('\n\n'),
    history: newest.slice(at + 1),
    question,
  });
  const input = { contract: 'helpdesk', ...request, model, messages: context.messages, cache: null };
  const answer = await complete(completions, caller, input, signal);
  return {
    text: answer.text,
    model: answer.model,
    citations: citedIn(answer.text, grounding?.sources ?? []),
  };
}

function citedIn(text: string, sources: readonly Citation[]): Citation[] | null {
  const cited = sources.filter(({ number }) => text.includes(`[${number}]`));
  return cited.length === 0 ? null : cited;
}
