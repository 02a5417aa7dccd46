import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CompletionEvent, CompletionInput } from '../../core/completions/completions.ts';
import { asParleyError } from '../../core/errors.ts';
import { eventStreamTimes, sendEventStream } from '../../http/event-stream.ts';
import { presentError } from './errors.ts';
import type { OpenAiOptions } from './options.ts';
import { presentUsage } from './present.ts';

export interface ChunkHead {
  id: string;
  /** Seconds since the epoch. */
  created: number;
  includeUsage: boolean;
}

/** Streams an answer as `chat.completion.chunk` objects. */
export async function streamAnswer(
  { core, running }: OpenAiOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  input: CompletionInput,
  head: ChunkHead,
): Promise<FastifyReply> {
  const events = core.completions.stream(request.caller, input, running.forResponse(reply.raw));
  await sendEventStream(reply, events, {
    ...eventStreamTimes,
    frame: createFrames(head),
    failureFrame: (thrown) => JSON.stringify(presentError(asParleyError(thrown))),
    terminator: '[DONE]',
  });
  return reply;
}

/**
 * Events as `data:` payloads. One event can be several chunks, which are then joined as further frames: the first delta
 * is preceded by the role, the last chunk followed by the usage.
 */
export function createFrames({
  id,
  created,
  includeUsage,
}: ChunkHead): (event: CompletionEvent) => string | null {
  const usageTail = includeUsage ? ',"usage":null}' : '}';
  const base = `{"id":${JSON.stringify(id)},"object":"chat.completion.chunk","created":${created},"model":`;
  let begun = false;

  const chunk = (model: string, delta: string, reason: string): string =>
    `${base}${JSON.stringify(model)},"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${reason}}]${usageTail}`;
  const withRole = (model: string, frame: string): string => {
    if (begun) return frame;
    begun = true;
    return join(chunk(model, '{"role":"assistant","content":"","refusal":null}', 'null'), frame);
  };

  return (event) => {
    switch (event.type) {
      case 'start':
      case 'wire-chunk':
        return null;
      case 'text-delta':
        return withRole(event.model, chunk(event.model, `{"content":${JSON.stringify(event.text)}}`, 'null'));
      case 'extra-delta':
        return withRole(event.model, chunk(event.model, JSON.stringify(event.delta), 'null'));
      case 'finish': {
        const last = withRole(event.model, chunk(event.model, '{}', JSON.stringify(event.reason)));
        if (!includeUsage) return last;
        const usage = JSON.stringify(presentUsage(event.usage));
        return join(last, `${base}${JSON.stringify(event.model)},"choices":[],"usage":${usage}}`);
      }
      default:
        return event satisfies never;
    }
  };
}

function join(first: string, second: string): string {
  return `${first}\n\ndata: ${second}`;
}
