import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CompletionEvent, CompletionInput } from '../../core/completions/completions.ts';
import { asParleyError } from '../../core/errors.ts';
import { eventStreamTimes, sendEventStream } from '../../http/event-stream.ts';
import { gatewayError } from './errors.ts';
import type { GatewayOptions } from './options.ts';
import { presentUsage } from './present.ts';

/** Streams an answer as gateway.md, "Streaming Chat", has it. */
export async function streamAnswer(
  { core, running }: GatewayOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  input: CompletionInput,
): Promise<FastifyReply> {
  const signal = running.forResponse(reply.raw);
  const events = core.completions.stream(request.caller, input, signal);
  const start = await events.next();
  for (const event of start.done === true ? [] : start.value) {
    if (event.type === 'start') reply.header('x-cache-status', event.cache.status);
  }
  await sendEventStream(reply, events, { ...eventStreamTimes, frame: createFrames(), failureFrame });
  return reply;
}

/** Events as `data:` lines, the chunks numbered from 0. */
function createFrames(): (event: CompletionEvent) => string | null {
  let index = 0;
  return (event) => {
    switch (event.type) {
      case 'text-delta':
        return JSON.stringify({ chunk: event.text, index: index++ });
      case 'finish':
        return JSON.stringify({ finished: true, usage: presentUsage(event.usage), model: event.model });
      case 'start':
      case 'extra-delta':
      case 'wire-chunk':
        return null;
      default:
        return event satisfies never;
    }
  };
}

function failureFrame(thrown: unknown): string {
  const error = asParleyError(thrown);
  return JSON.stringify({ error: error.message, code: gatewayError(error.code).code });
}
