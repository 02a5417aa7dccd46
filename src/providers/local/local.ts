import { setImmediate as nextTurn } from 'node:timers/promises';
import { textOf } from '../../core/completions/messages.ts';
import type { Answer, ModelRequest, Provider, ProviderEvent } from '../../core/completions/provider.ts';
import { ParleyError } from '../../core/errors.ts';
import type { Knowledge } from '../../core/knowledge/knowledge.ts';
import { cutToTokens, piecesOf } from './pieces.ts';
import { questionOf } from './question.ts';
import { replyTo } from './reply.ts';

export interface LocalParts {
  knowledge: Knowledge;
  /** The estimated number of tokens of a text. */
  estimateTokens: (text: string) => number;
  /** Whether the articles about Parley are in the knowledge base; true where it is left out. */
  aboutParley?: boolean;
}

/** How many pieces a stream yields before the event loop gets a turn. */
const piecesPerTurn = 16;

/**
 * The offline answerer behind `parley-local`: it quotes the passages of the knowledge base that fit the last user
 * message, and says so when none do. Equal requests get equal answers until the knowledge base changes.
 * Honours `maxTokens` (by estimate) and `stop`; instructions in prompts have no effect, they are only looked up.
 */
export function createLocalProvider(parts: LocalParts): Provider {
  return {
    name: 'local',
    retrieves: true,
    answer: async (request, signal) => {
      throwIfAborted(signal);
      return answerOf(parts, request);
    },
    stream: (request, signal) => streamOf(parts, request, signal),
    revision: () => parts.knowledge.revision(),
    close: async () => {},
  };
}

function answerOf(
  { knowledge, estimateTokens, aboutParley = true }: LocalParts,
  request: ModelRequest,
): Answer {
  const reply = replyTo(questionOf(request.messages), knowledge, aboutParley);
  const whole = beforeStop(reply.text, request.extra?.['stop']);
  const text =
    request.maxTokens === undefined ? whole : cutToTokens(whole, request.maxTokens, estimateTokens);
  const promptTokens = request.messages.reduce(
    (sum, { content }) => sum + estimateTokens(textOf(content)),
    0,
  );
  return {
    text,
    reason: text.length < whole.length ? 'length' : 'stop',
    usage: { promptTokens, completionTokens: estimateTokens(text), estimated: true },
    citations: reply.citations,
  };
}

async function* streamOf(
  parts: LocalParts,
  request: ModelRequest,
  signal: AbortSignal,
): AsyncGenerator<ProviderEvent[], void> {
  throwIfAborted(signal);
  const answer = answerOf(parts, request);
  let yielded = 0;
  for (const text of piecesOf(answer.text)) {
    if (yielded > 0 && yielded % piecesPerTurn === 0) await nextTurn();
    throwIfAborted(signal);
    yield [{ type: 'text-delta', text }];
    yielded += 1;
  }
  throwIfAborted(signal);
  const { reason, usage, citations = [] } = answer;
  yield [{ type: 'finish', reason, usage, citations }];
}

/** The text before the first of OpenAI's `stop` sequences: a string or a list of strings. */
function beforeStop(text: string, stop: unknown): string {
  const sequences = (Array.isArray(stop) ? stop : [stop]).filter(
    (one): one is string => typeof one === 'string',
  );
  const ends = sequences.filter((one) => one !== '').map((one) => text.indexOf(one));
  return text.slice(0, Math.min(text.length, ...ends.filter((end) => end >= 0)));
}

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted)
    throw new ParleyError('cancelled', 'The answer was cancelled.', { cause: signal.reason });
}
