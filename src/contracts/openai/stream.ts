import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CompletionInput } from '../../core/completions/completions.ts';
import { asParleyError } from '../../core/errors.ts';
import { eventStreamTimes, sendEventStream } from '../../http/event-stream.ts';
import type { AnswerHead } from '../../http/openai-answer.ts';
import { createChunkFrames } from '../../http/openai-chunks.ts';
import { presentError } from './errors.ts';
import type { OpenAiOptions } from './options.ts';

/** Streams an answer as `chat.completion.chunk` objects. */
export async function streamAnswer(
  { core, running }: OpenAiOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  input: CompletionInput,
  head: AnswerHead & { includeUsage: boolean },
): Promise<FastifyReply> {
  const events = core.completions.stream(request.caller, input, running.forResponse(reply.raw));
  await sendEventStream(reply, events, {
    ...eventStreamTimes,
    frame: createChunkFrames(head, head.includeUsage),
    failureFrame: (thrown) => JSON.stringify(presentError(asParleyError(thrown))),
    terminator: '[DONE]',
  });
  return reply;
}
