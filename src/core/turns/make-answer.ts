import type { Citation, ContextMessage, Messages } from '../../storage/messages.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import { stream } from '../completions/stream.ts';
import type { CallEnd, CallOrigin, Meter } from '../completions/meter.ts';
import type { FinishReason } from '../completions/provider.ts';
import { needsOfParts } from '../completions/needs.ts';
import { assembleContext, type Context } from '../conversations/context.ts';
import { releaseMedia, withMedia, type AnyPart, type Seeing } from '../conversations/context-media.ts';
import { asParleyError, ParleyError } from '../errors.ts';
import type { Participant } from '../identity/caller.ts';
import type { Ground } from '../knowledge/grounding.ts';
import { grounded } from './grounded.ts';
import type { LiveTurn } from './live-turn.ts';
import type { KeptQuestion } from './state.ts';

/** What an answer is made of. */
export interface AnswerWork {
  caller: Participant;
  question: KeptQuestion;
  questionId: number;
  conversationId: number;
  /** The contract in which the conversation began. */
  channel: string;
  systemPrompt: string | null;
}

/** How the making ended. */
export interface Made {
  state: 'completed' | 'failed' | 'cancelled' | 'interrupted';
  reason: FinishReason | null;
  error: ParleyError | null;
  /** The one call to a model, for the books; null where none was made. */
  call: { origin: CallOrigin; end: CallEnd } | null;
  /** What the answer may cite. */
  sources: Citation[];
}

export interface MakeAnswerParts {
  completions: CompletionsParts;
  messages: Pick<Messages, 'contextBefore' | 'mediaOf'>;
  ground: Ground;
}

/** Why a turn is broken off: `stopped` by somebody who may, `givenUp` for a change of who is in charge, or `interrupted` because the process ends. */
export const stopped = new ParleyError('cancelled', 'The answer was stopped.');
export const givenUp = new ParleyError(
  'cancelled',
  'The answer was given up: who is in charge of the conversation changed.',
);
export const interrupted = new ParleyError(
  'interrupted',
  'The server was stopped in the middle of the answer.',
);

/** Messages read at once for the context; more are read where these do not fill it. */
const historyPage = 50;
const historyMost = 2_000;

/** Lets the model speak. Never rejects: a failure is an outcome. What is to be put into the books is left to the caller. */
export async function makeAnswer(
  parts: MakeAnswerParts,
  work: AnswerWork,
  live: Pick<LiveTurn, 'say'>,
  signal: AbortSignal,
): Promise<Made> {
  let call: Made['call'] = null;
  const meter: Meter = {
    ...parts.completions.meter,
    settle(origin, end) {
      call = { origin, end };
      return Promise.resolve();
    },
  };
  let reason: FinishReason | null = null;
  let sources: Citation[] = [];
  try {
    signal.throwIfAborted();
    const { given, ...input } = await completionInput(parts, work);
    sources = given;
    let held = true;
    for await (const group of stream({ ...parts.completions, meter }, work.caller, input, signal)) {
      // From its first word on, no other provider is asked.
      if (held && group[0]?.type !== 'start') {
        held = false;
        releaseMedia(input.messages);
      }
      for (const event of group) {
        if (event.type === 'text-delta') live.say(event.text);
        else if (event.type === 'finish') ({ reason, citations: sources = sources } = event);
      }
    }
    return { state: 'completed', reason, error: null, call, sources };
  } catch (thrown) {
    return madeNothing(thrown, call, sources);
  }
}

/** What is made where something was thrown. */
export function madeNothing(thrown: unknown, call: Made['call'] = null, sources: Citation[] = []): Made {
  const error = asLastWord(asParleyError(thrown));
  return { state: stateOf(error), reason: null, error, call, sources };
}

/** An answer that failed has failed: its reason may not say that the same question, asked again, could have another end. */
function asLastWord(error: ParleyError): ParleyError {
  if (error.code !== 'storage_unavailable') return error;
  const text = 'The answer could not be made, because the database was away. Ask again.';
  return new ParleyError('storage_failed', text, { cause: error });
}

function stateOf({ code }: ParleyError): Made['state'] {
  if (code === 'cancelled') return 'cancelled';
  return code === 'interrupted' ? 'interrupted' : 'failed';
}

async function completionInput(parts: MakeAnswerParts, work: AnswerWork) {
  const { contract, endpoint, requestId, model, temperature, maxTokens } = work.question;
  const { needs, sources: given, ...context } = await contextOf(parts, work);
  const messages = await withMedia(context.messages, context.model, parts.messages);
  const request = { contract, endpoint, requestId, model, messages, needs, temperature, maxTokens };
  return { ...request, cache: null, given };
}

/** The context that the model sees, and what of the knowledge base is in it. */
export async function contextOf(
  parts: MakeAnswerParts,
  work: Omit<AnswerWork, 'caller'>,
): Promise<Context & { sources: Citation[]; model: Seeing | undefined }> {
  const { question, questionId, conversationId } = work;
  const { contextLength } = roomFor(parts.completions, question);
  const newest = await readBack(parts.messages, conversationId, contextLength ?? historyMost);
  const at = newest.findIndex(({ id }) => id === questionId);
  const asked = newest[at];
  if (asked === undefined) throw new ParleyError('not_found', 'The question was removed.');
  const room = roomFor(parts.completions, { ...question, parts: asked.parts });
  const { systemPrompt, sources } = grounded(parts, work, newest.slice(at), room);
  const context = assembleContext({ ...room, systemPrompt, history: newest.slice(at + 1), question: asked });
  return { ...context, sources, model: room.model };
}

/**
 * What the model that is asked first can take in; those it falls back to are asked the same. Throws as `Router.plan` does, also for images and videos
 * that the model cannot see.
 */
export function roomFor(
  { router, defaultModel }: Pick<CompletionsParts, 'router' | 'defaultModel'>,
  { model, maxTokens, parts }: Asking,
) {
  const [candidate] = router.plan(model ?? defaultModel(), needsOfParts(parts));
  const { contextLength = null, maxOutput = null } = candidate?.model ?? {};
  return { contextLength, maxOutput, maxTokens, model: candidate?.model };
}

type Asking = Pick<KeptQuestion, 'model' | 'maxTokens'> & { parts?: readonly AnyPart[] | null | undefined };

/** The newest messages of a conversation, newest first, at least so many that they fill `tokens`. */
async function readBack(
  messages: MakeAnswerParts['messages'],
  conversationId: number,
  tokens: number,
): Promise<ContextMessage[]> {
  const read: ContextMessage[] = [];
  let left = tokens;
  for (;;) {
    const before = read.at(-1)?.place ?? Number.MAX_SAFE_INTEGER;
    const page = await messages.contextBefore(conversationId, before, historyPage);
    read.push(...page);
    for (const message of page) left -= message.tokens;
    if (page.length < historyPage || left <= 0 || read.length >= historyMost) return read;
  }
}
