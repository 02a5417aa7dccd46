import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CompletionInput } from '../../core/completions/completions.ts';
import { asParleyError } from '../../core/errors.ts';
import { eventStreamTimes, sendEventStream } from '../../http/event-stream.ts';
import type { AnswerHead } from '../../http/openai-answer.ts';
import { createChunkFrames } from '../../http/openai-chunks.ts';
import { isEnglish } from './envelope.ts';
import { presentFault } from './errors.ts';
import type { StudioOptions } from './options.ts';

/** Streams the vendor's chunks as they come, or ours in the same shape. */
export async function streamRelayed(
  { core }: Pick<StudioOptions, 'core'>,
  request: FastifyRequest,
  reply: FastifyReply,
  input: CompletionInput,
  head: AnswerHead & { includeUsage: boolean },
  signal: AbortSignal,
): Promise<FastifyReply> {
  const english = isEnglish(request);
  const events = core.completions.stream(request.caller, input, signal);
  await sendEventStream(reply, events, {
    ...eventStreamTimes,
    frame: createChunkFrames(head, head.includeUsage),
    failureFrame: (thrown) => failureFrame(thrown, english),
    terminator: '[DONE]',
  });
  return reply;
}

/** A failure as OpenAI's clients look for it in a stream. */
function failureFrame(thrown: unknown, english: boolean): string {
  const { code, message } = presentFault(asParleyError(thrown), english);
  const type = code >= 500 ? 'server_error' : 'invalid_request_error';
  return JSON.stringify({ error: { message, type, param: null, code } });
}
