import type { FinishReason, ModelRequest, ProviderEvent } from '../core/completions/provider.ts';
import { completeUsage } from './estimated-usage.ts';
import type { EstimateTokens, ReportedUsage } from './estimated-usage.ts';
import {
  contentText,
  hasThoughts,
  outputOf,
  readOpenAiUsage,
  throwReported,
  toFinishReason,
  withoutNulls,
} from './openai-wire.ts';
import { malformedError } from './vendor-errors.ts';
import { readEvents } from './sse-events.ts';
import { isCancelled } from './vendor-exchange.ts';
import type { Vendor, VendorStream } from './vendor-exchange.ts';
import { parseJson } from './vendor-http.ts';
import { arrayOf, objectOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

const doneMark = '[DONE]';

/** What is known of a stream so far. */
export interface Progress {
  /** Set where all of the answer is there. */
  reason: FinishReason | undefined;
  /** Of one of several answers, where not all of them are there. */
  lastReason: FinishReason | undefined;
  usage: ReportedUsage;
  thought: boolean;
  done: boolean;
  output: string;
  /** Events that wait for the one after them. */
  held: ProviderEvent[];
}

/** Adds the events in one chunk, whose text is `data`, to `group`; notes in `progress` what belongs into the finish event. */
export type ReadChunk = (chunk: WireObject, data: string, progress: Progress, group: ProviderEvent[]) => void;

/**
 * The events of a streamed chat completion, which the first read opens. `finish` comes last, after the usage chunk that follows the finish
 * reason; a stream that ends with neither a finish reason nor `[DONE]` is `provider_failed`.
 */
export async function* fromOpenAiStream(
  vendor: Vendor,
  open: () => Promise<VendorStream>,
  request: ModelRequest,
  estimateTokens: EstimateTokens,
  read: ReadChunk = readChunk,
): AsyncGenerator<ProviderEvent[], void, undefined> {
  const progress: Progress = {
    reason: undefined,
    lastReason: undefined,
    usage: {},
    thought: false,
    done: false,
    output: '',
    held: [],
  };
  const stream = await open();
  try {
    for await (const events of readEvents(vendor, stream, (event) => event.data === doneMark)) {
      const group: ProviderEvent[] = [];
      try {
        for (const { data } of events) {
          if (data === doneMark) progress.done = true;
          else if (data !== '') {
            const chunk = objectOf(parseJson(vendor, data));
            throwReported(vendor, chunk);
            if (chunk !== undefined) read(chunk, data, progress, group);
          }
        }
      } finally {
        if (group.length > 0) yield group;
      }
    }
  } catch (error) {
    // All of the answer is there: a connection lost while waiting for the usage must not take it away.
    if (progress.reason === undefined || isCancelled(error)) throw error;
  }
  if (progress.reason === undefined && !progress.done)
    throw malformedError(vendor, 'a stream that ended before the answer did');
  const { thought, output } = progress;
  const usage = completeUsage({ ...progress.usage, thought }, request, output, estimateTokens);
  yield [...progress.held, { type: 'finish', reason: progress.reason ?? 'stop', usage }];
}

function readChunk(chunk: WireObject, _data: string, progress: Progress, group: ProviderEvent[]): void {
  if (objectOf(chunk.usage) !== undefined) progress.usage = readOpenAiUsage(chunk.usage);
  const choice = firstChoice(chunk);
  if (choice === undefined) return;
  const { role: _, content, ...rest } = objectOf(choice.delta) ?? {};
  const text = contentText(content);
  if (text !== '') {
    progress.output += text;
    group.push({ type: 'text-delta', text });
  }
  const delta = withoutNulls(rest);
  if (delta !== undefined) {
    progress.output += outputOf(delta);
    progress.thought ||= hasThoughts(delta);
    group.push({ type: 'extra-delta', delta });
  }
  if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '')
    progress.reason = toFinishReason(choice.finish_reason);
}

// With `n` above 1 the choices of one stream are told apart by their index; core knows one answer.
function firstChoice(chunk: WireObject): WireObject | undefined {
  return arrayOf(chunk.choices)
    .map(objectOf)
    .find((choice) => choice !== undefined && (choice.index ?? 0) === 0);
}
