import type { Answer, ModelRequest, ProviderEvent } from '../core/completions/provider.ts';
import { completeUsage } from './estimated-usage.ts';
import type { EstimateTokens } from './estimated-usage.ts';
import type { ReadChunk } from './openai-stream.ts';
import {
  contentText,
  fromOpenAiAnswer,
  hasThoughts,
  outputOf,
  readOpenAiUsage,
  toFinishReason,
} from './openai-wire.ts';
import type { VendorIdentity } from './vendor-errors.ts';
import { arrayOf, countOf, objectOf } from './wire-values.ts';
import type { WireObject } from './wire-values.ts';

/** A client's own request as it goes to the vendor. */
export function toRelayedRequest({ model }: ModelRequest, wire: WireObject): WireObject {
  return { ...wire, model };
}

/** The same for a streamed answer; `usageInStream` asks for the usage, which the books want whatever the client wants. */
export function toRelayedStreamRequest(
  request: ModelRequest,
  wire: WireObject,
  usageInStream: boolean,
): WireObject {
  const body = toRelayedRequest(request, wire);
  body.stream = true;
  if (usageInStream) body.stream_options = { ...objectOf(wire.stream_options), include_usage: true };
  return body;
}

/** The vendor's answer as it came, with what core knows of answers beside it. */
export function fromRelayedAnswer(
  vendor: VendorIdentity,
  body: unknown,
  request: ModelRequest,
  estimateTokens: EstimateTokens,
): Answer {
  const answer = fromOpenAiAnswer(vendor, body, request, estimateTokens);
  const wire = objectOf(body) ?? {};
  if (answer.usage.estimated) {
    const output = arrayOf(wire.choices).map((choice) => writtenIn(objectOf(choice)?.message));
    const reported = { ...readOpenAiUsage(wire.usage), thought: answer.usage.thought };
    answer.usage = completeUsage(reported, request, output.join(''), estimateTokens);
  }
  return { ...answer, wire };
}

/**
 * Passes the chunks of a stream on as they came. Those before the first that says something are held back until it is
 * there, for as long as nothing is said another model may still answer instead. The chunk with nothing but the usage is
 * for the books where the client did not ask for it.
 */
export function createChunkRelay(wire: WireObject): ReadChunk {
  const isUsageWanted = objectOf(wire.stream_options)?.include_usage === true;
  const begun = new Set<number>();
  const finished = new Set<number>();
  let speaks = false;

  return (chunk, data, progress, group) => {
    const choices = arrayOf(chunk.choices).map(objectOf);
    const isUsage = objectOf(chunk.usage) !== undefined;
    if (isUsage) progress.usage = readOpenAiUsage(chunk.usage);
    let text = '';
    let thinks = false;
    for (const choice of choices) {
      text += writtenIn(choice?.delta);
      thinks ||= hasThoughts(objectOf(choice?.delta) ?? {});
      const index = countOf(choice?.index) ?? 0;
      begun.add(index);
      if (typeof choice?.finish_reason !== 'string' || choice.finish_reason === '') continue;
      finished.add(index);
      if (index === 0 || progress.lastReason === undefined)
        progress.lastReason = toFinishReason(choice.finish_reason);
    }
    progress.output += text;
    progress.thought ||= thinks;
    progress.reason = finished.size < begun.size ? undefined : progress.lastReason;
    if (isUsage && choices.length === 0 && !isUsageWanted) return;
    const said = { chunk: onOneLine(data, chunk), text };
    const event: ProviderEvent = { type: 'wire-chunk', ...said, ...(thinks && { thought: true }) };
    speaks ||= choices.some(saysSomething);
    if (!speaks) return void progress.held.push(event);
    group.push(...progress.held.splice(0), event);
  };
}

function saysSomething(choice: WireObject | undefined): boolean {
  if (typeof choice?.finish_reason === 'string' && choice.finish_reason !== '') return true;
  return Object.entries(objectOf(choice?.delta) ?? {}).some(
    ([name, value]) => name !== 'role' && value !== null && value !== '' && !isEmptyList(value),
  );
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** The text of a choice's message or delta with everything else that it costs. */
function writtenIn(message: unknown): string {
  const said = objectOf(message);
  return said === undefined ? '' : contentText(said.content) + outputOf(said);
}

// An event's data may be spread over several lines; in JSON the breaks between them mean nothing.
function onOneLine(data: string, chunk: WireObject): string {
  return data.includes('\n') ? JSON.stringify(chunk) : data;
}
