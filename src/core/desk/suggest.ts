import type { Conversation } from '../../storage/conversations.ts';
import type { Messages } from '../../storage/messages.ts';
import { complete } from '../completions/complete.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import { assembleContext } from '../conversations/context.ts';
import { withMedia } from '../conversations/context-media.ts';
import { conflict } from '../errors.ts';
import type { StaffCaller } from '../identity/caller.ts';
import { citedIn, type Ground } from '../knowledge/grounding.ts';
import { grounded } from '../turns/grounded.ts';
import { roomFor } from '../turns/make-answer.ts';
import type { Suggestion } from './desk.ts';
import type { KeptSettings } from './kept-settings.ts';

export interface SuggestParts {
  messages: Pick<Messages, 'contextBefore' | 'mediaOf'>;
  completions: CompletionsParts;
  settings: Pick<KeptSettings, 'get'>;
  ground: Ground;
}

const contract = 'helpdesk';
/** The newest messages that a suggestion may rest on. */
const history = 100;

/** See `Desk.suggest`. */
export async function suggest(
  { messages, completions, settings, ground }: SuggestParts,
  caller: StaffCaller,
  { id, systemPrompt }: Conversation,
  request: { requestId: string; endpoint: string },
  signal: AbortSignal,
): Promise<Suggestion> {
  const newest = await messages.contextBefore(id, Number.MAX_SAFE_INTEGER, history);
  const at = newest.findIndex(({ role, content }) => role === 'user' && content !== '');
  const asked = newest[at];
  if (asked === undefined) {
    throw conflict({ kind: 'nothing_said' });
  }
  const { model: set, systemPrompt: common } = settings.get();
  const model = set ?? undefined;
  const question = {
    contract,
    ...request,
    place: { kind: 'existing' as const, id },
    text: asked.content,
    model,
  };
  const room = roomFor(completions, question);
  const prompted = { question, channel: contract, systemPrompt: systemPrompt ?? common };
  const { sources, ...prompt } = grounded({ completions, ground }, prompted, newest.slice(at), room);
  // What a customer shows to people need not be what a model can see.
  const context = assembleContext({
    ...room,
    ...prompt,
    history: newest.slice(at + 1),
    question: asked,
    lenient: true,
  });
  const seen = await withMedia(context.messages, room.model, messages);
  const input = { contract, ...request, model, messages: seen, needs: context.needs, cache: null };
  const { text, model: answeredBy } = await complete(completions, caller, input, signal);
  return { text, model: answeredBy, citations: citedIn(text, sources) };
}
