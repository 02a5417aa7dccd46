import type { CompletionEvent } from '../core/completions/completions.ts';
import { presentUsage, type AnswerHead } from './openai-answer.ts';

/**
 * Events as `data:` payloads with `chat.completion.chunk` objects. One event can be several chunks, which are then joined as
 * further frames: the first delta is preceded by the role, the last chunk followed by the usage where it is wanted. Chunks of
 * a vendor go as they are, and end with themselves.
 */
export function createChunkFrames(
  { id, created }: AnswerHead,
  includeUsage: boolean,
): (event: CompletionEvent) => string | null {
  const usageTail = includeUsage ? ',"usage":null}' : '}';
  const base = `{"id":${JSON.stringify(id)},"object":"chat.completion.chunk","created":${created},"model":`;
  let begun = false;
  let relayed = false;

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
        return null;
      case 'wire-chunk':
        relayed = true;
        return event.chunk;
      case 'text-delta':
        return withRole(event.model, chunk(event.model, `{"content":${JSON.stringify(event.text)}}`, 'null'));
      case 'extra-delta':
        return withRole(event.model, chunk(event.model, JSON.stringify(event.delta), 'null'));
      case 'finish': {
        if (relayed) return null;
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
