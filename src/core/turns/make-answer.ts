import type { ContextMessage, Messages } from '../../storage/messages.ts';
import type { CompletionsParts } from '../completions/completions.ts';
import { stream } from '../completions/stream.ts';
import type { CallEnd, CallOrigin, Meter } from '../completions/meter.ts';
import type { FinishReason } from '../completions/provider.ts';
import { assembleContext, type Context } from '../conversations/context.ts';
import { asParleyError, ParleyError } from '../errors.ts';
import type { UserCaller } from '../identity/caller.ts';
import type { LiveTurn } from './live-turn.ts';
import type { Question } from './turn.ts';

/** What an answer is made of. */
export interface AnswerWork {
  caller: UserCaller;
  question: Question;
  questionId: number;
  conversationId: number;
  systemPrompt: string | null;
}

/** How the making ended. */
export interface Made {
  state: 'completed' | 'failed' | 'cancelled' | 'interrupted';
  reason: FinishReason | null;
  error: ParleyError | null;
  /** The one call to a model, for the books; null where none was made. */
  call: { origin: CallOrigin; end: CallEnd } | null;
}

export interface MakeAnswerParts {
  completions: CompletionsParts;
  messages: Pick<Messages, 'contextBefore'>;
}

/** Why a turn is broken off: `stopped` by somebody who may, or `interrupted` because the process ends. */
export const stopped = new ParleyError('cancelled', 'The answer was stopped.');
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
  live: LiveTurn,
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
  try {
    signal.throwIfAborted();
    const input = await completionInput(parts, work);
    for await (const group of stream({ ...parts.completions, meter }, work.caller, input, signal)) {
      for (const event of group) {
        if (event.type === 'text-delta') live.say(event.text);
        else if (event.type === 'finish') ({ reason } = event);
      }
    }
    return { state: 'completed', reason, error: null, call };
  } catch (thrown) {
    const error = asParleyError(thrown);
    return { state: stateOf(error), reason: null, error, call };
  }
}

function stateOf({ code }: ParleyError): Made['state'] {
  if (code === 'cancelled') return 'cancelled';
  return code === 'interrupted' ? 'interrupted' : 'failed';
}

async function completionInput(parts: MakeAnswerParts, work: AnswerWork) {
  const { contract, endpoint, requestId, model, temperature, maxTokens } = work.question;
  const { messages } = await contextOf(parts, work);
  return { contract, endpoint, requestId, model, messages, temperature, maxTokens, cache: null };
}

/** The context that the model sees. */
export async function contextOf(
  { completions, messages }: MakeAnswerParts,
  work: Pick<AnswerWork, 'question' | 'questionId' | 'conversationId' | 'systemPrompt'>,
): Promise<Context> {
  const { question, questionId, conversationId, systemPrompt } = work;
  const room = roomFor(completions, question);
  const newest = await readBack(messages, conversationId, room.contextLength ?? historyMost);
  const at = newest.findIndex(({ id }) => id === questionId);
  const asked = newest[at];
  if (asked === undefined) throw new ParleyError('not_found', 'The question was removed.');
  return assembleContext({ ...room, systemPrompt, history: newest.slice(at + 1), question: asked });
}

/** What the model that is asked first can take in; those it falls back to are asked the same. */
export function roomFor(
  { router, defaultModel }: Pick<CompletionsParts, 'router' | 'defaultModel'>,
  { model, maxTokens }: Pick<Question, 'model' | 'maxTokens'>,
) {
  const [candidate] = router.plan(model ?? defaultModel());
  const { contextLength = null, maxOutput = null } = candidate?.model ?? {};
  return { contextLength, maxOutput, maxTokens };
}

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
